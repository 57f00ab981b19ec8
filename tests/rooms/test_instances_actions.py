"""The KMS actions on instances as their callers see them (KMS API pages, read 2026-11-22)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world import Reply, Tenant, World

CONNECT = {
    "VpcId": "vpc-1",
    "ZoneIds": "ap-southeast-1a,ap-southeast-1b",
    "VSwitchIds": "vsw-1",
    "KMProvider": "Aliyun",
}


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A service on each database, standing where GetKmsInstance's own example was bought."""
    made = World(database_url, tmp_path, "2023-09-05T12:44:19Z")
    yield made
    made.close()


@pytest.fixture
def tenant(world: World) -> Tenant:
    """An account with 10,000.00."""
    return world.tenant("10000.00")


def shown(tenant: Tenant, instance_id: str) -> dict[str, object]:
    """The instance as GetKmsInstance shows it."""
    reply = tenant.kms("GetKmsInstance", KmsInstanceId=instance_id)
    assert reply.status == 200, reply.body
    found: dict[str, object] = reply.body["KmsInstance"]
    return found


def connect(tenant: Tenant, instance_id: str, **changed: object) -> Reply:
    """Enable an instance, with one parameter or other changed."""
    return tenant.kms("ConnectKmsInstance", KmsInstanceId=instance_id, **(CONNECT | changed))


def test_an_instance_in_full(tenant: Tenant) -> None:
    """Bought 2023-09-05T12:44:19Z for a month, it ends 2023-10-05T16:00:00Z; SecretNum is text, VswitchIds has a small s."""
    instance_id = tenant.buy()
    assert shown(tenant, instance_id) == {
        "InstanceId": instance_id,
        "InstanceName": instance_id,
        "Status": "Uninitialized",
        "CreateTime": "2023-09-05T12:44:19Z",
        "StartDate": "2023-09-05T12:44:19Z",
        "EndDate": "2023-10-05T16:00:00Z",
        "Spec": 1000,
        "KeyNum": 1000,
        "SecretNum": "0",
        "VpcNum": 1,
        "Log": 0,
        "LogStorage": 0,
        "VpcId": "",
        "VswitchIds": [],
        "ZoneIds": [],
        "BindVpcs": {"BindVpc": []},
        "CaCertificateChainPem": "",
        "ChargeType": "PREPAY",
        "ProductType": "kms_ddi_public_intl",
        "ProductVersion": "3",
        "SaleStatus": "Normal",
        "DeletionProtection": False,
        "DeletionProtectionDescription": "",
    }


def test_enabling_shows_connecting_until_the_job_is_done(tenant: Tenant, world: World) -> None:
    """Status goes Uninitialized, Connecting, Connected; the network is shown as given; a second time is refused."""
    instance_id = tenant.buy()
    assert connect(tenant, instance_id).status == 200
    assert shown(tenant, instance_id)["Status"] == "Connecting"
    world.settle()
    found = shown(tenant, instance_id)
    assert found["Status"] == "Connected"
    assert (found["VpcId"], found["ZoneIds"], found["VswitchIds"]) == (
        "vpc-1",
        ["ap-southeast-1a", "ap-southeast-1b"],
        ["vsw-1"],
    )
    again = connect(tenant, instance_id)
    assert (again.status, again.code) == (403, "Forbidden.DKMSInstanceStateInvalid")


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"KMProvider": "Other"}, "KMProvider"),
        ({"ZoneIds": "ap-southeast-1a"}, "ZoneIds"),
        ({"ZoneIds": "ap-southeast-1a,cn-hangzhou-k"}, "ZoneIds"),
        ({"VpcId": "net-1"}, "VpcId"),
        ({"VSwitchIds": "subnet-1"}, "VSwitchIds"),
    ],
)
def test_a_network_that_will_not_do_is_refused_by_name(tenant: Tenant, changed: dict[str, object], named: str) -> None:
    """400 InvalidParameter; the instance stays as it was."""
    instance_id = tenant.buy()
    reply = connect(tenant, instance_id, **changed)
    assert (reply.status, reply.code) == (400, "InvalidParameter")
    assert named in reply.body["Message"]
    assert shown(tenant, instance_id)["Status"] == "Uninitialized"


def test_manila_has_one_zone(tenant: Tenant) -> None:
    """Single-zone deployment there, and only there (KMS billing page)."""
    instance_id = tenant.buy(Region="ap-southeast-6")
    manila = {"KmsInstanceId": instance_id, "RegionId": "ap-southeast-6"}
    two = tenant.kms("ConnectKmsInstance", **(CONNECT | manila))
    assert two.code == "InvalidParameter"
    one = tenant.kms("ConnectKmsInstance", **(CONNECT | manila | {"ZoneIds": "ap-southeast-6a"}))
    assert one.status == 200, one.body


def test_a_released_instance_is_a_404(tenant: Tenant, world: World) -> None:
    """Expired it is still shown; from the sixteenth day it is gone, with the status clients take for gone."""
    instance_id = tenant.instance()
    world.advance_to("2023-10-05T16:00:00Z")
    assert shown(tenant, instance_id)["SaleStatus"] == "Expired"
    world.advance_to("2023-10-20T15:59:59Z")
    assert shown(tenant, instance_id)["InstanceId"] == instance_id
    happened = world.advance_to("2023-10-20T16:00:00Z")
    assert [event.kind for event in happened] == ["instance_released"]
    reply = tenant.kms("GetKmsInstance", KmsInstanceId=instance_id)
    assert (reply.status, reply.code) == (404, "Forbidden.DKMSInstanceNotFound")
    assert tenant.kms("ListKmsInstances").body["TotalCount"] == 0


def test_what_is_not_mine_or_not_here_is_not_there(tenant: Tenant, world: World) -> None:
    """Another account and another region see nothing, in every action."""
    instance_id = tenant.buy()
    other = world.tenant()
    for caller, region in ((other, "ap-southeast-1"), (tenant, "eu-central-1")):
        for reply in (
            caller.kms("GetKmsInstance", KmsInstanceId=instance_id, RegionId=region),
            caller.kms("GetKmsInstanceQuotaInfos", KmsInstanceId=instance_id, RegionId=region),
            caller.kms("ConnectKmsInstance", KmsInstanceId=instance_id, RegionId=region, **CONNECT),
        ):
            assert (reply.status, reply.code) == (404, "Forbidden.DKMSInstanceNotFound")
        assert caller.kms("ListKmsInstances", RegionId=region).body["KmsInstances"] == {"KmsInstance": []}


def test_instances_are_listed_by_page_with_their_arn(tenant: Tenant) -> None:
    """Oldest first, a key store's ARN, which names the instance as well as its id does."""
    ids = [tenant.buy() for _ in range(3)]
    first = tenant.kms("ListKmsInstances", PageSize=2).body
    second = tenant.kms("ListKmsInstances", PageSize=2, PageNumber=2).body
    assert (first["TotalCount"], first["PageNumber"], first["PageSize"]) == (3, 1, 2)
    rows = first["KmsInstances"]["KmsInstance"] + second["KmsInstances"]["KmsInstance"]
    assert sorted(row["KmsInstanceId"] for row in rows) == sorted(ids)
    arn = rows[0]["KmsInstanceArn"]
    assert arn == f"acs:kms:ap-southeast-1:{tenant.account_id}:keystore/{rows[0]['KmsInstanceId']}"
    assert shown(tenant, arn)["InstanceId"] == rows[0]["KmsInstanceId"]
    for bad in ({"PageSize": 101}, {"PageSize": 0}, {"PageNumber": 0}, {"Filters": '[{"Key":"x","Values":["y"]}]'}):
        assert tenant.kms("ListKmsInstances", **bad).code == "InvalidParameter"


def test_quotas_tell_purchased_and_used(tenant: Tenant) -> None:
    """Two keys use two; the VPC of enabling uses one; all four, or the one that is asked for."""
    instance_id = tenant.instance(SecretNum="100", VpcNum="3")
    tenant.key(instance_id)
    tenant.key(instance_id)
    reply = tenant.kms("GetKmsInstanceQuotaInfos", KmsInstanceId=instance_id)
    assert reply.body["KmsInstanceId"] == instance_id
    assert reply.body["KmsInstanceQuotaInfos"] == [
        {"ResourceType": "key", "ResourceQuota": 1000, "UsedQuantity": 2},
        {"ResourceType": "secret", "ResourceQuota": 100, "UsedQuantity": 0},
        {"ResourceType": "qps", "ResourceQuota": 1000, "UsedQuantity": 0},
        {"ResourceType": "vpc", "ResourceQuota": 3, "UsedQuantity": 1},
    ]
    one = tenant.kms("GetKmsInstanceQuotaInfos", KmsInstanceId=instance_id, ResourceType="vpc")
    assert [row["ResourceType"] for row in one.body["KmsInstanceQuotaInfos"]] == ["vpc"]
    assert tenant.kms("GetKmsInstanceQuotaInfos", KmsInstanceId=instance_id, ResourceType="x").code == "InvalidParameter"


def test_a_hardware_instance_is_enabled_the_same_way(world: World, tenant: Tenant) -> None:
    """No console enables it here, so the API does (docs/divergences.md); 2,000 QPS and 1,000 keys come with it."""
    world.deliver_hardware()
    instance_id = tenant.buy(ProductVersion="1", Spec="2000")
    tenant.connect(instance_id)
    found = shown(tenant, instance_id)
    assert (found["Status"], found["ProductVersion"], found["Spec"], found["KeyNum"]) == ("Connected", "1", 2000, 1000)
