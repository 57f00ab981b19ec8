"""Mistakes other key services made and published, tried here: one test a mistake, named for what it guards.

From the advisories of Cosmian KMS and OpenBao, read 2026-11-22; test_others_mocks.py has what mocks got wrong. What needs
identities that may only do some things (an operation authorised under another's name, a denied caller who lists, wildcards in
policies) comes with the room of RAM; the path through a hardware module with that module; secrets with theirs.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from keystead.access_log.model import encoded
from keystead.access_log.rows import access_record
from keystead.api.kms import KMS
from keystead.gate.life import live
from keystead.gate.registry import Effect
from keystead.hsm.software import _bound, _unseal, open_root_key
from keystead.keyring.rows import instance_key, key_version
from tests.journeys.bad_values import Scene, key_of, served, wrapped
from tests.world import KMS_VERSION, Tenant, World

TEXT = "aGVsbG8="
LIFECYCLE: dict[str, dict[str, object]] = {
    "EnableKey": {},
    "DisableKey": {},
    "CreateKeyVersion": {},
    "CancelKeyDeletion": {},
    "ScheduleKeyDeletion": {"PendingWindowInDays": 7},
    "UpdateKeyDescription": {"Description": "mine now"},
    "UpdateRotationPolicy": {"EnableAutomaticRotation": "true", "RotationInterval": "30d"},
    "SetDeletionProtection": {"EnableDeletionProtection": "true"},
}


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    """A service."""
    made = World(sqlite_url, tmp_path / "var")
    yield made
    made.close()


@pytest.fixture
def both(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A service, on each database."""
    made = World(database_url, tmp_path / "var")
    yield made
    made.close()


def test_the_lives_of_anothers_keys_are_not_mine_to_change(both: World) -> None:
    """COSMIAN-2026-017: rotation and its like did not ask whose key it was. By id, ARN and alias ARN; the key stays as it was."""
    owner, stranger = both.tenant(), both.tenant()
    key_id = owner.key(owner.instance())
    served(owner.kms("CreateAlias", AliasName="alias/owners", KeyId=key_id))
    home = f"acs:kms:ap-southeast-1:{owner.account_id}"
    before = served(owner.kms("DescribeKey", KeyId=key_id)).body["KeyMetadata"]
    for action, flat in LIFECYCLE.items():
        for named in (key_id, f"{home}:key/{key_id}", f"acs:kms:ap-southeast-1:{stranger.account_id}:key/{key_id}"):
            asked = stranger.kms(action, KeyId=named, **flat)
            assert (asked.status, asked.code) == (404, "Forbidden.KeyNotFound"), (action, named)
        assert stranger.kms(action, KeyId=f"{home}:alias/owners", **flat).status in {400, 404}, action
    assert served(owner.kms("DescribeKey", KeyId=key_id)).body["KeyMetadata"] == before


def test_making_a_name_that_another_has_takes_nothing_away(both: World) -> None:
    """COSMIAN-2026-003: an import overwrote another's object of the same name. An alias is one account's, and so is its key."""
    owner, stranger = both.tenant(), both.tenant()
    mine, theirs = owner.key(owner.instance()), stranger.key(stranger.instance())
    served(owner.kms("CreateAlias", AliasName="alias/same", KeyId=mine))
    served(stranger.kms("CreateAlias", AliasName="alias/same", KeyId=theirs))
    assert served(owner.kms("Encrypt", KeyId="alias/same", Plaintext=TEXT)).body["KeyId"] == mine
    served(stranger.kms("DeleteAlias", AliasName="alias/same"))
    assert served(owner.kms("Encrypt", KeyId="alias/same", Plaintext=TEXT)).body["KeyId"] == mine
    assert stranger.kms("CreateAlias", AliasName="alias/taken", KeyId=mine).code == "Forbidden.KeyNotFound"
    assert stranger.kms("UpdateAlias", AliasName="alias/taken", KeyId=mine).status == 404


def test_an_import_does_not_overwrite_anothers_material(both: World) -> None:
    """COSMIAN-2026-003: neither with a token of the stranger's own key, nor with the owner's own token."""
    owner, stranger = both.tenant(), both.tenant()
    shape = {"Origin": "EXTERNAL"}
    mine = key_of(owner, owner.instance(), **shape)["KeyId"]
    theirs = key_of(stranger, stranger.instance(), **shape)["KeyId"]
    served(owner.kms("ImportKeyMaterial", KeyId=mine, **wrapped(owner, mine), KeyMaterialExpireUnix="0"))
    blob = served(owner.kms("Encrypt", KeyId=mine, Plaintext=TEXT)).body["CiphertextBlob"]
    for sent in (wrapped(stranger, theirs, b"y" * 32), wrapped(owner, mine, b"y" * 32)):
        asked = stranger.kms("ImportKeyMaterial", KeyId=mine, **sent, KeyMaterialExpireUnix="0")
        assert (asked.status, asked.code) == (404, "Forbidden.KeyNotFound")
        asked = stranger.kms("DeleteKeyMaterial", KeyId=mine)
        assert (asked.status, asked.code) == (404, "Forbidden.KeyNotFound")
    asked = stranger.kms("ImportKeyMaterial", KeyId=theirs, **wrapped(owner, mine), KeyMaterialExpireUnix="0")
    assert (asked.status, asked.code) == (400, "InvalidImportToken")
    assert served(owner.kms("Decrypt", CiphertextBlob=blob)).body["Plaintext"] == TEXT


@pytest.mark.parametrize("how", ["disabled", "scheduled", "destroyed", "instance released"])
def test_a_cached_key_is_of_no_use_after_its_end(sqlite_url: str, tmp_path: Path, how: str) -> None:
    """COSMIAN-2026-008: a worker that held the key opened went on using it. The second worker refuses at once."""
    world = World(sqlite_url, tmp_path / "var")
    other = World(sqlite_url, tmp_path / "var")
    tenant = world.tenant()
    key_id = tenant.key(tenant.instance())
    elsewhere = Tenant(other, tenant.account_id, tenant.access_key_id, tenant.secret)
    blob = served(elsewhere.kms("Encrypt", KeyId=key_id, Plaintext=TEXT)).body["CiphertextBlob"]
    served(elsewhere.kms("Decrypt", CiphertextBlob=blob))
    code = {"disabled": "Rejected.Disabled", "scheduled": "Rejected.PendingDeletion"}.get(how, "Forbidden.KeyNotFound")
    if how == "disabled":
        served(tenant.kms("DisableKey", KeyId=key_id))
    elif how in {"scheduled", "destroyed"}:
        served(tenant.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7))
    world.advance(days={"destroyed": 7, "instance released": 60}.get(how, 0))
    assert elsewhere.kms("Encrypt", KeyId=key_id, Plaintext=TEXT).code == code
    assert elsewhere.kms("Decrypt", CiphertextBlob=blob).code == code
    assert elsewhere.kms("GenerateDataKey", KeyId=key_id).code == code
    other.close()
    world.close()


def clear_bytes(world: World, folder: Path) -> list[bytes]:
    """The clear bytes of every instance key and key version there is, opened with the root key behind the service's back."""
    root = open_root_key(folder / "root.key").cipher()
    found = []
    with world.service.store.read() as tx:
        for owner in tx.execute(select(instance_key)):
            with _unseal(root, owner.sealed, ("", ""), _bound("instance key", owner.instance_id)) as material:
                found.append(base64.b64decode(material.base64_text()))
                cipher = material.cipher()
            for row in tx.execute(select(key_version).where(key_version.c.instance_id == owner.instance_id)):
                bound = _bound("key version", row.instance_id, row.key_id, row.version_id)
                with _unseal(cipher, row.sealed, ("", ""), bound) as material:
                    found.append(base64.b64decode(material.base64_text()))
    return found


def test_no_change_of_a_key_writes_it_down_in_clear(world: World, tmp_path: Path) -> None:
    """COSMIAN-2026-015: an update stored the unwrapped key. After every change, no file has the bytes, raw, hex or base64."""
    tenant = world.tenant()
    instance_id = tenant.instance()
    key_id, other = tenant.key(instance_id), tenant.key(instance_id)
    blob = served(tenant.kms("Encrypt", KeyId=other, Plaintext=TEXT)).body["CiphertextBlob"]
    data_key = base64.b64decode(served(tenant.kms("GenerateDataKey", KeyId=key_id)).body["Plaintext"])
    changes: dict[str, dict[str, object]] = {
        **{name: flat for name, flat in LIFECYCLE.items() if "KeyDeletion" not in name},
        "SetDeletionProtection": {"EnableDeletionProtection": "false"},
        "CreateAlias": {"AliasName": "alias/a"},
        "TagResource": {"Tags": '[{"TagKey":"a","TagValue":"b"}]'},
        "SetKeyPolicy": {"Policy": '{"Version":"1","Statement":[]}'},
        "ReEncrypt": {"CiphertextBlob": blob, "DestinationKeyId": key_id},
        "ScheduleKeyDeletion": {"PendingWindowInDays": 7},
        "CancelKeyDeletion": {},
    }
    for action, flat in changes.items():
        tenant.kms(action, **{"KeyId": key_id, **flat})
        world.advance(days=1)
    known = [*clear_bytes(world, tmp_path / "var"), data_key]
    assert len(known) >= 4  # the instance's key, two keys, the data key
    world.close()
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "root.key"]
    database = Path(str(world.service.store.engine.url.database))
    contents = {path: path.read_bytes() for path in [*files, *database.parent.glob(f"{database.name}*")]}
    assert any(len(content) > 100_000 for content in contents.values())  # the database is among them
    for clear in known:
        for form in (clear, clear.hex().encode(), base64.b64encode(clear)[:-4]):
            assert [path for path, content in contents.items() if form in content] == []
    tenant.world = World(str(world.service.store.engine.url), tmp_path / "var")  # for the fixture to close
    world.service = tenant.world.service


STEPS = {
    "EnableKey": {"Enabled": "Enabled", "Disabled": "Enabled"},
    "DisableKey": {"Enabled": "Disabled", "Disabled": "Disabled"},
    "ScheduleKeyDeletion": {"Enabled": "PendingDeletion", "Disabled": "PendingDeletion"},
    "CancelKeyDeletion": {"PendingDeletion": "Enabled"},
}
"""The state table of the page: what a served step makes of a state; a state that is missing refuses the step."""


def test_changes_at_the_same_time_are_changes_one_after_the_other(both: World) -> None:
    """COSMIAN-2026-011: states raced. Four callers at once; in the order of their commits the served steps are a legal life."""
    tenant = both.tenant()
    key_id = tenant.key(tenant.instance())
    blob = served(tenant.kms("Encrypt", KeyId=key_id, Plaintext=TEXT)).body["CiphertextBlob"]
    refused: list[str] = []

    def work(number: int) -> None:
        for turn in range(12):
            action = list(STEPS)[hash_of(number, turn) % 4]
            flat: dict[str, object] = {"PendingWindowInDays": 7} if action == "ScheduleKeyDeletion" else {}
            for reply in (tenant.kms(action, KeyId=key_id, **flat), tenant.kms("Decrypt", CiphertextBlob=blob)):
                assert reply.status in {200, 409}, reply.body
                if reply.status == 409:
                    refused.append(reply.code)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, number) for number in range(4)]:
            done.result()
    with both.service.store.read() as tx:
        records = [json.loads(row) for row in tx.execute(select(access_record.c.record).order_by(access_record.c.id)).scalars()]
    steps = [record["api_name"] for record in records if record["resource_id"] == key_id and record["api_name"] in STEPS]
    state = "Enabled"
    for step in steps:
        assert state in STEPS[step], (step, state, steps)
        state = STEPS[step][state]
    assert served(tenant.kms("DescribeKey", KeyId=key_id)).body["KeyMetadata"]["KeyState"] == state
    assert len(steps) >= 10
    assert set(refused) <= {"Rejected.StateModifiedFailed", "Rejected.Disabled", "Rejected.PendingDeletion"}


def hash_of(*parts: int) -> int:
    """A number that is the same in every run."""
    return hashlib.sha256(repr(parts).encode()).digest()[0]


def test_what_cannot_be_asked_is_not_allowed(sqlite_url: str, tmp_path: Path) -> None:
    """COSMIAN-2025-007: a failing dependency let callers in. With the store away every action is refused, warm keys too."""
    world = World(sqlite_url, tmp_path / "var")
    tenant = world.tenant()
    key_id = tenant.key(tenant.instance())
    served(tenant.kms("Encrypt", KeyId=key_id, Plaintext=TEXT))
    world.service.warm.close()
    world.service.store.close()
    database = Path(str(world.service.store.engine.url.database))
    for path in database.parent.glob(f"{database.name}*"):
        path.rename(path.with_name(f"gone-{path.name}"))
    database.mkdir()  # nothing can be opened there
    for action, flat in (("Encrypt", {"KeyId": key_id, "Plaintext": TEXT}), ("DescribeKey", {"KeyId": key_id}), ("ListKeys", {})):
        reply = tenant.kms(action, **flat)
        assert (reply.status, reply.code) == (503, "SerivceUnavailableTemporary"), action
        assert str(database) not in json.dumps(reply.body)
    world.service.rates.close()
    world.service.journal.close()


def test_an_id_has_one_spelling(world: World) -> None:
    """OpenBao GHSA-p49j, c36x: other spellings of a name passed checks. Here they name nothing, mine or another's."""
    owner, stranger = world.tenant(), world.tenant()
    key_id = owner.key(owner.instance())
    served(owner.kms("CreateAlias", AliasName="alias/a-b", KeyId=key_id))
    arn = f"acs:kms:ap-southeast-1:{owner.account_id}:key/{key_id}"
    spellings = [
        key_id.upper(),
        f" {key_id}",
        f"{key_id} ",
        f"{key_id}\t",
        f"./{key_id}",
        f"{key_id}/",
        f"key/{key_id}",
        arn.upper(),
    ]
    spellings += [
        key_id.replace("-", "%2d"),
        key_id.replace("-", "\u2010"),
        f"{arn}/",
        arn.replace("key/", "key//"),
        f"{arn}/../{key_id}",
    ]
    spellings += [
        "alias/A-B",
        "ALIAS/a-b",
        "alias//a-b",
        "alias/./a-b",
        "alias/a-b/",
        "alias/a%2db",
        "/alias/a-b",
        arn.replace("acs:", "ACS:"),
    ]
    for spelling in spellings:
        for tenant in (owner, stranger):
            asked = tenant.kms("Encrypt", KeyId=spelling, Plaintext=TEXT)
            assert (asked.status, asked.code[:10]) == (404, "Forbidden."), (spelling, asked.body)


@pytest.mark.parametrize("action", ["ListKeys", "ListAliases", "ListAliasesByKeyId", "ListKeyVersions", "ListKmsInstances"])
def test_a_page_has_a_size(world: World, action: str) -> None:
    """OpenBao 2.6.1: limit 0 or below zero listed everything. 0 is the default where a page says so (docs/divergences.md)."""
    tenant = world.tenant()
    instance_id = tenant.instance()
    for _ in range(11):
        key_id = tenant.key(instance_id)
    flat: dict[str, object] = {"KeyId": key_id} if "ByKeyId" in action or "Versions" in action else {}
    for size in ("-1", "102", "1000000", "99999999999999999999"):
        assert tenant.kms(action, **flat, PageSize=size).status == 400, size
    for number in ("0", "-1"):
        assert tenant.kms(action, **flat, PageNumber=number).status == 400, number
    asked = tenant.kms(action, **flat, PageSize="0")
    assert asked.status == 400 or asked.body["PageSize"] == 10
    beyond = served(tenant.kms(action, **flat, PageNumber="1000000")).body
    assert not any(beyond[name] for name in ("Keys", "Aliases") if name in beyond and any(beyond[name].values()))


def test_wildcards_are_letters_like_others(world: World) -> None:
    """OpenBao GHSA-59w7: `*` in a name widened what it matched. No pattern of shells, paths or SQL matches a name here."""
    tenant = world.tenant()
    key_id = tenant.key(tenant.instance())
    served(tenant.kms("CreateAlias", AliasName="alias/prod", KeyId=key_id))
    served(tenant.kms("TagResource", KeyId=key_id, Tags='[{"TagKey":"team","TagValue":"blue"}]'))
    for pattern in ("alias/*", "alias/%", "alias/pro_", "alias/+", "*", "key-*", "%"):
        assert tenant.kms("Encrypt", KeyId=pattern, Plaintext=TEXT).status == 404, pattern
        for name in ("AliasName", "keyId", "TagKey", "TagValue", "DKMSInstanceId", "Creator"):
            wanted = json.dumps([{"Key": name, "Values": [pattern, pattern.removeprefix("alias/")]}])
            assert served(tenant.kms("ListKeys", Filters=wanted)).body["TotalCount"] == 0, (name, pattern)
    for name in ("alias/*", "alias/a,b", "alias/a+b", "alias/%"):
        assert tenant.kms("CreateAlias", AliasName=name, KeyId=key_id).status == 400, name


SECRET_PARAMETERS = {
    "Plaintext",
    "CiphertextBlob",
    "EncryptionContext",
    "SourceEncryptionContext",
    "DestinationEncryptionContext",
}
SECRET_PARAMETERS |= {"Message", "Mac", "Digest", "Value", "Recipient", "PublicKeyBlob", "EncryptedKeyMaterial", "ImportToken"}


def test_no_log_repeats_what_it_was_given(database_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """OpenBao CVE-2025-62513: raw values reached the audit log. A canary in every such parameter reaches none."""
    world = World(database_url, tmp_path / "var")
    scene = Scene(world)
    records = []
    canary = "Y2FuYXJ5LTdmM2U5Yg=="  # base64 of canary-7f3e9b
    for action in KMS.actions.values():
        for field in action.plan:
            if field.wire in SECRET_PARAMETERS:
                for value in (canary, f'{{"{canary}":"{canary}"}}', f"{canary}!", f'{{"{canary}"'):
                    flat = scene.sound(action) | {field.wire: value}
                    records.append(
                        encoded(live(world.service, scene.one.arrival(KMS_VERSION, action.name, flat)).record).decode()
                    )
    with world.service.store.read() as tx:
        records += tx.execute(select(access_record.c.record)).scalars()
    world.close()
    out, err = capfd.readouterr()
    assert len(records) >= 100
    for form in (canary, "canary-7f3e9b", canary.rstrip("="), b"canary-7f3e9b".hex()):
        assert form not in "".join(records) + out + err


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, "[[" * 4_000 + "]]" * 4_000, '{"a":"' + "\\u0041" * 50_000 + '"}']
)
def test_json_that_explodes_is_refused(world: World, text: str) -> None:
    """OpenBao CVE-2025-59043: deep JSON took the process down."""
    tenant = world.tenant()
    key_id = tenant.key(tenant.instance())
    for action, name in (
        ("Encrypt", "EncryptionContext"),
        ("ListKeys", "Filters"),
        ("TagResource", "Tags"),
        ("SetKeyPolicy", "Policy"),
    ):
        flat = {"KeyId": key_id, "Plaintext": TEXT, name: text} if action != "ListKeys" else {name: text}
        reply = tenant.kms(action, **flat)
        assert (reply.status, reply.code) == (400, "InvalidParameter"), (action, reply.body)


def test_no_kind_of_key_breaks_another_kinds_action(world: World) -> None:
    """OpenBao GHSA-8w8f: a key of the wrong kind crashed an action. Every computing action with every kind and algorithm."""
    scene = Scene(world)
    algorithms = ["RSA_PSS_SHA_256", "RSAES_OAEP_SHA_256", "ECDSA_SHA_256", "SM2DSA", "SM2PKE", "HMAC_SHA_256", "AES_GCM", "x"]
    tried = 0
    for action in KMS.actions.values():
        if action.effect is Effect.COMPUTE and any(field.wire == "KeyId" for field in action.plan):
            for name, key_id in scene.keys.items():
                ids = {"KeyId": key_id, "KeyVersionId": scene.versions[name]}
                takes = [{"Algorithm": one} for one in algorithms] if "Algorithm" in {f.wire for f in action.plan} else [{}]
                for taken in takes:
                    flat = scene.sound(action) | ids | taken
                    while (reply := scene.one.kms(action.name, **flat)).status == 429:  # 500 asymmetric calls a second
                        pass
                    assert reply.status in {200, 400, 409}, (action.name, name, taken, reply.body)
                    tried += 1
    assert tried > 200


def test_no_two_secrets_are_alike_or_simple(world: World, tmp_path: Path) -> None:
    """COSMIAN-2026-002, -010: a constant where randomness belonged. Roots, data keys, IVs, ids and access keys of two of each."""
    roots = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        open_root_key(tmp_path / name / "root.key")
        roots.append((tmp_path / name / "root.key").read_bytes()[-32:])
    tenant, other = world.tenant(), world.tenant()
    key_id = tenant.key(tenant.instance(Spec="4000"))
    sealed = [served(tenant.kms("Encrypt", KeyId=key_id, Plaintext=TEXT)).body for _ in range(50)]
    ivs = [base64.b64decode(body["CiphertextBlob"])[36:48] for body in sealed]
    made = [served(tenant.kms("GenerateDataKey", KeyId=key_id)).body["Plaintext"] for _ in range(50)]
    for drawn in (roots, ivs, made, [body["RequestId"] for body in sealed], [tenant.secret, other.secret]):
        assert len(set(drawn)) == len(drawn)
    for secret in (*roots, *(base64.b64decode(text) for text in made)):
        assert len(set(secret)) > 16  # 32 random bytes have fewer than 17 different values once in 10^12 draws
