"""Keys shared with another account: who is let in by a key's policy and its own account's RAM, and who is kept out."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from keystead.access.policies import SHARED
from keystead.api.kms import KMS
from keystead.identity.grants import Asked, replay
from tests.journeys.test_permissions import user_with
from tests.world import Reply, Tenant, World

PLAIN = "aGVsbG8="


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Open one."""
    opened = World(database_url, tmp_path / "var")
    yield opened
    opened.close()


def _set(owner: Tenant, key_id: str, *statements: tuple[str, str, list[str]]) -> None:
    listed = [
        {"Sid": f"s{n}", "Effect": effect, "Principal": {"RAM": [who]}, "Action": actions, "Resource": ["*"]}
        for n, (effect, who, actions) in enumerate(statements)
    ]
    reply = owner.kms("SetKeyPolicy", KeyId=key_id, Policy=json.dumps({"Version": "1", "Statement": listed}))
    assert reply.status == 200, reply.body


def _use(tenant: Tenant, action: str, arn: str, blob: str) -> Reply:
    if action == "Decrypt":
        return tenant.kms(action, CiphertextBlob=blob)
    if action == "Encrypt":
        return tenant.kms(action, KeyId=arn, Plaintext=PLAIN)
    return tenant.kms(action, KeyId=arn)


def _absent(blob: str) -> str:
    """The ciphertext, of a version that is not there."""
    return base64.b64encode(b"key-soz00000000aaaaaaaaaa-bbbbbbbbbb" + base64.b64decode(blob)[36:]).decode()


def _told(reply: Reply, arn: str) -> dict[str, object]:
    """The refusal without what differs from call to call."""
    told = {name: value for name, value in reply.body.items() if name != "RequestId"}
    return told | {"Message": re.sub(r"key-[a-z0-9-]+", "<key>", str(told["Message"]).replace(arn, "<arn>"))}


USES = ["Encrypt", "Decrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "DescribeKey"]


def test_another_account_may_exactly_what_is_allowed(world: World) -> None:
    """Granted one action: that one and no other; granted all others: all but that one; taken back: nothing, at once."""
    owner, other = world.tenant(), world.tenant()
    key_id = owner.key(owner.instance())
    arn = f"acs:kms:ap-southeast-1:{owner.account_id}:key/{key_id}"
    blob = owner.kms("Encrypt", KeyId=key_id, Plaintext=PLAIN).body["CiphertextBlob"]
    mine, root = f"acs:ram::{owner.account_id}:*", f"acs:ram::{other.account_id}:root"
    names = sorted(KMS.actions)
    for action in USES:
        _set(owner, key_id, ("Allow", mine, ["kms:*"]), ("Allow", root, [f"kms:{action}"]))
        assert {name: _use(other, name, arn, blob).status for name in USES} == {n: 200 if n == action else 404 for n in USES}
        _set(owner, key_id, ("Allow", root, [f"kms:{name}" for name in {*USES, *names} - {action}]))
        refused = _use(other, action, arn, blob)
        assert (refused.status, refused.code) == (404, "Forbidden.KeyNotFound")
        assert _told(refused, arn) == _told(_use(other, action, arn[:-4] + "zzzz", _absent(blob)), arn[:-4] + "zzzz")
        assert other.kms("Encrypt", KeyId=key_id, Plaintext=PLAIN).status == 404  # by its id alone it is not theirs
    _set(owner, key_id, ("Allow", root, ["kms:*"]), ("Deny", root, ["kms:Decrypt"]))
    assert {name: _use(other, name, arn, blob).status for name in USES} == {n: 404 if n == "Decrypt" else 200 for n in USES}
    assert other.kms("DisableKey", KeyId=arn).status == 404  # outsiders never manage a key
    assert other.kms("SetKeyPolicy", KeyId=arn, Policy="{}").status in {400, 404}
    assert {f"kms:{name}" for name in USES} <= SHARED


def test_a_denial_refuses_the_owner_but_for_the_policy(world: World) -> None:
    """403 with what was asked and which statement decided; the policy itself can still be mended."""
    owner = world.tenant()
    key_id = owner.key(owner.instance())
    assert owner.kms("Encrypt", KeyId=key_id, Plaintext=PLAIN).status == 200
    _set(owner, key_id, ("Deny", f"acs:ram::{owner.account_id}:root", ["kms:*"]))
    for refused in (owner.kms("Encrypt", KeyId=key_id, Plaintext=PLAIN), owner.kms("DisableKey", KeyId=key_id)):
        assert (refused.status, refused.code) == (403, "Forbidden.NoPermission")
        assert key_id in refused.body["Message"]
        assert "statement 1 (s0) of the policy" in refused.body["Message"]
    assert owner.kms("GetKeyPolicy", KeyId=key_id).status == 200
    _set(owner, key_id, ("Allow", f"acs:ram::{owner.account_id}:*", ["kms:*"]))
    assert owner.kms("Encrypt", KeyId=key_id, Plaintext=PLAIN).status == 200


def test_tags_and_addresses_decide(world: World) -> None:
    """A denial by tag holds from the commit that puts the tag on, and no longer once it is off; so does one by address."""
    owner = world.tenant()
    key_id = owner.key(owner.instance())
    me = {"RAM": [f"acs:ram::{owner.account_id}:root"]}
    deny = {"Effect": "Deny", "Principal": me, "Action": ["kms:Encrypt"], "Resource": ["*"]}
    for condition, before in (
        ({"StringEquals": {"kms:tag/Stage": "old"}}, 200),
        ({"NotIpAddress": {"acs:SourceIp": "127.0.0.0/8"}}, 200),
        ({"IpAddress": {"acs:SourceIp": "127.0.0.0/8"}}, 403),
    ):
        text = json.dumps({"Version": "1", "Statement": [deny | {"Condition": condition}]})
        assert owner.kms("SetKeyPolicy", KeyId=key_id, Policy=text).status == 200
        assert owner.kms("Encrypt", KeyId=key_id, Plaintext=PLAIN).status == before
        if "StringEquals" in condition:
            tagged = owner.kms("TagResource", KeyId=key_id, Tags='[{"TagKey":"Stage","TagValue":"old"}]')
            assert tagged.status == 200
            assert owner.kms("Encrypt", KeyId=key_id, Plaintext=PLAIN).status == 403
            assert owner.kms("UntagResource", KeyId=key_id, TagKeys='["Stage"]').status == 200
            assert owner.kms("Encrypt", KeyId=key_id, Plaintext=PLAIN).status == 200


def test_across_accounts_both_must_allow(world: World) -> None:
    """A user of the other account: by the key's policy alone, by its own RAM alone, by both; a Deny of either wins."""
    owner, other = world.tenant(), world.tenant()
    key_id = owner.key(owner.instance())
    arn = f"acs:kms:ap-southeast-1:{owner.account_id}:key/{key_id}"
    ann = user_with(other, "ann", {"Effect": "Allow", "Action": "kms:Encrypt", "Resource": arn})
    bob = user_with(other, "bob", {"Effect": "Allow", "Action": "kms:ListKeys"})
    cy = user_with(other, "cy", {"Effect": "Allow", "Action": "kms:*"})
    users = f"acs:ram::{other.account_id}:user"

    def statuses() -> list[int]:
        return [_use(caller, "Encrypt", arn, "").status for caller in (ann, bob, cy, other)]

    assert statuses() == [404, 404, 404, 404]
    _set(owner, key_id, ("Allow", f"{users}/ann", ["kms:Encrypt"]), ("Allow", f"{users}/bob", ["kms:Encrypt"]))
    assert statuses() == [200, 404, 404, 404]  # bob lacks RAM of his own; cy and the account are not named
    _set(owner, key_id, ("Allow", f"acs:ram::{other.account_id}:*", ["kms:Encrypt"]))
    assert statuses() == [200, 404, 200, 200]
    _set(owner, key_id, ("Allow", f"acs:ram::{other.account_id}:*", ["kms:*"]), ("Deny", f"{users}/cy", ["kms:Encrypt"]))
    assert statuses() == [200, 404, 404, 200]
    deny = {"Version": "1", "Statement": [{"Effect": "Deny", "Action": "kms:*", "Resource": arn}]}
    made = other.call("2015-05-01", "CreatePolicy", {"PolicyName": "no", "PolicyDocument": json.dumps(deny)})
    assert made.status == 200
    on_ann: dict[str, object] = {"UserName": "ann", "PolicyName": "no", "PolicyType": "Custom"}
    assert other.call("2015-05-01", "AttachPolicyToUser", on_ann).status == 200
    assert statuses() == [404, 404, 404, 200]


def test_shared_asymmetric_and_mac_keys(world: World) -> None:
    """Signing, checking, the public key, codes: by the ARN, as for AES keys."""
    owner, other = world.tenant(), world.tenant()
    instance_id = owner.instance()
    ec = owner.kms("CreateKey", DKMSInstanceId=instance_id, KeySpec="EC_P256").body["KeyMetadata"]["KeyId"]
    mac = owner.kms("CreateKey", DKMSInstanceId=instance_id, KeySpec="HMAC_SHA_256", KeyUsage="GENERATE/VERIFY").body
    mac_id = mac["KeyMetadata"]["KeyId"]
    version = owner.kms("ListKeyVersions", KeyId=ec).body["KeyVersions"]["KeyVersion"][0]["KeyVersionId"]
    home = f"acs:kms:ap-southeast-1:{owner.account_id}:key"
    named = {"KeyId": f"{home}/{ec}", "KeyVersionId": version}
    digest = base64.b64encode(bytes(32)).decode()

    def statuses() -> list[int]:
        signed = other.kms("AsymmetricSign", **named, Algorithm="ECDSA_SHA_256", Digest=digest)
        code = other.kms("GenerateMac", KeyId=f"{home}/{mac_id}", Algorithm="HMAC_SHA_256", Message=PLAIN)
        return [signed.status, other.kms("GetPublicKey", **named).status, code.status]

    assert statuses() == [404, 404, 404]
    for key_id in (ec, mac_id):
        _set(owner, key_id, ("Allow", f"acs:ram::{other.account_id}:root", ["kms:Asymmetric*", "kms:GenerateMac"]))
    assert statuses() == [200, 404, 200]  # GetPublicKey is not among what is allowed


def test_reencrypt_between_accounts(world: World) -> None:
    """From the owner's key under one's own, and back: each end needs its own permission on its own key."""
    owner, other = world.tenant(), world.tenant()
    theirs, mine = owner.key(owner.instance()), other.key(other.instance())
    arn = f"acs:kms:ap-southeast-1:{owner.account_id}:key/{theirs}"
    root = f"acs:ram::{other.account_id}:root"
    sealed = owner.kms("Encrypt", KeyId=theirs, Plaintext=PLAIN).body["CiphertextBlob"]
    own = other.kms("Encrypt", KeyId=mine, Plaintext=PLAIN).body["CiphertextBlob"]

    def statuses() -> list[int]:
        inward = other.kms("ReEncrypt", CiphertextBlob=sealed, DestinationKeyId=mine)
        outward = other.kms("ReEncrypt", CiphertextBlob=own, DestinationKeyId=arn)
        within = other.kms("ReEncrypt", CiphertextBlob=sealed, DestinationKeyId=arn)
        if inward.status == 200:
            assert other.kms("Decrypt", CiphertextBlob=inward.body["CiphertextBlob"]).body["Plaintext"] == PLAIN
        if outward.status == 200:
            assert owner.kms("Decrypt", CiphertextBlob=outward.body["CiphertextBlob"]).body["Plaintext"] == PLAIN
        return [inward.status, outward.status, within.status]

    assert statuses() == [404, 404, 404]
    _set(owner, theirs, ("Allow", root, ["kms:Encrypt", "kms:Decrypt"]))
    assert statuses() == [404, 404, 404]  # ReEncrypt has names of its own
    _set(owner, theirs, ("Allow", root, ["kms:ReEncryptFrom"]))
    assert statuses() == [200, 404, 404]
    _set(owner, theirs, ("Allow", root, ["kms:ReEncryptTo"]))
    assert statuses() == [404, 200, 404]
    _set(owner, theirs, ("Allow", root, ["kms:ReEncrypt*"]))
    assert statuses() == [200, 200, 200]


def test_what_no_call_has_is_refused_in_a_condition(world: World) -> None:
    """Ignored, it would let a denial pass: in a key's policy, in a user's, in a role's trust."""
    owner = world.tenant()
    key_id = owner.key(owner.instance())
    condition = {"StringEquals": {"acs:Weather": "rain"}}
    deny = {"Effect": "Deny", "Action": ["kms:Encrypt"], "Resource": ["*"], "Condition": condition}
    root = {"RAM": [f"acs:ram::{owner.account_id}:root"]}
    on_key = json.dumps({"Version": "1", "Statement": [deny | {"Principal": root}]})
    refused = owner.kms("SetKeyPolicy", KeyId=key_id, Policy=on_key)
    assert (refused.status, refused.code) == (400, "InvalidParameter")
    assert "acs:Weather" in refused.body["Message"]
    on_user: dict[str, object] = {"PolicyName": "p", "PolicyDocument": json.dumps({"Version": "1", "Statement": [deny]})}
    assert owner.call("2015-05-01", "CreatePolicy", on_user).code == "MalformedPolicyDocument"
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": root, "Condition": condition}
    role: dict[str, object] = {"RoleName": "r", "AssumeRolePolicyDocument": json.dumps({"Version": "1", "Statement": [trust]})}
    assert owner.call("2015-05-01", "CreateRole", role).code == "MalformedPolicyDocument"


def test_explain_says_what_the_gate_said(world: World) -> None:
    """The owner, a user with a Deny, another account with and without leave, and what no policy can share."""
    owner, other = world.tenant(), world.tenant()
    key_id = owner.key(owner.instance())
    arn = f"acs:kms:ap-southeast-1:{owner.account_id}:key/{key_id}"
    ann = user_with(owner, "ann", {"Sid": "not me", "Effect": "Deny", "Action": "kms:Encrypt", "Resource": arn})

    def explained(caller: Tenant, action: str) -> tuple[bool, str]:
        with world.service.store.read() as tx:
            verdict = replay(tx, Asked(caller.access_key_id, action, arn, {}))
        return verdict.allowed, verdict.decider

    assert explained(owner, "kms:Encrypt") == (True, "the account itself")
    refused = _use(ann, "Encrypt", arn, "")
    assert explained(ann, "kms:Encrypt") == (False, "statement 1 (not me) of the policy ann")
    assert "statement 1 (not me) of the policy ann" in refused.body["Message"]
    assert explained(other, "kms:Encrypt") == (False, "no statement allows it")
    _set(owner, key_id, ("Allow", f"acs:ram::{other.account_id}:root", ["kms:*"]))
    assert (explained(other, "kms:Encrypt")[0], _use(other, "Encrypt", arn, "").status) == (True, 200)
    assert (explained(other, "kms:DisableKey")[0], other.kms("DisableKey", KeyId=arn).status) == (False, 404)
