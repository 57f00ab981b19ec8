"""Quotas of the shared gateway: the documented figures, whose they are, and what is answered beyond them."""

from __future__ import annotations

import dataclasses
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from keystead.api.kms import KMS
from keystead.api.sts import STS
from keystead.clock import SystemClock
from keystead.gate.arrival import Arrival
from keystead.quotas.model import SharedQuota
from keystead.quotas.shared import QuotasBroken, load_shared_quotas
from tests.world import KMS_VERSION, Reply, World

HERE, ELSEWHERE = "ap-southeast-1", "cn-hangzhou"
PLAIN = "aGVsbG8="
# Performance data page, March 2026, read 2026-11-22: an action of each group, and a second one of those that have more.
DOCUMENTED = {
    "OpenKmsService": 1,
    "DescribeAccountKmsStatus": 1,
    "CreateClientKey": 1,
    "ConnectKmsInstance": 10,
    "ReleaseKmsInstance": 10,
    "GetKmsInstance": 50,
    "ListKmsInstances": 50,
    "CreateKey": 10,
    "DescribeKey": 50,
    "GetPublicKey": 50,
    "DescribeRegions": 50,
    "ListResourceTags": 300,
    "ImportKeyMaterial": 30,
    "UntagResources": 30,
    "Encrypt": 1000,
    "GenerateDataKeyWithoutPlaintext": 1000,
    "AsymmetricSign": 200,
    "AsymmetricDecrypt": 200,
    "CreateSecret": 10,
    "GetSecretValue": 450,
    "RestoreSecret": 40,
    # Flow control information page of STS, July 2025, read 2026-11-23
    "AssumeRole": 100,
    "AssumeRoleWithOIDC": 100,
    "GetCallerIdentity": 100,
}


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """With the cloud's quotas, on each database."""
    made = World(database_url, tmp_path / "var", shared_quota_factor=1)
    yield made
    made.close()


def burst(call: Callable[[], Reply], times: int) -> tuple[int, float, list[Reply]]:
    """Call so often; gives how many were served, in how many seconds, and the refusals."""
    clock = SystemClock()
    began = clock.read().monotonic
    replies = [call() for _ in range(times)]
    refusals = [reply for reply in replies if reply.status == 429]
    return times - len(refusals), clock.read().monotonic - began, refusals


def test_the_documented_figures() -> None:
    """Each action has the figure of its group, and every action of KMS and STS that is served has one."""
    quotas = load_shared_quotas()
    assert {action: quotas[action].qps for action in DOCUMENTED} == DOCUMENTED
    assert [name for product in (KMS, STS) for name in product.actions if name not in quotas] == []
    assert len({quotas[name].group for name in STS.actions}) == len(STS.actions)
    assert quotas["Encrypt"].group == quotas["Decrypt"].group != quotas["AsymmetricSign"].group
    assert load_shared_quotas(4)["CreateKey"].qps == 40
    assert dict(load_shared_quotas(0)) == {}


@pytest.mark.parametrize(
    ("groups", "named"),
    [
        ([("a", 1, ["X"]), ("b", 1, ["X"])], "X"),
        ([("a", 0, ["X"])], "a has 0"),
    ],
)
def test_a_file_that_is_not_sound_stops_the_start(groups: list[tuple[str, int, list[str]]], named: str) -> None:
    """An action in two groups, a group without requests."""
    text = 'source = "s"\nedition = "e"\nread = "r"\n'
    text += "".join(f'[[groups]]\nname = "{name}"\nqps = {qps}\nactions = {actions}\n' for name, qps, actions in groups)
    with pytest.raises(QuotasBroken, match=named):
        load_shared_quotas(text=text.encode())


def test_beyond_a_quota(world: World) -> None:
    """30 key writes a second: a whole second's at once, what time fills, then 429 saying when to come back; nothing is changed.

    No other group, region or account is touched by it.
    """
    tenant, other = world.tenant(), world.tenant()
    key_id = tenant.kms("CreateKey").body["KeyMetadata"]["KeyId"]
    there = tenant.kms("CreateKey", RegionId=ELSEWHERE).body["KeyMetadata"]["KeyId"]
    others = other.kms("CreateKey").body["KeyMetadata"]["KeyId"]
    served, seconds, refusals = burst(lambda: tenant.kms("UpdateKeyDescription", KeyId=key_id, Description="x"), 400)
    assert 30 <= served <= 30 + 30 * seconds + 1
    assert refusals
    assert {reply.code for reply in refusals} == {"Rejected.Throttling"}
    assert refusals[0].body["Message"].startswith("QPS Limit Exceeded")
    assert int(refusals[0].headers["x-acs-retry-after"]) == 64  # at 30 a second one comes after 33.3 ms, a slice of 30 leases it
    for reply in (
        tenant.kms("DescribeKey", KeyId=key_id),
        tenant.kms("DisableKey", KeyId=there, RegionId=ELSEWHERE),
        other.kms("DisableKey", KeyId=others),
    ):
        assert reply.status == 200, reply.body


def test_a_group_is_one_figure(world: World) -> None:
    """Two actions of one group share it: what one has used up, the other has not."""
    tenant = world.tenant()
    key_id = tenant.kms("CreateKey").body["KeyMetadata"]["KeyId"]
    used = iter([("EnableKey", {}), ("UpdateKeyDescription", {"Description": "x"})] * 200)

    def one() -> Reply:
        action, flat = next(used)
        return tenant.kms(action, KeyId=key_id, **flat)

    served, seconds, _ = burst(one, 400)
    assert 30 <= served <= 30 + 30 * seconds + 1


def test_a_made_up_region_has_no_quota_of_its_own(world: World) -> None:
    """Another name each time does not help: regions that are not served share one bucket."""
    tenant, numbers = world.tenant(), iter(range(1000))
    served, seconds, refusals = burst(lambda: tenant.kms("ListKeys", RegionId=f"moon-{next(numbers)}"), 400)
    assert 50 <= served <= 50 + 50 * seconds + 1
    assert refusals


def test_the_key_owner_pays_for_a_service(world: World) -> None:
    """One figure for what all services encrypt for an account; another account has its own, and so has a key in an instance.

    100 a second here, so that a busy machine is faster than it.
    """
    quota = SharedQuota("symmetric", 100, 50)
    world.service = dataclasses.replace(world.service, shared_quotas={"Encrypt": quota})
    tenant, other, oss, rds = world.tenant(), world.tenant(), world.cloud_service("oss"), world.cloud_service("rds")
    key_id = tenant.key(tenant.instance(Spec="4000"))
    theirs = f"acs:kms:{HERE}:{tenant.account_id}:alias/acs/rds"
    mine = f"acs:kms:{HERE}:{tenant.account_id}:alias/acs/oss"
    others = f"acs:kms:{HERE}:{other.account_id}:alias/acs/oss"
    for service, reference in ((oss, mine), (oss, others), (rds, theirs)):
        assert service.kms("Encrypt", KeyId=reference, Plaintext=PLAIN).status == 200
    turn = iter([(rds, theirs), (oss, mine)] * 300)

    def one() -> Reply:
        caller, reference = next(turn)
        return caller.kms("Encrypt", KeyId=reference, Plaintext=PLAIN)

    served, seconds, refusals = burst(one, 600)
    assert refusals
    assert 50 - 2 <= served <= 50 + 100 * seconds + 1
    message = refusals[0].body["Message"]
    assert re.fullmatch(r"QPS Limit Exceeded: the account has 100 requests a second .*\(symmetric\)\.", message)
    assert oss.kms("Encrypt", KeyId=others, Plaintext=PLAIN).status == 200
    assert {tenant.kms("Encrypt", KeyId=key_id, Plaintext=PLAIN).status for _ in range(100)} == {200}


def test_a_throttled_write_is_no_coupon(world: World) -> None:
    """The very request that was refused for its rate is refused for its nonce when it comes again."""
    tenant = world.tenant()
    key_id = tenant.kms("CreateKey").body["KeyMetadata"]["KeyId"]
    flat = {"KeyId": key_id, "Description": "y"}
    for _ in range(400):
        first = tenant.arrival(KMS_VERSION, "UpdateKeyDescription", flat)
        again = Arrival(first.method, ("/", ""), first.headers, b"", "127.0.0.1")
        again.query = first.query
        if world.deliver(first).status == 429:
            break
    else:
        pytest.fail("never throttled")
    threading.Event().wait(0.1)  # the bucket fills: three requests at 30 a second
    assert world.deliver(again).code == "SignatureNonceUsed"


def test_no_quota_with_factor_zero(database_url: str, tmp_path: Path) -> None:
    """A deployment may serve as fast as it can."""
    world = World(database_url, tmp_path / "var", shared_quota_factor=0)
    tenant = world.tenant()
    assert burst(lambda: tenant.kms("DescribeAccountKmsStatus"), 20)[0] == 20
    world.close()
