"""Which instances may be enabled, and where."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from keystead.entitlements.model import Entitlement, Figures, Standing, Term
from keystead.faults import InvalidParameter
from keystead.instances import rules
from keystead.instances.faults import InstanceStateInvalid
from keystead.instances.model import Instance, InstanceStatus, Network, Owned, Renewal

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


def held(status: InstanceStatus, standing: Standing = Standing.ACTIVE) -> Owned:
    """That instance with a term of a month."""
    end = datetime(2026, 2, 1, 16, tzinfo=UTC)
    figures = Figures(qps=1000, key_num=1000, secret_num=0, access_num=1, log=False, log_storage_gb=0)
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    return Owned(instance(status), begun, end, end + timedelta(days=15), standing, figures, figures, begun)


def test_an_instance_is_enabled_once_and_within_its_term() -> None:
    """Uninitialized and running: yes. Connecting, Connected or expired: Forbidden.DKMSInstanceStateInvalid on the wire."""
    rules.connectable(held(InstanceStatus.UNINITIALIZED))
    for status in (InstanceStatus.CONNECTING, InstanceStatus.CONNECTED):
        with pytest.raises(InstanceStateInvalid, match=status.value):
            rules.connectable(held(status))
    with pytest.raises(InstanceStateInvalid, match="Expired"):
        rules.connectable(held(InstanceStatus.UNINITIALIZED, Standing.EXPIRED))


def test_keys_are_made_in_enabled_instances_only() -> None:
    """An instance still being enabled is as closed as one never enabled; an expired one too, whatever else it is."""
    rules.usable(held(InstanceStatus.CONNECTED))
    for status in (InstanceStatus.UNINITIALIZED, InstanceStatus.CONNECTING):
        with pytest.raises(InstanceStateInvalid):
            rules.usable(held(status))
        with pytest.raises(InstanceStateInvalid):
            rules.usable(held(status, Standing.EXPIRED))


def test_the_standing_kept_turns_at_the_very_millisecond() -> None:
    """Bought 2026-01-01T00:00:00Z for a month: over at 2026-02-01T16:00:00.000Z, released 15 days later to the millisecond."""
    end, tick = datetime(2026, 2, 1, 16, tzinfo=UTC), timedelta(milliseconds=1)
    figures = Figures(qps=2000, key_num=1000, secret_num=0, access_num=1, log=False, log_storage_gb=0)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    bought = Entitlement("1", "1234567890123456", "kst-1", Term(start, end), figures, start)
    kept = rules.standing_kept(instance(InstanceStatus.CONNECTED), [bought])
    assert (kept.qps_at(start), kept.connected) == (2000, True)
    assert (kept.expired(end - tick), kept.expired(end)) == (False, True)
    release = end + timedelta(days=15)
    assert (kept.released(release - tick), kept.released(release)) == (False, True)


def test_the_rate_kept_changes_at_the_very_millisecond() -> None:
    """Upgraded on 01-10 from 1000 to 2000, a pending renewal reduces to 1000 at the end: each rate from its own millisecond."""
    start, upgraded = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 10, tzinfo=UTC)
    end, later = datetime(2026, 2, 1, 16, tzinfo=UTC), datetime(2026, 3, 1, 16, tzinfo=UTC)
    tick = timedelta(milliseconds=1)
    figures = Figures(qps=1000, key_num=1000, secret_num=0, access_num=1, log=False, log_storage_gb=0)
    more = msgspec.structs.replace(figures, qps=2000)
    made = [(Term(start, end), figures), (Term(upgraded, end), more), (Term(end, later), figures)]
    held = [Entitlement(str(n), "1234567890123456", "kst-1", term, what, start) for n, (term, what) in enumerate(made)]
    kept = rules.standing_kept(instance(InstanceStatus.CONNECTED), held)
    moments = (start - tick, start, upgraded - tick, upgraded, end - tick, end, later)
    assert [kept.qps_at(moment) for moment in moments] == [1000, 1000, 1000, 2000, 2000, 1000, 1000]


def test_names_of_instances() -> None:
    """Letters, digits and `_/+=.@-`: page on enabling an instance, read 2026-11-22."""
    assert rules.checked_name("Prod_1/a+b=c.d@e-f") == "Prod_1/a+b=c.d@e-f"
    for bad in ("", "a b", "ключ", "a:b", "x" * 129):
        with pytest.raises(InvalidParameter):
            rules.checked_name(bad)


def test_the_only_provider_is_aliyun() -> None:
    """ConnectKmsInstance page: KMProvider is Aliyun."""
    rules.provider_served("Aliyun")
    with pytest.raises(InvalidParameter):
        rules.provider_served("aliyun2")
