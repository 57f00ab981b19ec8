"""VPCs of a deployment, and from where an instance's own gateway answers (pages on several VPCs, read 2026-11-22)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from keystead.gate.arrival import Arrival
from keystead.gate.life import live
from keystead.instances import commands as instances
from keystead.networks import commands as networks
from keystead.networks.faults import VpcInUse, VpcUnknown
from keystead.networks.model import Vpc, VSwitch
from tests import messages
from tests.access import application, policy
from tests.dedicated import HOST, Stage, deliver, staged
from tests.world import KMS_VERSION, Reply, Tenant, World

REGION = "ap-southeast-1"
INSIDE, OUTSIDE = "10.1.2.3", "10.2.0.1"


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A service on each database."""
    made = World(database_url, tmp_path / "var")
    yield made
    made.close()


def register(world: World, owner: Tenant, vpc_id: str, *cidrs: str, region: str = REGION) -> None:
    """Register a VPC with a vSwitch `vsw-…` of the same ending in zone a."""
    vswitch = VSwitch(vpc_id.replace("vpc-", "vsw-"), f"{region}a")
    with world.service.store.write() as tx:
        networks.register(tx, Vpc(vpc_id, region, owner.account_id, cidrs, (vswitch,), world.now))
    world.service.warm.refresh()


def bound(*names: str, **changed: object) -> str:
    """BindVpcs of some VPCs."""
    return json.dumps([{"VpcId": f"vpc-{name}", "VSwitchId": f"vsw-{name}", "RegionId": REGION, **changed} for name in names])


def bind(tenant: Tenant, instance_id: str, *names: str, **changed: object) -> Reply:
    """Replace the list."""
    return tenant.kms("UpdateKmsInstanceBindVpc", KmsInstanceId=instance_id, BindVpcs=bound(*names, **changed))


def used(tenant: Tenant, instance_id: str) -> tuple[int, int]:
    """How much of the access quantity is in use, and how much there is."""
    info = tenant.kms("GetKmsInstanceQuotaInfos", KmsInstanceId=instance_id, ResourceType="vpc").body["KmsInstanceQuotaInfos"][0]
    return info["UsedQuantity"], info["ResourceQuota"]


def shown(tenant: Tenant, instance_id: str) -> list[str]:
    """The further VPCs that GetKmsInstance shows."""
    found = tenant.kms("GetKmsInstance", KmsInstanceId=instance_id).body["KmsInstance"]["BindVpcs"]["BindVpc"]
    return [row["VpcId"] for row in found]


def json_from(tenant: Tenant, instance_id: str, key_id: str, source: str, **headers: str) -> str:
    """Encrypt by JSON on the instance's own host, from somewhere; gives the code."""
    arrival = tenant.arrival(KMS_VERSION, "Encrypt", {"KeyId": key_id, "Plaintext": "aGVsbG8="}, "", HOST.format(instance_id))
    moved = Arrival("POST", ("/", ""), {**arrival.headers, **headers}, b"", source)
    moved.query = arrival.query
    return tenant.world.deliver(moved).code


def test_without_any_vpc_registered_nothing_is_asked(world: World) -> None:
    """A developer's deployment: any VPC may be named, bound up to what is purchased, and calls come from anywhere."""
    tenant = world.tenant()
    instance_id = tenant.instance(VpcNum="2")
    assert bind(tenant, instance_id, "other").status == 200
    assert used(tenant, instance_id) == (2, 2)
    assert json_from(tenant, instance_id, tenant.key(instance_id), "192.0.2.7") == ""


def test_an_instance_is_enabled_only_in_a_registered_vpc_of_its_owner(world: World) -> None:
    """VpcId, VSwitchIds and ZoneIds are checked; another account's VPC looks as one that is not there."""
    tenant, other = world.tenant(), world.tenant()
    register(world, tenant, "vpc-1", "10.1.0.0/16")
    register(world, other, "vpc-2", "10.2.0.0/16")
    instance_id = tenant.buy()
    sound = {"VpcId": "vpc-1", "VSwitchIds": "vsw-1", "ZoneIds": f"{REGION}a,{REGION}b", "KMProvider": "Aliyun"}
    for changed, named in (
        ({"VpcId": "vpc-2", "VSwitchIds": "vsw-2"}, "VpcId"),
        ({"VpcId": "vpc-3"}, "VpcId"),
        ({"VSwitchIds": "vsw-2"}, "VSwitchIds"),
        ({"ZoneIds": f"{REGION}b,{REGION}c"}, "ZoneIds"),
    ):
        refused = tenant.kms("ConnectKmsInstance", KmsInstanceId=instance_id, **(sound | changed))
        assert (refused.status, refused.code) == (400, "InvalidParameter")
        assert f'"{named}"' in refused.body["Message"]
    foreign, absent = (
        tenant.kms("ConnectKmsInstance", KmsInstanceId=instance_id, **(sound | {"VpcId": vpc_id})).body["Message"]
        for vpc_id in ("vpc-2", "vpc-3")
    )
    assert foreign == absent
    assert tenant.kms("ConnectKmsInstance", KmsInstanceId=instance_id, **sound).status == 200


def test_vpcs_are_bound_up_to_what_is_purchased(world: World) -> None:
    """The VPC of enabling is one of three: two more fit, three do not, and then the old list stands; fewer frees at once."""
    tenant = world.tenant()
    instance_id = tenant.instance(VpcNum="3")
    assert used(tenant, instance_id) == (1, 3)
    assert bind(tenant, instance_id, "a", "b").status == 200
    refused = bind(tenant, instance_id, "c", "d", "e")
    assert (refused.status, refused.code) == (400, "Rejected.LimitExceeded")
    assert (shown(tenant, instance_id), used(tenant, instance_id)) == (["vpc-a", "vpc-b"], (3, 3))
    assert bind(tenant, instance_id, "c").status == 200
    assert (shown(tenant, instance_id), used(tenant, instance_id)) == (["vpc-c"], (2, 3))
    row = tenant.kms("GetKmsInstance", KmsInstanceId=instance_id).body["KmsInstance"]["BindVpcs"]["BindVpc"][0]
    assert row == {"VpcId": "vpc-c", "VSwitchId": "vsw-c", "RegionId": REGION, "VpcOwnerId": tenant.account_id}
    assert bind(tenant, instance_id, "1", "c").status == 200, "the VPC of enabling counts once"
    assert used(tenant, instance_id) == (2, 3)
    assert bind(tenant, instance_id).status == 200
    assert used(tenant, instance_id) == (1, 3)


def test_an_owner_may_be_a_number(world: World) -> None:
    """VpcOwnerId goes in as a number and comes out as text: so do clients send and read it."""
    tenant, other = world.tenant(), world.tenant()
    instance_id = tenant.instance(VpcNum="2")
    register(world, other, "vpc-2", "10.2.0.0/16")
    assert bind(tenant, instance_id, "2", VpcOwnerId=int(other.account_id)).status == 200
    row = tenant.kms("GetKmsInstance", KmsInstanceId=instance_id).body["KmsInstance"]["BindVpcs"]["BindVpc"][0]
    assert row["VpcOwnerId"] == other.account_id


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "{}",
        '[{"VpcId":"vpc-2"}]',
        '["vpc-2"]',
        bound("2", RegionId="eu-central-1"),
        bound("2", "2"),
        bound("2", VpcId="net-2"),
        bound("2", VpcOwnerId="x"),
        bound("2", VSwitchId="sw"),
        bound("2", VpcOwnerId=1),
        bound("3"),
        bound("2", VSwitchId="vsw-3"),
    ],
)
def test_what_cannot_be_bound_is_refused(world: World, text: str) -> None:
    """Malformed, elsewhere, twice, of another owner, not registered, of another vSwitch: InvalidParameter, nothing changes."""
    tenant = world.tenant()
    register(world, tenant, "vpc-1", "10.1.0.0/16")
    register(world, tenant, "vpc-2", "10.2.0.0/16")
    instance_id = tenant.instance(VpcNum="3")
    refused = tenant.kms("UpdateKmsInstanceBindVpc", KmsInstanceId=instance_id, BindVpcs=text)
    assert (refused.status, refused.code) == (400, "InvalidParameter"), refused.body
    assert '"BindVpcs"' in refused.body["Message"]
    assert used(tenant, instance_id) == (1, 3)


def test_an_instance_that_is_not_enabled_or_expired_binds_nothing(world: World) -> None:
    """403 Forbidden.DKMSInstanceStateInvalid, as for a key."""
    tenant = world.tenant()
    bought, enabled = tenant.buy(VpcNum="2"), tenant.instance(VpcNum="2")
    assert bind(tenant, bought, "2").code == "Forbidden.DKMSInstanceStateInvalid"
    world.advance(days=32)
    assert bind(tenant, enabled, "2").code == "Forbidden.DKMSInstanceStateInvalid"


def test_two_at_once_do_not_share_the_last_place(world: World) -> None:
    """Eight calls at once of two VPCs each, room for two: each is whole or refused, and in the end two are bound."""
    tenant = world.tenant()
    instance_id = tenant.instance(VpcNum="3")
    codes: list[str] = []
    calls = [(f"{n}a", f"{n}b", *([f"{n}c"] if n % 2 else [])) for n in range(8)]

    def one(names: tuple[str, ...]) -> None:
        codes.append(bind(tenant, instance_id, *names).code)

    threads = [threading.Thread(target=one, args=(names,)) for names in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [""] * 4 + ["Rejected.LimitExceeded"] * 4
    found = shown(tenant, instance_id)
    assert found in [[f"vpc-{n}a", f"vpc-{n}b"] for n in range(0, 8, 2)]


@pytest.fixture
def stage(database_url: str, tmp_path: Path) -> Iterator[Stage]:
    """A tenant's application, whose instance is bound to vpc-1, which is 10.1.0.0/16."""
    with staged(database_url, tmp_path) as made:
        register(made.world, made.tenant, "vpc-1", "10.1.0.0/16")
        yield made


def message_from(stage: Stage, key_id: str, source: str, **headers: str) -> str:
    """Encrypt by message, from somewhere; gives the code."""
    body = messages.request("Encrypt", KeyId=key_id, Plaintext=b"x")
    return deliver(stage.world, "Encrypt", stage.application.arrival("Encrypt", body, source, **headers)).code


def test_an_instance_answers_inside_its_vpcs_only(stage: Stage) -> None:
    """By message and by JSON, by the instance's host and by the client key alone; the shared gateway is no matter of it."""
    key_id, tenant, host = stage.key(), stage.tenant, {"host": HOST.format(stage.instance_id)}
    ours = f"{stage.instance_id}"
    for source, code in ((INSIDE, ""), (OUTSIDE, "Forbidden.NoPermission"), ("", "Forbidden.NoPermission")):
        assert message_from(stage, key_id, source) == code
        assert message_from(stage, key_id, source, **host) == code
        assert json_from(tenant, ours, key_id, source) == code
    assert message_from(stage, key_id, f"::ffff:{INSIDE}") == ""
    assert json_from(tenant, ours, key_id, OUTSIDE, **{"x-forwarded-for": INSIDE}) == "Forbidden.NoPermission"
    assert tenant.kms("Encrypt", KeyId=key_id, Plaintext="aGVsbG8=").status == 200, "the shared gateway"
    random = stage.application.arrival("GenerateRandom", messages.request("GenerateRandom", Length=8), OUTSIDE)
    assert deliver(stage.world, "GenerateRandom", random).code == "Forbidden.NoPermission"
    absent = message_from(stage, "key-absent", OUTSIDE, **host)
    assert absent == "Forbidden.NoPermission", "outside, not even what is there is told"


def test_binding_and_registering_hold_at_once(stage: Stage) -> None:
    """A second VPC is inside from the commit that binds it and outside from the one that does not; so is a registered range."""
    key_id, tenant = stage.key(), stage.tenant
    asked = {"InstanceId": stage.instance_id, "ProductCode": "kms", "ModifyType": "Upgrade", "SubscriptionType": "Subscription"}
    bought = tenant.bss("ModifyInstance", **asked, Parameter__1__Code="VpcNum", Parameter__1__Value="2")
    assert bought.body["Success"], bought.body
    assert message_from(stage, key_id, OUTSIDE) == "Forbidden.NoPermission"
    assert bind(tenant, stage.instance_id, "2").code == "InvalidParameter"
    register(stage.world, tenant, "vpc-2", "10.2.0.0/16", "fd00::/8")
    assert message_from(stage, key_id, OUTSIDE) == "Forbidden.NoPermission"
    assert bind(tenant, stage.instance_id, "2").status == 200
    assert [message_from(stage, key_id, source) for source in (INSIDE, OUTSIDE, "[fd00::1]")] == ["", "", ""]
    with pytest.raises(VpcInUse), stage.world.service.store.write() as tx:
        instances.unregister_vpc(tx, "vpc-2")
    assert bind(tenant, stage.instance_id).status == 200
    assert message_from(stage, key_id, OUTSIDE) == "Forbidden.NoPermission"
    with stage.world.service.store.write() as tx:
        instances.unregister_vpc(tx, "vpc-2")
    with pytest.raises(VpcInUse), stage.world.service.store.write() as tx:
        instances.unregister_vpc(tx, "vpc-1")
    with pytest.raises(VpcUnknown), stage.world.service.store.write() as tx:
        instances.unregister_vpc(tx, "vpc-9")


def test_a_vpc_of_the_same_name_elsewhere_is_another_one(world: World) -> None:
    """Enabled before any was registered, an instance is not reached from what somebody else registers under its VPC's name."""
    tenant, other = world.tenant(), world.tenant()
    instance_id = tenant.instance()
    key_id = tenant.key(instance_id)
    register(world, other, "vpc-1", "10.1.0.0/16")
    assert json_from(tenant, instance_id, key_id, INSIDE) == "Forbidden.NoPermission"


def test_a_warm_call_reads_nothing_for_it(sqlite_url: str, tmp_path: Path) -> None:
    """Ten calls through an instance's own host, from inside: no statement."""
    world = World(sqlite_url, tmp_path / "var")
    tenant = world.tenant()
    register(world, tenant, "vpc-1", "10.1.0.0/16")
    instance_id = tenant.instance()
    key_id = tenant.key(instance_id)
    policy(tenant, "all", instance_id, ["key/*"])
    caller = application(tenant, "shop", "all")
    body = messages.request("Encrypt", KeyId=key_id, Plaintext=b"x")
    calls = [caller.arrival("Encrypt", body, INSIDE, host=HOST.format(instance_id)) for _ in range(30)]
    statements: list[str] = []

    def seen(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    for arrival in calls[:20]:
        assert live(world.service, arrival).answer.status == 200
    threading.Event().wait(0.2)
    event.listen(world.service.store.engine, "before_cursor_execute", seen)
    for arrival in calls[20:]:
        assert live(world.service, arrival).answer.status == 200
    event.remove(world.service.store.engine, "before_cursor_execute", seen)
    assert statements == []
    world.close()
