"""The free keys: an account's one default key a region, and the keys that services of the deployment have for its data."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_der_public_key

from keystead import app
from keystead.access import commands as access
from keystead.gate.life import live
from tests.world import Reply, Tenant, World

HERE = "ap-southeast-1"
ELSEWHERE = "cn-hangzhou"
PLAIN = "aGVsbG8="
FOR_SERVICES = {"Encrypt", "Decrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncrypt", "DescribeKey"}


class Searched(World):
    """A world whose files are searched at the end for what must not be in them."""

    secrets: list[str]


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[Searched]:
    """A world on each database; afterwards none of its files holds a service's secret or a data key in clear."""
    made = Searched(database_url, tmp_path / "var")
    made.secrets = []
    yield made
    made.close()
    files = b"".join(path.read_bytes() for path in (tmp_path / "var").rglob("*") if path.is_file())
    if database_url.startswith("sqlite"):
        files += b"".join(path.read_bytes() for path in Path(database_url.partition("///")[2]).parent.glob("*") if path.is_file())
    assert files
    for secret in made.secrets:
        assert secret.encode() not in files


def service(world: Searched, name: str) -> Tenant:
    """Register a service."""
    made = world.cloud_service(name)
    world.secrets.append(made.secret)
    return made


def poor(world: Searched) -> Tenant:
    """A tenant without a cent: default keys are free."""
    return world.tenant(balance="0")


def arn(tenant: Tenant, resource: str, region: str = HERE) -> str:
    """A resource of a tenant's, as a service names it."""
    return f"acs:kms:{region}:{tenant.account_id}:{resource}"


def default_key(tenant: Tenant, **asked: object) -> dict[str, Any]:
    """Make the default key; gives its metadata."""
    reply = tenant.kms("CreateKey", **asked)
    assert reply.status == 200, reply.body
    made: dict[str, Any] = reply.body["KeyMetadata"]
    return made


def described(caller: Tenant, key: str) -> dict[str, Any]:
    """What DescribeKey shows."""
    reply = caller.kms("DescribeKey", KeyId=key)
    assert reply.status == 200, reply.body
    shown: dict[str, Any] = reply.body["KeyMetadata"]
    return shown


def refused(reply: Reply, status: int, code: str) -> None:
    """It was, so."""
    assert (reply.status, reply.code) == (status, code), reply.body


def test_one_default_key_an_account_and_region(world: Searched) -> None:
    """Free, AES-256, Enabled, in no instance; a second in the region is over the limit, in another region or account not."""
    tenant, other = poor(world), poor(world)
    made = default_key(tenant, Description="mine", Tags='[{"TagKey":"a","TagValue":"b"}]', ProtectionLevel="HSM")
    assert (made["KeySpec"], made["KeyUsage"], made["Origin"]) == ("Aliyun_AES_256", "ENCRYPT/DECRYPT", "Aliyun_KMS")
    assert (made["KeyState"], made["ProtectionLevel"], made["Creator"]) == ("Enabled", "SOFTWARE", tenant.account_id)
    assert made["AutomaticRotation"] == "Disabled"
    assert "DKMSInstanceId" not in made
    assert len(made["KeyId"]) == len(made["PrimaryKeyVersion"]) == 36  # UUIDs; the ciphertext's header has room for 36
    assert made["KeyId"].count("-") == 4
    refused(tenant.kms("CreateKey"), 400, "Rejected.LimitExceeded")
    assert default_key(other)["KeyId"] != made["KeyId"]
    there = default_key(tenant, RegionId=ELSEWHERE)
    assert there["Arn"] == arn(tenant, f"key/{there['KeyId']}", ELSEWHERE)
    assert [key["KeyId"] for key in tenant.kms("ListKeys").body["Keys"]["Key"]] == [made["KeyId"]]
    assert tenant.kms("ListKeys", RegionId=ELSEWHERE).body["TotalCount"] == 1
    assert tenant.kms("ListResourceTags", KeyId=made["KeyId"]).body["Tags"]["Tag"][0]["TagKey"] == "a"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"KeySpec": "RSA_2048"}, "UnsupportedOperation"),
        ({"KeySpec": "EC_SM2", "KeyUsage": "SIGN/VERIFY"}, "UnsupportedOperation"),
        ({"KeySpec": "HMAC_SHA_256"}, "UnsupportedOperation"),
        ({"KeyUsage": "SIGN/VERIFY"}, "InvalidParameter"),
        ({"EnableAutomaticRotation": "true", "RotationInterval": "365d"}, "UnsupportedOperation"),
        ({"Policy": '{"Version":"1","Statement":[]}'}, "InvalidParameter"),
        ({"KeyStorageMechanism": "HsmInternal"}, "InvalidParameter"),
        ({"Origin": "external"}, "InvalidParameter"),
        ({"RegionId": "moon-1"}, "InvalidParameter"),
    ],
)
def test_what_a_default_key_cannot_be(world: Searched, asked: dict[str, str], code: str) -> None:
    """It is refused, and nothing is made: afterwards there is still room for the one."""
    tenant = poor(world)
    refused(tenant.kms("CreateKey", **asked), 400, code)
    default_key(tenant)


def test_a_default_key_is_managed_by_its_account_and_used_by_services(world: Searched) -> None:
    """Named, described, protected, disabled by its account, which may not encrypt with it; a service may while it is Enabled."""
    tenant, oss = poor(world), service(world, "oss")
    key_id = default_key(tenant)["KeyId"]
    named = {"KeyId": key_id}
    assert tenant.kms("CreateAlias", AliasName="alias/mine", **named).status == 200
    assert tenant.kms("UpdateKeyDescription", Description="x", **named).status == 200
    for action, flat in (
        ("Encrypt", {"Plaintext": PLAIN}),
        ("GenerateDataKey", {}),
        ("GenerateDataKeyWithoutPlaintext", {}),
        ("AsymmetricSign", {"KeyVersionId": described(tenant, key_id)["PrimaryKeyVersion"], "Algorithm": "x", "Digest": PLAIN}),
        ("UpdateRotationPolicy", {"EnableAutomaticRotation": "true", "RotationInterval": "365d"}),
        ("SetKeyPolicy", {"Policy": tenant.kms("GetKeyPolicy", **named).body["Policy"]}),
        ("CreateKeyVersion", {}),
    ):
        refused(tenant.kms(action, **named, **flat), 400, "UnsupportedOperation")
    by_alias = arn(tenant, "alias/mine")
    drawn = oss.kms("GenerateDataKey", KeyId=by_alias, EncryptionContext='{"bucket":"b"}').body
    world.secrets.append(drawn["Plaintext"])
    assert drawn["KeyId"] == key_id
    blob = {"CiphertextBlob": drawn["CiphertextBlob"], "EncryptionContext": '{"bucket":"b"}'}
    assert oss.kms("Decrypt", **blob).body["Plaintext"] == drawn["Plaintext"]
    refused(tenant.kms("Decrypt", **blob), 400, "UnsupportedOperation")
    refused(tenant.kms("ReEncrypt", CiphertextBlob=drawn["CiphertextBlob"], DestinationKeyId=key_id), 400, "UnsupportedOperation")
    assert tenant.kms("DisableKey", **named).status == 200
    refused(oss.kms("Decrypt", **blob), 409, "Rejected.Disabled")
    refused(oss.kms("Encrypt", KeyId=by_alias, Plaintext=PLAIN), 409, "Rejected.Disabled")
    assert tenant.kms("EnableKey", **named).status == 200
    assert oss.kms("Decrypt", **blob).status == 200


def test_deletion_makes_room_for_another(world: Searched) -> None:
    """PendingDeletion for its window, protected or not; then gone with its alias, and the account can have another."""
    tenant, oss = poor(world), service(world, "oss")
    key_id = default_key(tenant)["KeyId"]
    tenant.kms("CreateAlias", AliasName="alias/mine", KeyId=key_id)
    blob = oss.kms("Encrypt", KeyId=arn(tenant, "alias/mine"), Plaintext=PLAIN).body["CiphertextBlob"]
    tenant.kms("SetDeletionProtection", KeyId=key_id, EnableDeletionProtection="true")
    refused(tenant.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7), 400, "Rejected.UnsupportedOperation")
    tenant.kms("SetDeletionProtection", KeyId=key_id, EnableDeletionProtection="false")
    assert tenant.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7).status == 200
    refused(tenant.kms("CreateKey"), 400, "Rejected.LimitExceeded")
    refused(oss.kms("Decrypt", CiphertextBlob=blob), 409, "Rejected.PendingDeletion")
    world.advance(days=7)
    refused(oss.kms("Decrypt", CiphertextBlob=blob), 404, "Forbidden.KeyNotFound")
    again = default_key(tenant)
    assert again["KeyId"] != key_id
    assert tenant.kms("ListKeys").body["TotalCount"] == 1
    refused(oss.kms("Decrypt", CiphertextBlob=blob), 404, "Forbidden.KeyNotFound")


def test_default_keys_outlive_instances(world: Searched) -> None:
    """An instance is released; the default key and a service's key go on, and no quota of an instance counts them."""
    tenant, oss = world.tenant(), service(world, "oss")
    key_id = default_key(tenant)["KeyId"]
    instance_id = tenant.instance()
    tenant.key(instance_id)
    sealed = [oss.kms("Encrypt", KeyId=arn(tenant, name), Plaintext=PLAIN).body for name in (f"key/{key_id}", "alias/acs/oss")]
    used = tenant.kms("GetKmsInstanceQuotaInfos", KmsInstanceId=instance_id, ResourceType="key").body
    assert used["KmsInstanceQuotaInfos"][0]["UsedQuantity"] == 1
    world.advance(days=60)
    refused(tenant.kms("GetKmsInstance", KmsInstanceId=instance_id), 404, "Forbidden.DKMSInstanceNotFound")
    assert tenant.kms("ListKeys").body["TotalCount"] == 2
    assert [oss.kms("Decrypt", CiphertextBlob=one["CiphertextBlob"]).body["Plaintext"] for one in sealed] == [PLAIN, PLAIN]
    assert described(tenant, key_id)["KeyState"] == "Enabled"


def test_a_service_key_is_made_on_first_use(world: Searched) -> None:
    """By the first Encrypt or GenerateDataKey, once; the account sees it with the service's code as its Creator."""
    tenant, other, oss = poor(world), poor(world), service(world, "oss")
    assert tenant.kms("ListAliases").body["TotalCount"] == 0
    refused(oss.kms("DescribeKey", KeyId=arn(tenant, "alias/acs/oss")), 404, "Forbidden.AliasNotFound")
    first = oss.kms("GenerateDataKey", KeyId=arn(tenant, "alias/acs/oss"))
    assert first.status == 200, first.body
    world.secrets.append(first.body["Plaintext"])
    second = oss.kms("Encrypt", KeyId=arn(tenant, "alias/acs/oss"), Plaintext=PLAIN)
    key_id = first.body["KeyId"]
    assert second.body["KeyId"] == key_id
    (alias,) = tenant.kms("ListAliases").body["Aliases"]["Alias"]
    assert (alias["AliasName"], alias["KeyId"]) == ("alias/acs/oss", key_id)
    shown = described(tenant, "alias/acs/oss")
    assert (shown["Creator"], shown["KeySpec"], shown["KeyState"]) == ("OSS", "Aliyun_AES_256", "Enabled")
    assert described(oss, arn(tenant, f"key/{key_id}"))["KeyId"] == key_id
    default_id = default_key(tenant)["KeyId"]  # a service's key takes not the account's place
    for values, found in (('"Service"', [key_id]), ('"User"', [default_id]), ('"User","Service"', [key_id, default_id])):
        listed = tenant.kms("ListKeys", Filters=f'[{{"Key":"CreatorType","Values":[{values}]}}]').body["Keys"]["Key"]
        assert sorted(key["KeyId"] for key in listed) == sorted(found)
    by_creator = tenant.kms("ListKeys", Filters='[{"Key":"Creator","Values":["OSS"]}]').body
    assert by_creator["TotalCount"] == 1
    assert other.kms("ListKeys").body["TotalCount"] == 0
    assert oss.kms("Encrypt", KeyId=arn(other, "alias/acs/oss"), Plaintext=PLAIN).body["KeyId"] != key_id
    elsewhere = {"RegionId": ELSEWHERE, "Plaintext": PLAIN}
    assert oss.kms("Encrypt", KeyId=arn(tenant, "alias/acs/oss", ELSEWHERE), **elsewhere).body["KeyId"] != key_id
    assert tenant.kms("ListKeys", RegionId=ELSEWHERE).body["TotalCount"] == 1


def test_an_account_cannot_touch_a_service_key(world: Searched) -> None:
    """Every action that would use or change it, or take its name, is refused; looking at it is not."""
    tenant, oss = world.tenant(), service(world, "oss")
    sealed = oss.kms("Encrypt", KeyId=arn(tenant, "alias/acs/oss"), Plaintext=PLAIN).body
    key_id, mine = sealed["KeyId"], tenant.key(tenant.instance())
    named = {"KeyId": key_id}
    asked: tuple[tuple[str, dict[str, object]], ...] = (
        ("Encrypt", {**named, "Plaintext": PLAIN}),
        ("Encrypt", {"KeyId": "alias/acs/oss", "Plaintext": PLAIN}),
        ("GenerateDataKey", named),
        ("GenerateDataKeyWithoutPlaintext", named),
        ("Decrypt", {"CiphertextBlob": sealed["CiphertextBlob"]}),
        ("ReEncrypt", {"CiphertextBlob": sealed["CiphertextBlob"], "DestinationKeyId": mine}),
        ("DisableKey", named),
        ("EnableKey", named),
        ("ScheduleKeyDeletion", {**named, "PendingWindowInDays": 7}),
        ("CancelKeyDeletion", named),
        ("SetDeletionProtection", {**named, "EnableDeletionProtection": "true"}),
        ("UpdateKeyDescription", {**named, "Description": "x"}),
        ("UpdateRotationPolicy", {**named, "EnableAutomaticRotation": "false"}),
        ("CreateKeyVersion", named),
        ("SetKeyPolicy", {**named, "Policy": tenant.kms("GetKeyPolicy", **named).body["Policy"]}),
        ("CreateAlias", {**named, "AliasName": "alias/mine"}),
        ("TagResource", {**named, "Tags": '[{"TagKey":"a","TagValue":"b"}]'}),
        ("UntagResource", {**named, "TagKeys": "a"}),
        ("TagResources", {"RegionId": HERE, "ResourceType": "key", "ResourceId.1": key_id, "Tag.1.Key": "a"}),
    )
    before = described(tenant, key_id)
    for action, flat in asked:
        refused(tenant.kms(action, **flat), 400, "UnsupportedOperation")
    for action in ("CreateAlias", "UpdateAlias"):
        refused(tenant.kms(action, KeyId=mine, AliasName="alias/acs/oss"), 400, "InvalidParameter")
        refused(tenant.kms(action, KeyId=mine, AliasName="alias/acs/mine"), 400, "InvalidParameter")
    refused(tenant.kms("DeleteAlias", AliasName="alias/acs/oss"), 400, "InvalidParameter")
    assert described(tenant, key_id) == before
    assert tenant.kms("ListKeyVersions", KeyId=key_id).body["TotalCount"] == 1
    assert oss.kms("Decrypt", CiphertextBlob=sealed["CiphertextBlob"]).body["Plaintext"] == PLAIN


def test_a_service_reaches_its_own_keys_and_default_keys_alone(world: Searched) -> None:
    """Not another service's, nor keys of an instance, and neither differs from what is not there; and six actions."""
    tenant, oss, rds = world.tenant(), service(world, "oss"), service(world, "rds")
    sealed = oss.kms("Encrypt", KeyId=arn(tenant, "alias/acs/oss"), Plaintext=PLAIN).body
    in_instance = tenant.key(tenant.instance())
    mine = tenant.kms("Encrypt", KeyId=in_instance, Plaintext=PLAIN).body["CiphertextBlob"]
    absent = rds.kms("Encrypt", KeyId=arn(tenant, "key/key-soz00000000aaaaaaaaaa"), Plaintext=PLAIN)
    refused(absent, 404, "Forbidden.KeyNotFound")
    for reply in (
        rds.kms("Encrypt", KeyId=arn(tenant, f"key/{sealed['KeyId']}"), Plaintext=PLAIN),
        rds.kms("Encrypt", KeyId=arn(tenant, "alias/acs/oss"), Plaintext=PLAIN),
        rds.kms("Decrypt", CiphertextBlob=sealed["CiphertextBlob"]),
        rds.kms("DescribeKey", KeyId=arn(tenant, f"key/{in_instance}")),
        rds.kms("Encrypt", KeyId=arn(tenant, f"key/{in_instance}"), Plaintext=PLAIN),
        rds.kms("Decrypt", CiphertextBlob=mine),
        rds.kms("Encrypt", KeyId=in_instance, Plaintext=PLAIN),  # no ARN: nobody's key
        rds.kms("Encrypt", KeyId="alias/acs/rds", Plaintext=PLAIN),
        rds.kms("Encrypt", KeyId=arn(tenant, "alias/acs/rds", ELSEWHERE), Plaintext=PLAIN),  # called here
        rds.kms("Encrypt", KeyId="acs:kms", Plaintext=PLAIN),
    ):
        refused(reply, 404, "Forbidden.KeyNotFound")
        assert reply.body["Message"] == absent.body["Message"]
    nobody = f"acs:kms:{HERE}:1000000000000000:alias/acs/rds"
    refused(rds.kms("Encrypt", KeyId=nobody, Plaintext=PLAIN), 404, "Forbidden.AliasNotFound")
    assert tenant.kms("ListKeys").body["TotalCount"] == 2  # none was made for what was refused
    for product in app.PRODUCTS_SERVED:
        for name, action in product.actions.items():
            assert action.for_services == (name in FOR_SERVICES), name
            if not action.for_services and action.permission.signed:
                refused(rds.call(product.version, name, {}), 403, "Forbidden.NoPermission")


def test_a_disabled_service_is_refused_and_its_data_stays(world: Searched) -> None:
    """With all its access keys, or one; registered again it opens what it sealed."""
    tenant, oss = poor(world), service(world, "oss")
    blob = oss.kms("Encrypt", KeyId=arn(tenant, "alias/acs/oss"), Plaintext=PLAIN).body["CiphertextBlob"]
    newer = service(world, "oss")
    store = world.service.store
    with store.write() as tx:
        access.disable_service(tx, "oss", oss.access_key_id)
    world.service.warm.refresh()  # on PostgreSQL it is seen within a quarter of a second
    refused(oss.kms("Decrypt", CiphertextBlob=blob), 403, "Forbidden.AccessKey")
    assert newer.kms("Decrypt", CiphertextBlob=blob).status == 200
    with store.write() as tx:
        keys = access.disable_service(tx, "oss")
    world.service.warm.refresh()
    assert [key.status.value for key in keys] == ["Inactive", "Inactive"]
    refused(newer.kms("Decrypt", CiphertextBlob=blob), 403, "Forbidden.AccessKey")
    assert service(world, "oss").kms("Decrypt", CiphertextBlob=blob).body["Plaintext"] == PLAIN


def test_calls_of_a_service_are_recorded_for_the_account(world: Searched) -> None:
    """The record names the account whose key it is, the service's access key, and the key."""
    tenant, oss = poor(world), service(world, "oss")
    key_id = oss.kms("Encrypt", KeyId=arn(tenant, "alias/acs/oss"), Plaintext=PLAIN).body["KeyId"]
    arrival = oss.arrival("2016-01-20", "Encrypt", {"KeyId": arn(tenant, "alias/acs/oss"), "Plaintext": PLAIN})
    record = live(world.service, arrival).record
    assert (record.account_id, record.access_key_id, record.resource_id) == (tenant.account_id, oss.access_key_id, key_id)
    assert record.instance_id == ""


def test_first_uses_at_once_make_one_key(world: Searched) -> None:
    """Eight threads draw a data key, and eight make the default key: all draw under one key, one makes."""
    tenant, oss = poor(world), service(world, "oss")
    reference = arn(tenant, "alias/acs/oss")
    with ThreadPoolExecutor(8) as threads:
        drawn = list(threads.map(lambda _: oss.kms("GenerateDataKey", KeyId=reference), range(8)))
        made = list(threads.map(lambda _: tenant.kms("CreateKey"), range(8)))
    assert [reply.status for reply in drawn] == [200] * 8, [reply.body for reply in drawn]
    assert len({reply.body["KeyId"] for reply in drawn}) == 1
    assert sorted(reply.code for reply in made) == ["", *["Rejected.LimitExceeded"] * 7]
    assert tenant.kms("ListKeys").body["TotalCount"] == 2


def test_a_default_key_with_material_of_its_account(world: Searched) -> None:
    """Origin EXTERNAL: PendingImport until the account imports; then a service's ciphertext opens under that very material."""
    tenant, oss = poor(world), service(world, "oss")
    made = default_key(tenant, Origin="EXTERNAL")
    named = {"KeyId": made["KeyId"]}
    assert made["KeyState"] == "PendingImport"
    refused(oss.kms("Encrypt", KeyId=made["Arn"], Plaintext=PLAIN), 409, "Rejected.PendingImport")
    way = {"WrappingKeySpec": "RSA_2048", "WrappingAlgorithm": "RSAES_OAEP_SHA_256"}
    offer = tenant.kms("GetParametersForImport", **named, **way).body
    public = load_der_public_key(base64.b64decode(offer["PublicKey"]))
    assert isinstance(public, RSAPublicKey)
    material = bytes(range(32))
    wrapped = public.encrypt(material, padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))
    parcel = {"EncryptedKeyMaterial": base64.b64encode(wrapped).decode(), "ImportToken": offer["ImportToken"]}
    reply = tenant.kms("ImportKeyMaterial", **named, **parcel, KeyMaterialExpireUnix=0)
    assert reply.status == 200, reply.body
    sealed = oss.kms("Encrypt", KeyId=made["Arn"], Plaintext=PLAIN)
    assert sealed.status == 200, sealed.body
    blob = base64.b64decode(sealed.body["CiphertextBlob"])  # 36 bytes of version id, 12 of IV, then GCM over the base64 text
    assert AESGCM(material).decrypt(blob[36:48], blob[48:], None) == PLAIN.encode()
    assert tenant.kms("DeleteKeyMaterial", **named).status == 200
    refused(oss.kms("Decrypt", CiphertextBlob=sealed.body["CiphertextBlob"]), 409, "Rejected.PendingImport")
