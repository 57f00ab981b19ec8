"""How often key versions encrypt, counted from durable records: exact, told at the mark, and on no call's way."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import msgspec
import pytest

from keystead.cli.commands import run
from keystead.clock import SystemClock
from keystead.console.metrics import wear as exposed
from keystead.gate.life import live
from keystead.key_use import commands as key_use
from keystead.key_use import rules
from keystead.key_use.model import BOUND, Use, Used
from keystead.notices import commands as notices
from keystead.store import events as happened
from keystead.usage import commands as usage
from tests.journeys.bad_values import DIGEST, served
from tests.journeys.test_cross_account import PUBLIC_KEY
from tests.world import KMS_VERSION, Tenant, World

WARNED = 10
TEXT = "aGVsbG8="
EXPORT = {"PublicKeyBlob": PUBLIC_KEY, "WrappingKeySpec": "RSA_2048", "WrappingAlgorithm": "RSAES_OAEP_SHA_256"}
SPAN: dict[str, object] = {"DataType": "Day", "StartTime": "2026-01-01T00:00:00Z", "EndTime": "2026-03-01T00:00:00Z"}


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A service whose owners are warned after ten encryptions."""
    made = World(database_url, tmp_path, encryptions_warned=WARNED)
    yield made
    made.close()


def ask(tenant: Tenant, action: str, **flat: str) -> dict[str, Any]:
    """Call as a worker serves it: with the record in the journal, durable before the answer."""
    service = tenant.world.service
    outcome = live(service, tenant.arrival(KMS_VERSION, action, flat))
    if not outcome.recorded:
        group = service.journal.append(outcome.record)
        while not group.finished:
            Event().wait(0.001)
    found: dict[str, Any] = msgspec.json.decode(outcome.answer.body)
    return found


def count(world: World) -> None:
    """Do the chore, and what it asks for."""
    service = world.service
    usage.count(service.store, service.journal.path.parent, service.clock.read(), WARNED)
    world.settle()


def sealed(world: World, key_id: str) -> dict[str, int]:
    """Encryptions by version."""
    with world.service.store.read() as tx:
        return {wear.version.version_id: wear.sealed for wear in key_use.wear_of_key(tx, key_id)}


def events(world: World, kind: str) -> list[dict[str, str]]:
    """What happened of a kind, from the beginning."""
    with world.service.store.read() as tx:
        return [event.detail | {"key_id": event.subject} for event in happened.since(tx, 0) if event.kind == kind]


def test_every_encryption_is_counted_and_nothing_else(world: World) -> None:
    """Five ways to seal count one each; opening, refused and tried-only calls count none."""
    tenant = world.tenant()
    instance_id = tenant.instance()
    key_id, other = tenant.key(instance_id), tenant.key(instance_id)
    blob = ask(tenant, "Encrypt", KeyId=key_id, Plaintext=TEXT)["CiphertextBlob"]
    data_key = ask(tenant, "GenerateDataKey", KeyId=key_id)["CiphertextBlob"]
    ask(tenant, "GenerateDataKeyWithoutPlaintext", KeyId=key_id)
    ask(tenant, "GenerateAndExportDataKey", KeyId=key_id, **EXPORT)
    ask(tenant, "ExportDataKey", CiphertextBlob=data_key, **EXPORT)
    ask(tenant, "Decrypt", CiphertextBlob=blob)
    ask(tenant, "Encrypt", KeyId=key_id, Plaintext="!")
    ask(tenant, "Encrypt", KeyId=key_id, Plaintext=TEXT, DryRun="true")
    ask(tenant, "ReEncrypt", CiphertextBlob=blob, DestinationKeyId=other)
    ask(tenant, "DescribeKey", KeyId=key_id)
    count(world)
    count(world)  # nothing twice
    version, of_other = (
        served(tenant.kms("DescribeKey", KeyId=key)).body["KeyMetadata"]["PrimaryKeyVersion"] for key in (key_id, other)
    )
    assert sealed(world, key_id) == {version: 4}
    assert sealed(world, other) == {of_other: 1}
    with world.service.store.read() as tx:
        used = {use.use.operation: use.calls for use in key_use.uses(tx, key_id)}
        assert rules.data_keys(key_use.uses(tx, key_id)) == 3
    assert used == {
        "Encrypt": 1,
        "GenerateDataKey": 1,
        "GenerateDataKeyWithoutPlaintext": 1,
        "GenerateAndExportDataKey": 1,
        "ExportDataKey": 1,
        "Decrypt": 1,
        "ReEncrypt": 1,  # as what was opened
    }


def test_signatures_do_not_wear_a_key(world: World) -> None:
    """The bound is GCM's."""
    tenant = world.tenant()
    made = served(tenant.kms("CreateKey", DKMSInstanceId=tenant.instance(), KeySpec="EC_P256")).body["KeyMetadata"]["KeyId"]
    version = served(tenant.kms("ListKeyVersions", KeyId=made)).body["KeyVersions"]["KeyVersion"][0]["KeyVersionId"]
    ask(tenant, "AsymmetricSign", KeyId=made, KeyVersionId=version, Algorithm="ECDSA_SHA_256", Digest=DIGEST)
    count(world)
    assert sealed(world, made) == {}
    with world.service.store.read() as tx:
        assert [use.use.operation for use in key_use.uses(tx, made)] == ["AsymmetricSign"]


def test_the_owner_is_told_once_at_the_mark(world: World) -> None:
    """Nine: silence. Eleven: one event, one message. Twenty: no second. The new version after a rotation starts at none."""
    tenant = world.tenant()
    key_id = tenant.key(tenant.instance())
    for _ in range(9):
        ask(tenant, "Encrypt", KeyId=key_id, Plaintext=TEXT)
    count(world)
    assert events(world, "key_version_worn") == []
    for _ in range(2):
        ask(tenant, "Encrypt", KeyId=key_id, Plaintext=TEXT)
    count(world)
    [told] = events(world, "key_version_worn")
    [version] = sealed(world, key_id)
    assert told == {"key_id": key_id, "version_id": version, "encryptions": "11", "bound": "4294967296"}
    for _ in range(9):
        ask(tenant, "Encrypt", KeyId=key_id, Plaintext=TEXT)
    count(world)
    assert len(events(world, "key_version_worn")) == 1
    with world.service.store.read() as tx:
        found = [message for message in notices.messages(tx, tenant.account_id) if message.telling.kind == "key_worn"]
    assert len(found) == 1
    assert found[0].words.subject == f"A version of key {key_id} is wearing out"
    assert "11 times of the 4294967296" in " ".join(found[0].words.text.split())
    served(tenant.kms("UpdateRotationPolicy", KeyId=key_id, EnableAutomaticRotation="true", RotationInterval="7d"))
    world.advance(days=7)
    ask(tenant, "Encrypt", KeyId=key_id, Plaintext=TEXT)
    count(world)
    assert sorted(sealed(world, key_id).values()) == [1, 20]


def test_the_bound_itself_is_told_too() -> None:
    """Marks: 2^31 by default, then 2^32. Hand-worked."""
    assert [rules.passed(sealed, 2**31) for sealed in (0, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**33)] == [
        0, 0, 2**31, 2**31, 2**32, 2**32,
    ]  # fmt: skip
    assert BOUND == 4_294_967_296


def test_usage_shows_the_gauge_and_describe_key_does_not(world: World) -> None:
    """QueryUserOmsData's table kms_key_version has one row a version; a stranger's is empty; DescribeKey is the cloud's."""
    tenant = world.tenant()
    instance_id = tenant.instance()
    key_id = tenant.key(instance_id)
    before = set(served(tenant.kms("DescribeKey", KeyId=key_id)).body["KeyMetadata"])
    for _ in range(3):
        ask(tenant, "Encrypt", KeyId=key_id, Plaintext=TEXT)
    count(world)
    [version] = sealed(world, key_id)
    [row] = served(tenant.bss("QueryUserOmsData", Table="kms_key_version", **SPAN)).body["Data"]["OmsData"]
    assert row == {
        "Day": "2026-01-01",
        "InstanceId": instance_id,
        "KeyId": key_id,
        "KeyVersionId": version,
        "Encryptions": "3",
        "EncryptionsBound": "4294967296",
        "EncryptionsLeft": "4294967293",  # 4294967296 - 3
        "PartUsed": "0.000000001",  # 3 / 4294967296 = 7.0e-10
    }
    assert served(world.tenant().bss("QueryUserOmsData", Table="kms_key_version", **SPAN)).body["Data"]["OmsData"] == []
    assert set(served(tenant.kms("DescribeKey", KeyId=key_id)).body["KeyMetadata"]) == before
    with world.service.store.read() as tx:
        assert key_use.figures(tx, 3) == (3, 1)
        assert key_use.figures(tx, 4) == (3, 0)


def test_metrics_say_it_without_naming_keys() -> None:
    """Three figures, no label."""
    lines = [line for line in exposed(3, 1).decode().splitlines() if not line.startswith("#")]
    assert lines == [
        "keystead_key_version_encryptions_bound 4.294967296e+09",
        "keystead_key_version_encryptions_max 3.0",
        "keystead_key_versions_worn 1.0",
    ]


CRASH = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.rooms.test_key_use import ask
from tests.world import Tenant, World
world = World(sys.argv[2], Path(sys.argv[3]))
tenant = Tenant(world, *sys.argv[4:7])
while True:
    print(ask(tenant, "Encrypt", KeyId=sys.argv[7], Plaintext="aGVsbG8=")["CiphertextBlob"], flush=True)
"""


def test_no_answer_is_missed_by_a_crash(sqlite_url: str, tmp_path: Path) -> None:
    """Two workers are killed while they serve: every ciphertext that was answered is counted, under its version."""
    world = World(sqlite_url, tmp_path)
    tenant = world.tenant()
    key_id = tenant.key(tenant.instance(Spec="4000"))
    root = str(Path(__file__).parents[2])
    words = [root, sqlite_url, str(tmp_path), tenant.account_id, tenant.access_key_id, tenant.secret, key_id]
    workers = [subprocess.Popen([sys.executable, "-c", CRASH, *words], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for turn, worker in enumerate(workers):
        assert worker.stdout is not None
        for _ in range(20 + turn):
            worker.stdout.readline()
        count(world)  # while it is written to
    answers: list[str] = []
    for worker in workers:
        worker.kill()
        out, _ = worker.communicate()
        answers += out.splitlines()
    count(world)
    [(version, times)] = sealed(world, key_id).items()
    answered = 41 + sum(len(answer) > 40 and base64.b64decode(answer)[:36].decode() == version for answer in answers[:-2])
    assert answered <= times <= answered + 2 + 2  # a killed worker may have made one durable that it did not answer
    world.close()


def test_deleting_a_key_that_was_used_is_warned_of(world: World) -> None:
    """Used eight days ago: silence. Used six days ago: one event and one message, in the commit that schedules."""
    tenant = world.tenant()
    instance_id = tenant.instance()
    idle, busy = tenant.key(instance_id), tenant.key(instance_id)
    ask(tenant, "Encrypt", KeyId=idle, Plaintext=TEXT)
    world.advance(days=2)
    ask(tenant, "GenerateDataKey", KeyId=busy)
    ask(tenant, "Encrypt", KeyId=busy, Plaintext=TEXT)
    world.advance(days=6)
    count(world)
    for key_id in (idle, busy):
        served(tenant.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7))
    [told] = events(world, "key_deletion_of_used_key")
    assert told == {
        "key_id": busy,
        "delete_at": "2026-01-16T00:00:00Z",  # 8 days, then 7
        "last_used_at": "2026-01-03T00:00:00Z",
        "operations": "Encrypt, GenerateDataKey",
    }
    count(world)
    assert len(events(world, "key_deletion_of_used_key")) == 1


def test_a_use_that_was_not_counted_yet_is_warned_of_too(world: World) -> None:
    """Used and scheduled within one turn of the chore: the count sees both, and warns."""
    tenant = world.tenant()
    key_id, other = (tenant.key(instance_id) for instance_id in [tenant.instance()] for _ in range(2))
    blob = ask(tenant, "Encrypt", KeyId=key_id, Plaintext=TEXT)["CiphertextBlob"]
    count(world)
    world.advance(days=8)
    ask(tenant, "ReEncrypt", CiphertextBlob=blob, DestinationKeyId=other)  # which uses both
    served(tenant.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7))
    assert events(world, "key_deletion_of_used_key") == []
    count(world)
    assert [event["operations"] for event in events(world, "key_deletion_of_used_key")] == ["ReEncrypt"]


def test_in_use_is_seven_days() -> None:
    """Seven days to the instant are no longer in use."""
    wall = SystemClock().read().wall

    use = Use("k", "Encrypt", "p", "a")
    for ago, there in ((timedelta(0), 1), (timedelta(days=7) - timedelta(milliseconds=1), 1), (timedelta(days=7), 0)):
        assert len(rules.in_use([Used(use, 1, wall - ago)], wall)) == there


def test_key_impact_tells_what_a_key_is_used_for(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """`keystead key impact`: counted up to the call, by operation and principal; aliases; what was not looked at is said."""
    tenant = world.tenant()
    key_id = tenant.key(tenant.instance())
    served(tenant.kms("CreateAlias", AliasName="alias/b", KeyId=key_id))
    served(tenant.kms("CreateAlias", AliasName="alias/a", KeyId=key_id))
    ask(tenant, "GenerateDataKey", KeyId=key_id)
    world.advance(days=1)
    ask(tenant, "Encrypt", KeyId=key_id, Plaintext=TEXT)
    ask(tenant, "GenerateDataKeyWithoutPlaintext", KeyId=key_id)
    where = ["--data", world.settings.data, "--database", world.settings.database]
    assert run(["key", "impact", f"acs:kms:ap-southeast-1:{tenant.account_id}:key/{key_id}", "--json", *where]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["key_id"], told["state"], told["last_used_at"]) == (key_id, "Enabled", "2026-01-02T00:00:00Z")
    assert (told["data_keys_made"], told["used_in_7_days"]) == (2, True)
    who = {"principal": tenant.access_key_id, "calls": 1}
    assert told["uses"] == [
        {"operation": "Encrypt", "last_at": "2026-01-02T00:00:00Z"} | who,
        {"operation": "GenerateDataKey", "last_at": "2026-01-01T00:00:00Z"} | who,
        {"operation": "GenerateDataKeyWithoutPlaintext", "last_at": "2026-01-02T00:00:00Z"} | who,
    ]
    assert [(each["encryptions"], each["bound"]) for each in told["encryptions"]] == [(3, 4294967296)]
    assert (told["depending"], told["not_looked_at"]) == ({"aliases": ["alias/a", "alias/b"]}, ["secrets"])
    assert run(["key", "impact", key_id, *where]) == 0
    assert "It was used in the last seven days." in capsys.readouterr().out
    assert run(["key", "impact", "key-none", *where]) == 1
