"""Aliases, tags, policies, descriptions, ReEncrypt and CreateKey's parameters, by the actions, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from keystead.store.changes import LEASE_SECONDS
from tests.rules.test_policies import document
from tests.world import Reply, Tenant, World

REGION = "ap-southeast-1"
PLAIN = "aGVsbG8="


@pytest.fixture
def tenant(database_url: str, tmp_path: Path) -> Iterator[Tenant]:
    """A tenant, on each database."""
    world = World(database_url, tmp_path / "var")
    yield world.tenant()
    world.close()


def refused(reply: Reply, status: int, code: str) -> None:
    """It was, so."""
    assert (reply.status, reply.code) == (status, code), reply.body


def sealed_by(tenant: Tenant, reference: str) -> str:
    """Which key encrypts under that name."""
    reply = tenant.kms("Encrypt", KeyId=reference, Plaintext=PLAIN)
    assert reply.status == 200, reply.body
    return str(reply.body["KeyId"])


def tags(tenant: Tenant, key_id: str) -> dict[str, str]:
    """A key's tags."""
    reply = tenant.kms("ListResourceTags", KeyId=key_id)
    assert {each["KeyId"] for each in reply.body["Tags"]["Tag"]} <= {key_id}
    return {each["TagKey"]: each["TagValue"] for each in reply.body["Tags"]["Tag"]}


def test_an_alias_names_a_key_until_it_names_another(tenant: Tenant) -> None:
    """Where an alias is taken it serves as the id does, warm too; moved, it names the other key at once; deleted, none."""
    instance_id = tenant.instance()
    first, second = tenant.key(instance_id), tenant.key(instance_id)
    assert tenant.kms("CreateAlias", AliasName="alias/mine", KeyId=first).status == 200
    arn = f"acs:kms:{REGION}:{tenant.account_id}:alias/mine"
    for reference in ("alias/mine", arn, "alias/mine"):
        assert sealed_by(tenant, reference) == first
        assert tenant.kms("DescribeKey", KeyId=reference).body["KeyMetadata"]["KeyId"] == first
        assert tenant.kms("GenerateDataKey", KeyId=reference).body["KeyId"] == first
        assert tenant.kms("ListKeyVersions", KeyId=reference).body["TotalCount"] == 1
    assert tenant.kms("UpdateAlias", AliasName="alias/mine", KeyId=second).status == 200
    assert sealed_by(tenant, "alias/mine") == second
    assert tenant.kms("ListAliasesByKeyId", KeyId=first).body["TotalCount"] == 0
    assert tenant.kms("ListAliasesByKeyId", KeyId=second).body["Aliases"]["Alias"] == [
        {"AliasName": "alias/mine", "AliasArn": arn, "KeyId": second}
    ]
    assert tenant.kms("DeleteAlias", AliasName="alias/mine").status == 200
    refused(tenant.kms("Encrypt", KeyId="alias/mine", Plaintext=PLAIN), 404, "Forbidden.AliasNotFound")
    refused(tenant.kms("DeleteAlias", AliasName="alias/mine"), 404, "Forbidden.AliasNotFound")
    refused(tenant.kms("UpdateAlias", AliasName="alias/mine", KeyId=first), 404, "Forbidden.AliasNotFound")


def test_another_worker_sees_a_moved_alias(tenant: Tenant) -> None:
    """A second worker with the alias warm follows it, at once on SQLite and within the lease on PostgreSQL."""
    instance_id = tenant.instance()
    first, second = tenant.key(instance_id), tenant.key(instance_id)
    tenant.kms("CreateAlias", AliasName="alias/mine", KeyId=first)
    other = World(tenant.world.settings.database, Path(tenant.world.settings.data))
    caller = Tenant(other, tenant.account_id, tenant.access_key_id, tenant.secret)
    assert sealed_by(caller, "alias/mine") == first
    tenant.kms("UpdateAlias", AliasName="alias/mine", KeyId=second)
    if other.service.store.dialect == "postgresql":
        import threading  # noqa: PLC0415 - the one test that waits

        threading.Event().wait(LEASE_SECONDS)
    assert sealed_by(caller, "alias/mine") == second
    other.close()


def test_aliases_are_unique_in_account_and_region(tenant: Tenant) -> None:
    """Taken is taken, for the same key too; another account has its own of the name."""
    instance_id = tenant.instance()
    key_id = tenant.key(instance_id)
    tenant.kms("CreateAlias", AliasName="alias/mine", KeyId=key_id)
    refused(tenant.kms("CreateAlias", AliasName="alias/mine", KeyId=key_id), 400, "AliasAlreadyExists")
    other = tenant.world.tenant()
    others = other.key(other.instance())
    assert other.kms("CreateAlias", AliasName="alias/mine", KeyId=others).status == 200
    assert (sealed_by(tenant, "alias/mine"), sealed_by(other, "alias/mine")) == (key_id, others)
    names = [f"alias/{n:02}" for n in range(12)]
    for name in reversed(names):
        tenant.kms("CreateAlias", AliasName=name, KeyId=key_id)
    first = tenant.kms("ListAliases").body
    second = tenant.kms("ListAliases", PageNumber=2, PageSize=10).body
    assert (first["TotalCount"], first["PageSize"], second["PageNumber"]) == (13, 10, 2)
    listed = [each["AliasName"] for page in (first, second) for each in page["Aliases"]["Alias"]]
    assert listed == [*names, "alias/mine"]
    assert tenant.kms("ListKeys", Filters='[{"Key":"AliasName","Values":["alias/03","alias/04"]}]').body["TotalCount"] == 1
    assert tenant.kms("ListKeys", Filters='[{"Key":"AliasName","Values":["alias/none"]}]').body["TotalCount"] == 0


ID_ONLY = {
    "EnableKey": {},
    "DisableKey": {},
    "ScheduleKeyDeletion": {"PendingWindowInDays": "7"},
    "CancelKeyDeletion": {},
    "UpdateRotationPolicy": {"EnableAutomaticRotation": "false"},
    "UpdateKeyDescription": {"Description": "x"},
    "SetDeletionProtection": {"EnableDeletionProtection": "true"},
    "CreateAlias": {"AliasName": "alias/other"},
    "UpdateAlias": {"AliasName": "alias/mine"},
    "ListAliasesByKeyId": {},
    "TagResource": {"Tags": '[{"TagKey":"a"}]'},
    "UntagResource": {"TagKeys": "a"},
    "ListResourceTags": {},
    "GetKeyPolicy": {},
    "SetKeyPolicy": {"Policy": document()},
}


def test_an_alias_only_where_it_is_documented(tenant: Tenant) -> None:
    """The other actions refuse an alias, there or not, by the code made for that, and take an ARN (ADR 51)."""
    key_id = tenant.key(tenant.instance())
    tenant.kms("CreateAlias", AliasName="alias/mine", KeyId=key_id)
    for action, flat in ID_ONLY.items():
        for alias in ("alias/mine", "alias/none", f"acs:kms:{REGION}:{tenant.account_id}:alias/mine"):
            refused(tenant.kms(action, KeyId=alias, **flat), 400, "Unsupported.Alias")
    for action in ("EnableKey", "ListResourceTags", "GetKeyPolicy", "ListAliasesByKeyId"):
        assert tenant.kms(action, KeyId=f"acs:kms:{REGION}:{tenant.account_id}:key/{key_id}").status == 200, action


def test_tags_of_one_key(tenant: Tenant) -> None:
    """Put, changed, listed by key, taken off by comma list and by JSON; the twenty-first is refused, and with it its company."""
    key_id = tenant.key(tenant.instance())
    assert (
        tenant.kms("TagResource", KeyId=key_id, Tags='[{"TagKey":"b","TagValue":"2"},{"TagKey":"a","TagValue":"1"}]').status
        == 200
    )
    assert tenant.kms("TagResource", KeyId=key_id, Tags='[{"TagKey":"b","TagValue":"3"}]').status == 200
    assert list(tags(tenant, key_id).items()) == [("a", "1"), ("b", "3")]
    more = json.dumps([{"TagKey": f"k{n:02}", "TagValue": ""} for n in range(18)])
    assert tenant.kms("TagResource", KeyId=key_id, Tags=more).status == 200
    refused(
        tenant.kms("TagResource", KeyId=key_id, Tags='[{"TagKey":"a","TagValue":"9"},{"TagKey":"z"}]'),
        400,
        "Rejected.LimitExceeded",
    )
    assert (len(tags(tenant, key_id)), tags(tenant, key_id)["a"]) == (20, "1")
    assert tenant.kms("UntagResource", KeyId=key_id, TagKeys="a,k00,none").status == 200
    assert tenant.kms("UntagResource", KeyId=key_id, TagKeys='["b","k01"]').status == 200
    assert list(tags(tenant, key_id)) == [f"k{n:02}" for n in range(2, 18)]
    tagged = {"Tags": '[{"TagKey":"a"}]'}
    refused(tenant.kms("TagResource", **tagged), 400, "MissingParameter")
    refused(tenant.kms("TagResource", KeyId=key_id, SecretName="s", **tagged), 400, "InvalidParameter")
    refused(tenant.kms("TagResource", SecretName="s", **tagged), 404, "Forbidden.ResourceNotFound")
    refused(tenant.kms("TagResource", CertificateId="c", **tagged), 400, "UnsupportedOperation")


def test_tags_of_many_keys(tenant: Tenant) -> None:
    """On all or none; listed by resource and by tag; taken off by key or all; a key that is not there spoils the call."""
    instance_id = tenant.instance()
    keys = [tenant.key(instance_id) for _ in range(3)]
    kind = {"RegionId": REGION, "ResourceType": "key"}
    ids = {f"ResourceId.{number}": key_id for number, key_id in enumerate(keys[:2], 1)}
    both = {"Tag.1.Key": "env", "Tag.1.Value": "prod", "Tag.2.Key": "team", "Tag.2.Value": "blue"}
    refused(tenant.kms("TagResources", **kind, **ids, **{"ResourceId.3": "key-none"}, **both), 404, "Forbidden.KeyNotFound")
    assert tags(tenant, keys[0]) == {}
    assert tenant.kms("TagResources", **kind, **ids, **both).status == 200
    assert (
        tenant.kms("TagResources", **kind, **{"ResourceId.1": keys[2], "Tag.1.Key": "env", "Tag.1.Value": "test"}).status == 200
    )

    def listed(**flat: object) -> list[tuple[str, str, str]]:
        found = tenant.kms("ListTagResources", **kind, **flat).body["TagResources"]["TagResource"]
        assert {each["ResourceType"] for each in found} <= {"key"}
        return [(each["ResourceId"], each["TagKey"], each["TagValue"]) for each in found]

    of = {key_id: [(key_id, "env", "prod"), (key_id, "team", "blue")] for key_id in keys[:2]} | {
        keys[2]: [(keys[2], "env", "test")]
    }
    assert listed() == [row for key_id in sorted(keys) for row in of[key_id]]
    assert listed(ResourceId__1=keys[2], ResourceId__2="key-none") == of[keys[2]]
    assert listed(Tag__1__Key="env", Tag__1__Value="test") == of[keys[2]]
    assert listed(Tag__1__Key="env", Tag__1__Value="prod", Tag__2__Key="team") == [
        row for key_id in sorted(keys[:2]) for row in of[key_id]
    ]
    assert listed(Tag__1__Key="env", Tag__1__Value="blue") == []  # a value of another tag
    filters = '[{"Key":"TagKey","Values":["env"]},{"Key":"TagValue","Values":["blue"]}]'
    assert tenant.kms("ListKeys", Filters=filters).body["TotalCount"] == 0
    assert tenant.kms("ListKeys", Filters='[{"Key":"TagValue","Values":["blue","test"]}]').body["TotalCount"] == 3
    refused(tenant.kms("UntagResources", **kind, **ids), 400, "MissingParameter")
    assert tenant.kms("UntagResources", **kind, **ids, **{"TagKey.1": "team"}, All="true").status == 200
    assert tags(tenant, keys[0]) == {"env": "prod"}
    assert tenant.kms("UntagResources", **kind, **ids, All="true").status == 200
    assert listed() == of[keys[2]]
    refused(tenant.kms("ListTagResources", RegionId=REGION, ResourceType="bucket"), 400, "InvalidParameter")
    assert tenant.kms("ListTagResources", RegionId=REGION, ResourceType="secret").body["TagResources"]["TagResource"] == []


def test_pages_of_tags(tenant: Tenant) -> None:
    """200 a page: 11 keys with 20 tags each are 200 and 20, without gap or repeat."""
    instance_id = tenant.instance()
    kind = {"RegionId": REGION, "ResourceType": "key"}
    ids = {f"ResourceId.{number}": tenant.key(instance_id) for number in range(1, 12)}
    tenant.kms("TagResources", **kind, **ids, **{f"Tag.{n}.Key": f"k{n:02}" for n in range(1, 21)})
    first = tenant.kms("ListTagResources", **kind).body
    second = tenant.kms("ListTagResources", **kind, NextToken=first["NextToken"]).body
    rows = [(each["ResourceId"], each["TagKey"]) for page in (first, second) for each in page["TagResources"]["TagResource"]]
    assert len(first["TagResources"]["TagResource"]) == 200
    assert second["NextToken"] == ""
    assert rows == sorted((key_id, f"k{n:02}") for key_id in ids.values() for n in range(1, 21))
    refused(tenant.kms("ListTagResources", **kind, NextToken="nonsense"), 400, "InvalidParameter")


def test_policies_are_kept_as_they_were_set(tenant: Tenant) -> None:
    """The default one until one is set; then that, to the byte; a malformed one leaves it."""
    key_id = tenant.key(tenant.instance())
    default = json.loads(tenant.kms("GetKeyPolicy", KeyId=key_id).body["Policy"])
    assert default["Statement"][0]["Principal"] == {"RAM": [f"acs:ram::{tenant.account_id}:*"]}
    mine = document(Effect="Deny") + " "
    assert tenant.kms("SetKeyPolicy", KeyId=key_id, Policy=mine, PolicyName="default").status == 200
    assert tenant.kms("GetKeyPolicy", KeyId=key_id, PolicyName="default").body["Policy"] == mine
    refused(tenant.kms("SetKeyPolicy", KeyId=key_id, Policy=document(Action=["oss:*"])), 400, "InvalidParameter")
    refused(tenant.kms("SetKeyPolicy", KeyId=key_id, Policy=mine, PolicyName="other"), 400, "InvalidParameter")
    refused(tenant.kms("GetKeyPolicy", KeyId=key_id, PolicyName="other"), 400, "InvalidParameter")
    assert tenant.kms("GetKeyPolicy", KeyId=key_id).body["Policy"] == mine


def test_create_key_with_everything(tenant: Tenant) -> None:
    """Tags, policy, rotation, description at once; what is wrong with any leaves no key."""
    instance_id = tenant.instance()
    whole = {
        "DKMSInstanceId": instance_id,
        "KeySpec": "Aliyun_AES_256",
        "KeyUsage": "ENCRYPT/DECRYPT",
        "Origin": "Aliyun_KMS",
        "ProtectionLevel": "HSM",
        "Description": "für Bestellungen",
        "EnableAutomaticRotation": "True",
        "RotationInterval": "365d",
        "Policy": document(),
        "Tags": '[{"TagKey":"env","TagValue":"prod"}]',
    }
    made = tenant.kms("CreateKey", **whole).body["KeyMetadata"]
    assert (made["RotationInterval"], made["NextRotationDate"]) == ("31536000s", "2027-01-01T00:00:00Z")
    assert (made["ProtectionLevel"], made["Description"]) == ("SOFTWARE", "für Bestellungen")
    assert tags(tenant, made["KeyId"]) == {"env": "prod"}
    assert tenant.kms("GetKeyPolicy", KeyId=made["KeyId"]).body["Policy"] == document()
    assert tenant.kms("UpdateKeyDescription", KeyId=made["KeyId"], Description="anderes").status == 200
    assert tenant.kms("DescribeKey", KeyId=made["KeyId"]).body["KeyMetadata"]["Description"] == "anderes"
    for name, value, code in (
        ("RotationInterval", "6d", "InvalidParameter"),
        ("RotationInterval", "", "InvalidParameter"),
        ("Policy", "{}", "InvalidParameter"),
        ("Tags", "{}", "InvalidParameter"),
        ("KeyStorageMechanism", "HsmInternal", "InvalidParameter"),
        ("Origin", "EXTERNAL", "UnsupportedOperation"),
        ("KeySpec", "Aliyun_SM4", "UnsupportedOperation"),
        ("DKMSInstanceId", "", "UnsupportedOperation"),
    ):
        refused(tenant.kms("CreateKey", **{**whole, name: value}), 400, code)
    assert tenant.kms("ListKeys").body["TotalCount"] == 1


def test_reencrypt(tenant: Tenant) -> None:
    """Between keys, instances and contexts; the source may be named, but must be the ciphertext's own; DryRun never succeeds."""
    first, second = tenant.key(tenant.instance()), tenant.key(tenant.instance())
    tenant.kms("CreateAlias", AliasName="alias/second", KeyId=second)
    sealed = tenant.kms("Encrypt", KeyId=first, Plaintext=PLAIN, EncryptionContext='{"a":"b"}').body
    whole = {
        "CiphertextBlob": sealed["CiphertextBlob"],
        "DestinationKeyId": "alias/second",
        "SourceEncryptionContext": '{"a":"b"}',
    }
    moved = tenant.kms("ReEncrypt", **whole, DestinationEncryptionContext='{"c":"d"}').body
    assert moved["KeyId"] == second
    opened = tenant.kms("Decrypt", CiphertextBlob=moved["CiphertextBlob"], EncryptionContext='{"c":"d"}').body
    assert (opened["Plaintext"], opened["KeyId"]) == (PLAIN, second)
    refused(tenant.kms("Decrypt", CiphertextBlob=moved["CiphertextBlob"], EncryptionContext='{"a":"b"}'), 400, "InvalidParameter")
    refused(tenant.kms("ReEncrypt", **{**whole, "SourceEncryptionContext": '{"c":"d"}'}), 400, "InvalidParameter")
    for name, value, code in (
        ("SourceKeyId", second, "InvalidParameter"),
        ("SourceKeyId", "alias/none", "Forbidden.AliasNotFound"),
        ("SourceKeyVersionId", "x" * 36, "InvalidParameter"),
        ("SourceEncryptionAlgorithm", "RSAES_OAEP_SHA_256", "UnsupportedOperation"),
        ("SourceEncryptionAlgorithm", "AES", "InvalidParameter"),
        ("DestinationKeyId", "key-none", "Forbidden.KeyNotFound"),
        ("DryRun", "true", "DryRunOperationError"),
    ):
        assert tenant.kms("ReEncrypt", **{**whole, name: value}).code == code, name
    named = {"SourceKeyId": first, "SourceKeyVersionId": sealed["KeyVersionId"]}
    assert tenant.kms("ReEncrypt", **whole, **named).status == 200
    data_key = tenant.kms("GenerateDataKey", KeyId=first).body
    moved = tenant.kms("ReEncrypt", CiphertextBlob=data_key["CiphertextBlob"], DestinationKeyId=first).body
    assert tenant.kms("Decrypt", CiphertextBlob=moved["CiphertextBlob"]).body["Plaintext"] == data_key["Plaintext"]


def test_the_service_itself(tenant: Tenant) -> None:
    """Open from the start, which OpenKmsService tells as the cloud does; the regions are those it is sold in."""
    assert tenant.kms("DescribeAccountKmsStatus").body["AccountStatus"] == "Enabled"
    refused(tenant.kms("OpenKmsService"), 400, "Forbidden.Opened")
    regions = [region["RegionId"] for region in tenant.kms("DescribeRegions").body["Regions"]["Region"]]
    assert REGION in regions
    assert "cn-hangzhou" in regions
    assert regions == [region.id for region in tenant.world.service.catalogue.regions if not region.closed]


def test_an_instance_is_protected_from_being_given_back(tenant: Tenant) -> None:
    """By KmsInstanceId, shown by GetKmsInstance with its reason, no refund while it lasts; a stranger's is not there."""
    instance_id, key_id = tenant.instance(), tenant.key(tenant.instance())
    on = {"EnableDeletionProtection": True, "DeletionProtectionDescription": "in use"}

    def shown() -> tuple[object, object]:
        instance = tenant.kms("GetKmsInstance", KmsInstanceId=instance_id).body["KmsInstance"]
        return instance["DeletionProtection"], instance["DeletionProtectionDescription"]

    refund = {
        "ClientToken": "one",
        "InstanceId": instance_id,
        "ProductCode": "kms",
        "ProductType": "kms_ddi_public_intl",
        "ImmediatelyRelease": "1",
    }
    assert tenant.kms("SetDeletionProtection", KmsInstanceId=instance_id, **on).status == 200
    assert shown() == (True, "in use")
    kept = tenant.bss("RefundInstance", **refund)
    assert "protected from deletion" in kept.body["Message"], kept.body
    stranger = tenant.world.tenant()
    for other in ("kst-none", instance_id):
        reply = stranger.kms("SetDeletionProtection", KmsInstanceId=other, **on)
        refused(reply, 404, "Forbidden.DKMSInstanceNotFound")
    refused(tenant.kms("SetDeletionProtection", **on), 400, "MissingParameter")
    refused(tenant.kms("SetDeletionProtection", KeyId=key_id, KmsInstanceId=instance_id, **on), 400, "InvalidParameter")
    refused(tenant.kms("SetDeletionProtection", ProtectedResourceArn=key_id, **on), 400, "InvalidParameter")
    off = {"EnableDeletionProtection": False, "DeletionProtectionDescription": "in use"}
    assert tenant.kms("SetDeletionProtection", KmsInstanceId=instance_id, **off).status == 200
    assert shown() == (False, "")
    back = tenant.bss("RefundInstance", **refund)
    assert back.body["Success"] is True, back.body
