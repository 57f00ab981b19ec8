"""What a warm Encrypt does not do: read rows, change thread, read the clock twice. Counted, not timed."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from keystead.clock import Clock, Instant
from keystead.gate.life import live
from keystead.gate.throttle import SLICE_SECONDS
from keystead.store import Cold
from tests import messages
from tests.access import application, policy
from tests.world import KMS_VERSION, Tenant, World

PLAINTEXT = "aGVsbG8gaGVsbG8gaGVsbG8gaGVsbG8gaGVsbG8gMzI="  # 32 bytes


class CountingClock:
    """A clock that counts its readings."""

    def __init__(self, clock: Clock) -> None:
        """Read from `clock`."""
        self.clock = clock
        self.readings = 0

    def read(self) -> Instant:
        """Read, and count."""
        self.readings += 1
        return self.clock.read()


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    """A service on SQLite: there a cache check needs no statement at all."""
    made = World(sqlite_url, tmp_path / "var", shared_quota_factor=1000)
    yield made
    made.close()


def _arrivals(tenant: Tenant, key_id: str, count: int) -> list[Any]:
    flat = {"KeyId": key_id, "Plaintext": PLAINTEXT}
    return [tenant.arrival(KMS_VERSION, "Encrypt", flat) for _ in range(count)]


@pytest.mark.parametrize("named_by", ["id", "arn", "alias", "alias arn", "longest alias"])
def test_warm_encrypt_reads_no_row_changes_no_thread_and_reads_the_clock_once(world: World, named_by: str) -> None:
    """On the loop's thread, where a read would be answered by `Cold` (a hop): ten calls, no statement, ten clock readings."""
    tenant = world.tenant()
    key_id = tenant.key(tenant.instance())
    home = f"acs:kms:ap-southeast-1:{tenant.account_id}"
    longest = "alias/" + "x" * 249
    for alias in ("alias/mine", longest):
        assert tenant.kms("CreateAlias", AliasName=alias, KeyId=key_id).status == 200
    references = {"id": key_id, "arn": f"{home}:key/{key_id}", "alias": "alias/mine", "alias arn": f"{home}:alias/mine"}
    reference = references.get(named_by, longest)
    _nothing_but_work(world, tenant, reference)


def test_warm_encrypt_of_a_service_does_no_more(world: World) -> None:
    """With a service key, in an account that never bought anything: the same counts."""
    tenant, service = world.tenant(balance="0"), world.cloud_service("oss")
    _nothing_but_work(world, service, f"acs:kms:ap-southeast-1:{tenant.account_id}:alias/acs/oss")


def _nothing_but_work(world: World, caller: Tenant, reference: str) -> None:
    warming, calls = _arrivals(caller, reference, 20), _arrivals(caller, reference, 10)
    for arrival in warming:
        assert live(world.service, arrival).answer.status == 200
    threading.Event().wait(SLICE_SECONDS * 3)  # the next slice's requests are leased by what the last one needed
    statements: list[str] = []

    def seen(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    clock = CountingClock(world.service.clock)
    service = dataclasses.replace(world.service, clock=clock)
    event.listen(world.service.store.engine, "before_cursor_execute", seen)
    service.warm.forbid_blocking_here()
    answers = [live(service, arrival).answer.status for arrival in calls]
    event.remove(world.service.store.engine, "before_cursor_execute", seen)
    assert answers == [200] * 10
    assert statements == []
    assert clock.readings == 10


def test_a_warm_dedicated_encrypt_does_no_more(world: World) -> None:
    """The same of Encrypt and Decrypt by a client key, in both forms, under a network rule."""
    tenant, with_quotas = world.tenant(), world.service
    world.service = dataclasses.replace(with_quotas, shared_quotas={})  # of access objects one a second may be made
    instance_id = tenant.instance()
    key_id = tenant.key(instance_id)
    tenant.kms("CreateNetworkRule", Name="here", Type="Private", SourcePrivateIp="127.0.0.0/8")
    policy(tenant, "p", instance_id, ["key/*"], AccessControlRules='{"NetworkRules":["here"]}')
    shop = application(tenant, "shop", "p")
    world.service = with_quotas

    def sent(operation: str, **values: str | bytes | int) -> Any:
        return shop.arrival(operation, messages.request(operation, **values))

    sealed = messages.answer("Encrypt", live(world.service, sent("Encrypt", KeyId=key_id, Plaintext=b"x")).answer.body)
    blob = messages.answer(
        "AdvanceEncrypt", live(world.service, sent("AdvanceEncrypt", KeyId=key_id, Plaintext=b"x")).answer.body
    )["CiphertextBlob"]
    calls = [
        ("Encrypt", {"KeyId": key_id, "Plaintext": b"x"}),
        ("Decrypt", {"KeyId": key_id, "CiphertextBlob": sealed["CiphertextBlob"], "Iv": sealed["Iv"]}),
        ("AdvanceEncrypt", {"KeyId": key_id, "Plaintext": b"x"}),
        ("AdvanceDecrypt", {"CiphertextBlob": blob}),
        ("GenerateRandom", {"Length": 32}),
    ]
    warming = [sent(operation, **values) for operation, values in calls * 4]  # signed ahead: one slice must see them all
    arrivals = [sent(operation, **values) for operation, values in calls * 2]
    for arrival in warming:
        assert live(world.service, arrival).answer.status == 200
    threading.Event().wait(SLICE_SECONDS * 3)
    statements: list[str] = []

    def seen(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    clock = CountingClock(world.service.clock)
    service = dataclasses.replace(world.service, clock=clock)
    event.listen(world.service.store.engine, "before_cursor_execute", seen)
    service.warm.forbid_blocking_here()
    answers = [live(service, arrival).answer.status for arrival in arrivals]
    event.remove(world.service.store.engine, "before_cursor_execute", seen)
    assert answers == [200] * 10
    assert statements == []
    assert clock.readings == 10


def test_a_cold_encrypt_asks_for_a_thread(world: World) -> None:
    """The same call on the loop's thread with nothing cached raises `Cold`: the test above would see a hop if there were one."""
    tenant = world.tenant()
    key_id = tenant.key(tenant.instance())
    (arrival,) = _arrivals(tenant, key_id, 1)
    world.service.warm.check()
    world.service.warm.forbid_blocking_here()
    with pytest.raises(Cold):
        live(world.service, arrival)


def test_slow_signing_asks_for_a_thread_and_fast_signing_does_not(world: World) -> None:
    """Both keys warm, on the loop's thread: P-256 answers there, RSA and SM2 raise `Cold`, and so run in the pool."""
    tenant = world.tenant()
    instance_id = tenant.instance(Spec=4000)
    digest = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    asked = {}
    for spec, algorithm in (("EC_P256", "ECDSA_SHA_256"), ("RSA_2048", "RSA_PSS_SHA_256"), ("EC_SM2", "SM2DSA")):
        key_id = str(tenant.kms("CreateKey", DKMSInstanceId=instance_id, KeySpec=spec).body["KeyMetadata"]["KeyId"])
        version = tenant.kms("ListKeyVersions", KeyId=key_id).body["KeyVersions"]["KeyVersion"][0]
        named = {"KeyId": key_id, "KeyVersionId": str(version["KeyVersionId"])}
        asked[spec] = {**named, "Algorithm": algorithm, "Digest": digest}
        for _ in range(5):
            assert tenant.kms("AsymmetricSign", **asked[spec]).status == 200
    threading.Event().wait(SLICE_SECONDS * 3)
    arrivals = {spec: tenant.arrival(KMS_VERSION, "AsymmetricSign", flat) for spec, flat in asked.items()}
    world.service.warm.forbid_blocking_here()
    assert live(world.service, arrivals["EC_P256"]).answer.status == 200
    for spec in ("RSA_2048", "EC_SM2"):
        with pytest.raises(Cold):
            live(world.service, arrivals[spec])


def test_a_slow_call_goes_on_in_its_thread_and_is_not_proven_again(world: World) -> None:
    """RSA on the loop: the clock is read once for both halves, and one answer comes; an arrival goes on once only."""
    tenant = world.tenant()
    made = tenant.kms("CreateKey", DKMSInstanceId=tenant.instance(), KeySpec="RSA_2048").body["KeyMetadata"]
    version = tenant.kms("ListKeyVersions", KeyId=made["KeyId"]).body["KeyVersions"]["KeyVersion"][0]["KeyVersionId"]
    digest = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    flat = {"KeyId": made["KeyId"], "KeyVersionId": version, "Algorithm": "RSA_PSS_SHA_256", "Digest": digest}
    assert tenant.kms("AsymmetricSign", **flat).status == 200
    clock = CountingClock(world.service.clock)
    service = dataclasses.replace(world.service, clock=clock)
    arrival = tenant.arrival(KMS_VERSION, "AsymmetricSign", flat)
    service.warm.forbid_blocking_here()
    with pytest.raises(Cold):
        live(service, arrival)
    assert (clock.readings, arrival.begun is not None) == (1, True)
    arrival.headers.clear()  # nothing is left to prove it by
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(live(service, arrival).answer.status))
    thread.start()
    thread.join()
    assert (found, clock.readings, arrival.begun) == ([200], 1, None)
