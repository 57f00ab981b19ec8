"""Which instances may be enabled, and where."""

from datetime import UTC, datetime

import msgspec
import pytest

from keystead.faults import InvalidParameter
from keystead.instances import rules
from keystead.instances.faults import InstanceStateInvalid
from keystead.instances.model import Instance, InstanceStatus, Network, Renewal

SINGAPORE = ("ap-southeast-1a", "ap-southeast-1b", "ap-southeast-1c")
KUALA_LUMPUR = ("ap-southeast-3a", "ap-southeast-3b")
MANILA = ("ap-southeast-6a",)


@pytest.mark.parametrize(
    ("zones", "chosen", "fits"),
    [
        (SINGAPORE, 1, False),
        (SINGAPORE, 2, True),
        (SINGAPORE, 3, True),
        (KUALA_LUMPUR, 1, False),
        (KUALA_LUMPUR, 2, True),
        (MANILA, 1, True),
    ],
)
def test_two_zones_or_up_to_three_or_one_where_there_is_one(zones: tuple[str, ...], chosen: int, *, fits: bool) -> None:
    """KMS billing page: dual-zone by default, multi-zone up to three, single-zone in Manila and Bangkok."""
    listed = ",".join(zones[:chosen])
    if fits:
        assert rules.network_of("vpc-1", listed, "vsw-1", zones) == Network("vpc-1", zones[:chosen], ("vsw-1",))
        return
    with pytest.raises(InvalidParameter) as caught:
        rules.network_of("vpc-1", listed, "vsw-1", zones)
    assert caught.value.name == "ZoneIds"


@pytest.mark.parametrize(
    ("vpc_id", "zone_ids", "vswitch_ids", "named"),
    [
        ("", "ap-southeast-1a,ap-southeast-1b", "vsw-1", "VpcId"),
        ("vsw-1", "ap-southeast-1a,ap-southeast-1b", "vsw-1", "VpcId"),
        ("vpc-1", "ap-southeast-1a,cn-hangzhou-k", "vsw-1", "ZoneIds"),
        ("vpc-1", "ap-southeast-1a,ap-southeast-1a", "vsw-1", "ZoneIds"),
        ("vpc-1", "ap-southeast-1a,", "vsw-1", "ZoneIds"),
        ("vpc-1", "ap-southeast-1a,ap-southeast-1b", "", "VSwitchIds"),
        ("vpc-1", "ap-southeast-1a,ap-southeast-1b", "vsw-1,vsw-1", "VSwitchIds"),
        ("vpc-1", "ap-southeast-1a,ap-southeast-1b", "vpc-1", "VSwitchIds"),
        ("vpc-1", "ap-southeast-1a,ap-southeast-1b", "vsw-1,vsw-2,vsw-3", "VSwitchIds"),
    ],
)
def test_a_network_that_will_not_do_is_refused_by_name(vpc_id: str, zone_ids: str, vswitch_ids: str, named: str) -> None:
    """The refusal names the parameter to change."""
    with pytest.raises(InvalidParameter) as caught:
        rules.network_of(vpc_id, zone_ids, vswitch_ids, SINGAPORE)
    assert caught.value.name == named


def instance(status: InstanceStatus) -> Instance:
    """An instance that differs in its status only."""
    return Instance(
        instance_id="kst-soz65a1b2c3abcdefghij",
        account_id="1234567890123456",
        region="ap-southeast-1",
        edition="software",
        product_type="kms_ddi_public_intl",
        name="kst-soz65a1b2c3abcdefghij",
        status=status,
        renewal=Renewal(),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        retention_days=15,
    )


def test_an_instance_is_enabled_once_and_within_its_term() -> None:
    """Uninitialized and running: yes. Connecting, Connected or expired: Forbidden.DKMSInstanceStateInvalid on the wire."""
    rules.connectable(instance(InstanceStatus.UNINITIALIZED), expired=False)
    for status in (InstanceStatus.CONNECTING, InstanceStatus.CONNECTED):
        with pytest.raises(InstanceStateInvalid):
            rules.connectable(instance(status), expired=False)
    with pytest.raises(InstanceStateInvalid):
        rules.connectable(instance(InstanceStatus.UNINITIALIZED), expired=True)


def test_keys_are_made_in_enabled_instances_only() -> None:
    """An instance still being enabled is as closed as one never enabled."""
    rules.usable(instance(InstanceStatus.CONNECTED))
    for status in (InstanceStatus.UNINITIALIZED, InstanceStatus.CONNECTING):
        with pytest.raises(InstanceStateInvalid):
            rules.usable(instance(status))


def test_the_vpc_of_enabling_uses_one_of_the_access_quota() -> None:
    """The default access quota of one is the VPC bound to the instance (KMS billing page, read 2026-11-22)."""
    fresh = instance(InstanceStatus.UNINITIALIZED)
    assert fresh.vpcs_used == 0
    assert msgspec.structs.replace(fresh, network=Network("vpc-1", ("a",), ("vsw-1",))).vpcs_used == 1


def test_the_only_provider_is_aliyun() -> None:
    """ConnectKmsInstance page: KMProvider is Aliyun."""
    rules.provider_served("Aliyun")
    with pytest.raises(InvalidParameter):
        rules.provider_served("aliyun2")
