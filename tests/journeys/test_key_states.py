"""The state table, cell by cell, by the actions themselves (Impact of CMK states on API call, read 2026-11-22)."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tests.world import Reply, Tenant, World

STATES = ("Enabled", "Disabled", "PendingDeletion", "PendingImport")
OK = "ok"
DISABLED, DELETION, IMPORT = "Rejected.Disabled", "Rejected.PendingDeletion", "Rejected.PendingImport"
FIXED = "Rejected.StateModifiedFailed"
UNSUPPORTED = "UnsupportedOperation"  # a key with material from outside is not rotated and has one version
PLAIN: dict[str, object] = {"Plaintext": "aGVsbG8="}
# Columns as in STATES. The documented table; the rows behind the blank line are ours, by ADR 50.
CELLS: dict[str, tuple[dict[str, object], tuple[str, str, str, str]]] = {
    "Encrypt": (PLAIN, (OK, DISABLED, DELETION, IMPORT)),
    "GenerateDataKey": ({}, (OK, DISABLED, DELETION, IMPORT)),
    "GenerateDataKeyWithoutPlaintext": ({}, (OK, DISABLED, DELETION, IMPORT)),
    "DescribeKey": ({}, (OK, OK, OK, OK)),
    "EnableKey": ({}, (OK, OK, FIXED, FIXED)),
    "DisableKey": ({}, (OK, OK, FIXED, FIXED)),
    "ScheduleKeyDeletion": ({"PendingWindowInDays": 7}, (OK, OK, FIXED, OK)),
    "CancelKeyDeletion": ({}, (FIXED, FIXED, OK, FIXED)),
    "CreateAlias": ({"AliasName": "alias/new"}, (OK, OK, FIXED, OK)),
    "UpdateAlias": ({"AliasName": "alias/moving"}, (OK, OK, DELETION, OK)),
    "UpdateRotationPolicy": (
        {"EnableAutomaticRotation": True, "RotationInterval": "7d"},
        (OK, DISABLED, DELETION, UNSUPPORTED),
    ),
    "ListAliasesByKeyId": ({}, (OK, OK, OK, OK)),
    "ListKeyVersions": ({}, (OK, OK, OK, OK)),
    "ListResourceTags": ({}, (OK, OK, OK, OK)),
    "GetKeyPolicy": ({}, (OK, OK, OK, OK)),
    "SetDeletionProtection": ({"EnableDeletionProtection": True}, (OK, OK, DELETION, OK)),
    "TagResource": ({"Tags": '[{"TagKey":"a","TagValue":"b"}]'}, (OK, OK, OK, OK)),
    "UntagResource": ({"TagKeys": "a"}, (OK, OK, OK, OK)),
    "UpdateKeyDescription": ({"Description": "x"}, (OK, OK, OK, OK)),
}


@pytest.fixture(scope="module")
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tenant, str]]:
    """A tenant with an instance; the cells' keys are their own."""
    folder: Path = tmp_path_factory.mktemp("states")
    world = World(f"sqlite:///{folder / 'keystead.db'}", folder / "var")
    tenant = world.tenant()
    yield tenant, tenant.instance()
    world.close()


def of_kind(tenant: Tenant, instance_id: str, **kind: str) -> str:
    """Make a key of a kind."""
    made = tenant.kms("CreateKey", DKMSInstanceId=instance_id, **kind)
    assert made.status == 200, made.body
    return str(made.body["KeyMetadata"]["KeyId"])


def in_state(tenant: Tenant, instance_id: str, state: str) -> str:
    """Make a key in the state."""
    if state == "PendingImport":
        return of_kind(tenant, instance_id, Origin="EXTERNAL")
    key_id = tenant.key(instance_id)
    if state == "Disabled":
        assert tenant.kms("DisableKey", KeyId=key_id).status == 200
    if state == "PendingDeletion":
        assert tenant.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7).status == 200
    assert tenant.kms("DescribeKey", KeyId=key_id).body["KeyMetadata"]["KeyState"] == state
    return key_id


def told(reply: Reply) -> str:
    """What a cell says: ok, or the code of a refusal, whose status must be that of its kind."""
    if reply.status == 200:
        return OK
    assert reply.status == (400 if reply.code == UNSUPPORTED else 409), reply.body
    return reply.code


# The import rows are of keys of Origin EXTERNAL; the same material comes in a second time but to the key without.
IMPORT_CELLS: dict[str, tuple[str, str, str, str]] = {
    "GetParametersForImport": (OK, OK, OK, OK),
    "ImportKeyMaterial": (OK, OK, FIXED, OK),
    "DeleteKeyMaterial": (OK, OK, OK, OK),
}
WAY = {"WrappingKeySpec": "RSA_2048", "WrappingAlgorithm": "RSAES_OAEP_SHA_256"}


def parcel(tenant: Tenant, key_id: str) -> dict[str, object]:
    """What ImportKeyMaterial takes: material wrapped for the key, which never expires."""
    reply = tenant.kms("GetParametersForImport", KeyId=key_id, **WAY)
    assert reply.status == 200, reply.body
    public = load_der_public_key(base64.b64decode(reply.body["PublicKey"]))
    assert isinstance(public, RSAPublicKey)
    wrapped = public.encrypt(bytes(range(32)), padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))
    blob = base64.b64encode(wrapped).decode()
    return {"EncryptedKeyMaterial": blob, "ImportToken": reply.body["ImportToken"], "KeyMaterialExpireUnix": 0}


@pytest.mark.parametrize("action", IMPORT_CELLS)
def test_every_cell_of_import(stage: tuple[Tenant, str], action: str) -> None:
    """The action's row of the table, and of the service's own keys, whose material does not come from outside."""
    tenant, instance_id = stage
    cells = []
    for state in STATES:
        key_id = in_state(tenant, instance_id, "PendingImport")
        given = parcel(tenant, key_id)
        if state != "PendingImport":
            assert tenant.kms("ImportKeyMaterial", KeyId=key_id, **given).status == 200
        if state == "Disabled":
            assert tenant.kms("DisableKey", KeyId=key_id).status == 200
        if state == "PendingDeletion":
            assert tenant.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7).status == 200
        assert tenant.kms("DescribeKey", KeyId=key_id).body["KeyMetadata"]["KeyState"] == state
        flats: dict[str, dict[str, object]] = {"GetParametersForImport": dict(WAY), "ImportKeyMaterial": given}
        flat = flats.get(action, {})
        cells.append(told(tenant.kms(action, KeyId=key_id, **flat)))
    print(f"{action:32}" + "".join(f"{cell:30}" for cell in cells))
    assert tuple(cells) == IMPORT_CELLS[action]
    for state in STATES[:3]:
        reply = tenant.kms(action, KeyId=in_state(tenant, instance_id, state), **flat)
        assert (reply.status, reply.code) == (400, "Unsupported.Origin"), state


@pytest.mark.parametrize("action", CELLS)
def test_every_cell(stage: tuple[Tenant, str], action: str) -> None:
    """The action's row of the table."""
    tenant, instance_id = stage
    flat, expected = CELLS[action]
    cells = []
    for state in STATES:
        key_id = in_state(tenant, instance_id, state)
        if action == "UpdateAlias":
            tenant.kms("CreateAlias", AliasName="alias/moving", KeyId=tenant.key(instance_id))
        cells.append(told(tenant.kms(action, KeyId=key_id, **flat)))
        for alias in ("alias/new", "alias/moving"):
            tenant.kms("DeleteAlias", AliasName=alias)
    print(f"{action:32}" + "".join(f"{cell:30}" for cell in cells))
    assert tuple(cells) == expected


def test_decrypt_and_reencrypt_by_state(stage: tuple[Tenant, str]) -> None:
    """What was encrypted while the key was Enabled is refused by the state it is in since, and opens again afterwards."""
    tenant, instance_id = stage
    key_id, other = tenant.key(instance_id), tenant.key(instance_id)
    blob = tenant.kms("Encrypt", KeyId=key_id, **PLAIN).body["CiphertextBlob"]
    for there, code, back in (("DisableKey", DISABLED, "EnableKey"), ("ScheduleKeyDeletion", DELETION, "CancelKeyDeletion")):
        window = {"PendingWindowInDays": "366"} if code == DELETION else {}
        assert tenant.kms(there, KeyId=key_id, **window).status == 200
        assert told(tenant.kms("Decrypt", CiphertextBlob=blob)) == code
        assert told(tenant.kms("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=other)) == code
        foreign = tenant.kms("Encrypt", KeyId=other, **PLAIN).body["CiphertextBlob"]
        assert told(tenant.kms("ReEncrypt", CiphertextBlob=foreign, DestinationKeyId=key_id)) == code
        assert tenant.kms(back, KeyId=key_id).status == 200
        assert tenant.kms("Decrypt", CiphertextBlob=blob).body["Plaintext"] == "aGVsbG8="


def test_a_key_without_material_is_refused_by_its_own_state(stage: tuple[Tenant, str]) -> None:
    """Scheduled for deletion it is PendingDeletion to Encrypt too, and PendingImport again once that is cancelled."""
    tenant, instance_id = stage
    key_id = in_state(tenant, instance_id, "PendingImport")
    assert tenant.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7).status == 200
    assert told(tenant.kms("Encrypt", KeyId=key_id, **PLAIN)) == DELETION
    assert tenant.kms("CancelKeyDeletion", KeyId=key_id).status == 200
    assert told(tenant.kms("Encrypt", KeyId=key_id, **PLAIN)) == IMPORT


def test_asymmetric_cryptography_by_state(stage: tuple[Tenant, str]) -> None:
    """Every action on key pairs, MAC keys and exported data keys follows the row of cryptography, and works again afterwards."""
    tenant, instance_id = stage
    keys = {
        "sign": of_kind(tenant, instance_id, KeySpec="EC_SM2"),
        "seal": of_kind(tenant, instance_id, KeySpec="EC_SM2", KeyUsage="ENCRYPT/DECRYPT"),
        "mac": of_kind(tenant, instance_id, KeySpec="HMAC_SM3"),
        "export": tenant.key(instance_id),
    }
    named = {
        use: {
            "KeyId": key_id,
            "KeyVersionId": tenant.kms("ListKeyVersions", KeyId=key_id).body["KeyVersions"]["KeyVersion"][0]["KeyVersionId"],
        }
        for use, key_id in keys.items()
    }
    sign = {**named["sign"], "Algorithm": "SM2DSA", "Digest": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}
    seal = {**named["seal"], "Algorithm": "SM2PKE"}
    mac = {"KeyId": keys["mac"], "Algorithm": "HMAC_SM3", "Message": "aGVsbG8="}
    pem = tenant.kms("GetPublicKey", **named["seal"]).body["PublicKey"]
    under = {
        "PublicKeyBlob": "".join(pem.splitlines()[1:-1]),
        "WrappingKeySpec": "EC_SM2",
        "WrappingAlgorithm": "SM2PKE",
    }
    generate = {"KeyId": keys["export"], **under}
    rows: dict[str, dict[str, object]] = {
        "AsymmetricSign": dict(sign),
        "AsymmetricVerify": sign | {"Value": tenant.kms("AsymmetricSign", **sign).body["Value"]},
        "GetPublicKey": dict(named["sign"]),
        "AsymmetricEncrypt": seal | PLAIN,
        "AsymmetricDecrypt": seal | {"CiphertextBlob": tenant.kms("AsymmetricEncrypt", **seal, **PLAIN).body["CiphertextBlob"]},
        "GenerateMac": dict(mac),
        "VerifyMac": mac | {"Mac": tenant.kms("GenerateMac", **mac).body["Mac"]},
        "GenerateAndExportDataKey": dict(generate),
        "ExportDataKey": under | {"CiphertextBlob": tenant.kms("GenerateAndExportDataKey", **generate).body["CiphertextBlob"]},
    }
    for there, code, back in (("DisableKey", DISABLED, "EnableKey"), ("ScheduleKeyDeletion", DELETION, "CancelKeyDeletion")):
        window = {"PendingWindowInDays": "7"} if code == DELETION else {}
        assert {action: told(tenant.kms(action, **flat)) for action, flat in rows.items()} == dict.fromkeys(rows, OK)
        for key_id in keys.values():
            assert tenant.kms(there, KeyId=key_id, **window).status == 200
        assert {action: told(tenant.kms(action, **flat)) for action, flat in rows.items()} == dict.fromkeys(rows, code)
        for key_id in keys.values():
            assert tenant.kms(back, KeyId=key_id).status == 200
    assert {action: told(tenant.kms(action, **flat)) for action, flat in rows.items()} == dict.fromkeys(rows, OK)
    without = in_state(tenant, instance_id, "PendingImport")
    assert told(tenant.kms("GenerateAndExportDataKey", **(generate | {"KeyId": without}))) == IMPORT


def test_delete_alias_in_every_state(stage: tuple[Tenant, str]) -> None:
    """DeleteAlias looks at no state."""
    tenant, instance_id = stage
    for state in STATES:
        key_id = tenant.key(instance_id) if state != "PendingImport" else in_state(tenant, instance_id, state)
        assert tenant.kms("CreateAlias", AliasName="alias/leaving", KeyId=key_id).status == 200
        if state == "Disabled":
            tenant.kms("DisableKey", KeyId=key_id)
        if state == "PendingDeletion":
            tenant.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7)
        assert tenant.kms("DeleteAlias", AliasName="alias/leaving").status == 200, state


def test_a_version_by_hand_needs_an_enabled_key(stage: tuple[Tenant, str]) -> None:
    """CreateKeyVersion's row, on an asymmetric key whose last version is seven days old; a symmetric key has no such thing."""
    tenant, instance_id = stage
    keys = {state: of_kind(tenant, instance_id, KeySpec="RSA_2048") for state in STATES[:3]}
    tenant.world.advance(days=7)
    tenant.kms("DisableKey", KeyId=keys["Disabled"])
    tenant.kms("ScheduleKeyDeletion", KeyId=keys["PendingDeletion"], PendingWindowInDays=7)
    cells = [told(tenant.kms("CreateKeyVersion", KeyId=keys[state])) for state in STATES[:3]]
    assert cells == [OK, DISABLED, DELETION]
    for key_id in (tenant.key(instance_id), in_state(tenant, instance_id, "PendingImport")):
        assert told(tenant.kms("CreateKeyVersion", KeyId=key_id)) == UNSUPPORTED
