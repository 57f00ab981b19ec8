"""Ways around a permission that were open once: a parameter no action reads, a name in other letters, a policy beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keystead.gate.registry import PRODUCTS
from tests.journeys.test_permissions import RAM_VERSION, STS_VERSION, ram, user_with
from tests.rooms.test_networks import register
from tests.rooms.test_ram import rpc
from tests.world import KMS_VERSION, Reply, Tenant, World

ALLOWED = json.dumps({"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A service, on both databases."""
    made = World(database_url, tmp_path / "var")
    yield made
    made.close()


def role(owner: Tenant, name: str, trusted: str, **condition: Any) -> str:
    """Make a role that trusts an account, under a condition; gives its ARN."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"RAM": [f"acs:ram::{trusted}:root"]},
    }
    if condition:
        statement["Condition"] = condition
    document = json.dumps({"Version": "1", "Statement": [statement]})
    return str(ram(owner, "CreateRole", RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"])


def assume(caller: Tenant, arn: str, **further: str) -> Reply:
    """Begin a session of a role."""
    return caller.call(STS_VERSION, "AssumeRole", {"RoleArn": arn, "RoleSessionName": "here", **further})


def test_every_permission_is_asked_on_what_the_action_reads() -> None:
    """A name in a resource that the action does not read is the caller's to choose."""
    for product in PRODUCTS.values():
        for action in product.actions.values():
            read = {field.wire for field in action.plan} | {"region", "account", "key"}
            for resource in action.permission.resources:
                asked = {part.partition("}")[0] for part in resource.split("{")[1:]}
                asked = {"PolicyType" if name == "policies" else name for name in asked}
                assert asked <= read, (product.code, action.name, resource)


def test_a_custom_policy_is_the_accounts_whatever_type_is_sent(world: World) -> None:
    """Bob may do all of RAM but touch his account's policies; PolicyType is no parameter of these actions."""
    owner = world.tenant()
    mine = f"acs:ram:*:{owner.account_id}:policy/*"
    bob = user_with(owner, "bob", {"Effect": "Allow", "Action": "ram:*"}, {"Effect": "Deny", "Action": "ram:*", "Resource": mine})
    widened: dict[str, object] = {"PolicyName": "bob", "PolicyDocument": ALLOWED, "SetAsDefault": "true"}
    for further in ({}, {"PolicyType": "Custom"}, {"PolicyType": "System"}):
        assert bob.call(RAM_VERSION, "CreatePolicyVersion", {**widened, **further}).code == "NoPermission", further
        assert bob.call(RAM_VERSION, "DeletePolicy", {"PolicyName": "bob", **further}).code == "NoPermission", further
    system = {"UserName": "bob", "PolicyName": "AliyunKMSReadOnlyAccess", "PolicyType": "System"}
    assert bob.call(RAM_VERSION, "AttachPolicyToUser", dict(system)).status == 200  # a system policy is nobody's


def test_a_role_goes_by_one_name(world: World) -> None:
    """A Deny on a role held for its name as it is written, but the role was found in any letters."""
    owner = world.tenant()
    arn = role(owner, "admin", owner.account_id)
    deny = {"Effect": "Deny", "Action": "sts:*", "Resource": arn}
    ann = user_with(owner, "ann", {"Effect": "Allow", "Action": "sts:AssumeRole"}, deny)
    assert assume(ann, arn).code == "NoPermission"
    for other in (arn.replace("acs:ram", "ACS:RAM"), arn.replace(":role/", ":Role/"), arn.replace("admin", "Admin")):
        assert assume(ann, other).status in {400, 404}, other


def test_a_narrowed_session_is_narrowed_for_keys_too(world: World) -> None:
    """The key's policy names the role, and so let a session of it in that was begun for nothing but listing."""
    owner = world.tenant()
    key_id = owner.key(owner.instance())
    ann = user_with(owner, "ann", {"Effect": "Allow", "Action": "sts:AssumeRole"})
    arn = role(owner, "app", owner.account_id)
    statement = {"Effect": "Allow", "Principal": {"RAM": [arn]}, "Action": ["kms:Encrypt"], "Resource": ["*"]}
    policy = json.dumps({"Version": "1", "Statement": [statement]})
    assert owner.kms("SetKeyPolicy", KeyId=key_id, Policy=policy).status == 200

    def encrypted(*allowed: str) -> Reply:
        statement = {"Effect": "Allow", "Action": list(allowed), "Resource": "*"}
        narrow = json.dumps({"Version": "1", "Statement": [statement]}) if allowed else ""
        given = assume(ann, arn, Policy=narrow).body["Credentials"]
        session = Tenant(world, owner.account_id, given["AccessKeyId"], given["AccessKeySecret"])
        flat = {"KeyId": key_id, "Plaintext": "aGVsbG8=", "SecurityToken": given["SecurityToken"]}
        return world.deliver(rpc(session, KMS_VERSION, "Encrypt", flat))

    assert [encrypted().status, encrypted("kms:Encrypt").status, encrypted("kms:*").status] == [200, 200, 200]
    refused = encrypted("kms:ListKeys")
    assert (refused.status, refused.code) == (403, "Forbidden.NoPermission")


def test_tags_of_a_request_are_those_the_action_puts(world: World) -> None:
    """Each action has one form of tags and leaves the other be: a condition must not look at what is left."""
    owner = world.tenant()
    key_id = owner.key(owner.instance())
    dev = {"StringEquals": {"acs:RequestTag/env": "dev"}}
    ann = user_with(owner, "ann", {"Effect": "Allow", "Action": "kms:*", "Condition": dev})
    text = {value: json.dumps([{"TagKey": "env", "TagValue": value}]) for value in ("dev", "prod")}
    numbered = {value: {"Tag.1.Key": "env", "Tag.1.Value": value} for value in ("dev", "prod")}
    many = {"RegionId": "ap-southeast-1", "ResourceType": "key", "ResourceId.1": key_id}
    assert ann.kms("TagResource", KeyId=key_id, Tags=text["dev"]).status == 200
    assert ann.kms("TagResources", **many, **numbered["dev"]).status == 200
    assert ann.kms("TagResource", KeyId=key_id, Tags=text["prod"], **numbered["dev"]).status == 403
    assert ann.kms("TagResources", **many, **numbered["prod"], Tags=text["dev"]).status == 403
    for further in (numbered["dev"], {"Tags": text["dev"]}):
        assert ann.kms("Encrypt", KeyId=key_id, Plaintext="aGVsbG8=", **further).status == 403
    shown = owner.kms("ListResourceTags", KeyId=key_id).body["Tags"]["Tag"]
    assert [(tag["TagKey"], tag["TagValue"]) for tag in shown] == [("env", "dev")]


def test_a_trust_policy_sees_how_and_from_where(world: World) -> None:
    """By TLS, from a VPC: conditions that can be written were never met, and a Deny of one let everybody pass."""
    owner = world.tenant()
    ann = user_with(owner, "ann", {"Effect": "Allow", "Action": "sts:AssumeRole"})
    secure = role(owner, "secure", owner.account_id, Bool={"acs:SecureTransport": "true"})
    inside = role(owner, "inside", owner.account_id, StringEquals={"acs:SourceVpc": "vpc-a"})
    arrival = ann.arrival(STS_VERSION, "AssumeRole", {"RoleArn": secure, "RoleSessionName": "here"})
    arrival.secure = True
    assert [assume(ann, secure).status, world.deliver(arrival).status] == [403, 200]
    assert assume(ann, inside).status == 403
    register(world, owner, "vpc-a", "127.0.0.0/8")
    assert assume(ann, inside).status == 200


@pytest.mark.parametrize("key", ["kms:tag/env", "acs:RequestTag/env"])
def test_a_trust_policy_knows_no_tags(world: World, key: str) -> None:
    """No AssumeRole has any: a Deny that waits for one would let everybody pass."""
    principal = {"RAM": [f"acs:ram::{world.tenant().account_id}:root"]}
    statement = {"Effect": "Deny", "Action": "*", "Principal": principal, "Condition": {"StringEquals": {key: "a"}}}
    document = json.dumps({"Version": "1", "Statement": [statement]})
    refused = world.tenant().call(RAM_VERSION, "CreateRole", {"RoleName": "r", "AssumeRolePolicyDocument": document})
    assert refused.code == "MalformedPolicyDocument"
    assert "is not a condition key that is served here" in refused.body["Message"]


def test_no_parameter_tells_a_stranger_that_a_role_is_there(world: World) -> None:
    """The longest session was judged before the trust: 7,200 s of a role with 3,600 told what 403 hides."""
    owner, other = world.tenant(), world.tenant()
    arn = role(owner, "app", owner.account_id)
    mallory = user_with(other, "mallory", {"Effect": "Allow", "Action": "sts:AssumeRole"})
    ann = user_with(owner, "ann", {"Effect": "Allow", "Action": "sts:AssumeRole"})
    for seconds in ("900", "7200", "1", "99999"):
        there, absent = (assume(mallory, name, DurationSeconds=seconds) for name in (arn, f"{arn}x"))
        assert (there.status, there.code, there.body["Message"]) == (absent.status, absent.code, absent.body["Message"]), seconds
    assert assume(ann, arn, DurationSeconds="7200").code == "InvalidParameter"


def test_a_name_is_taken_only_by_whom_it_is_allowed(world: World) -> None:
    """Policies of keys and roles go by names: whoever may rename himself within a fence must not leave it by a new name."""
    owner = world.tenant()
    fence = f"acs:ram:*:{owner.account_id}:user/dev-*"
    ann = user_with(owner, "dev-ann", {"Effect": "Allow", "Action": "ram:UpdateUser", "Resource": fence})
    groups = f"acs:ram:*:{owner.account_id}:group/dev-*"
    bob = user_with(owner, "bob", {"Effect": "Allow", "Action": "ram:UpdateGroup", "Resource": groups})
    ram(owner, "CreateGroup", GroupName="dev-ops")
    assert ann.call(RAM_VERSION, "UpdateUser", {"UserName": "dev-ann", "NewUserName": "admin"}).code == "NoPermission"
    assert ann.call(RAM_VERSION, "UpdateUser", {"UserName": "dev-ann", "NewUserName": "dev-anna"}).status == 200
    assert ann.call(RAM_VERSION, "UpdateUser", {"UserName": "dev-anna", "NewComments": "hers"}).status == 200
    assert bob.call(RAM_VERSION, "UpdateGroup", {"GroupName": "dev-ops", "NewGroupName": "admins"}).code == "NoPermission"
    assert bob.call(RAM_VERSION, "UpdateGroup", {"GroupName": "dev-ops", "NewGroupName": "dev-all"}).status == 200


def test_access_keys_of_the_one_who_calls(world: World) -> None:
    """Without a UserName a user's own keys are meant, and asked for by its own name; an account and a session must name one."""
    owner = world.tenant()
    own = f"acs:ram:*:{owner.account_id}:user/ann"
    ann = user_with(owner, "ann", {"Effect": "Allow", "Action": "ram:*AccessKey*", "Resource": own})
    user_with(owner, "bob", {"Effect": "Allow", "Action": "ram:*"})
    assert ann.call(RAM_VERSION, "CreateAccessKey", {"UserName": "bob"}).code == "NoPermission"
    made = ram(ann, "CreateAccessKey")["AccessKey"]["AccessKeyId"]
    listed = ram(ann, "ListAccessKeys")["AccessKeys"]["AccessKey"]
    assert {key["AccessKeyId"] for key in listed} == {ann.access_key_id, made}  # made at one instant, so in no order
    ram(ann, "UpdateAccessKey", UserAccessKeyId=made, Status="Inactive")
    ram(ann, "DeleteAccessKey", UserAccessKeyId=made)
    assert [key["AccessKeyId"] for key in ram(owner, "ListAccessKeys", UserName="ann")["AccessKeys"]["AccessKey"]] == [
        ann.access_key_id
    ]
    for action in ("CreateAccessKey", "ListAccessKeys"):
        refused = owner.call(RAM_VERSION, action, {})
        assert (refused.code, "UserName" in refused.body["Message"]) == ("MissingParameter", True)
    cy = user_with(owner, "cy", {"Effect": "Allow", "Action": "kms:*"})
    assert cy.call(RAM_VERSION, "CreateAccessKey", {}).code == "NoPermission"


def test_a_place_left_out_means_the_same(world: World) -> None:
    """RAM has no regions: its pages write `acs:ram::<account>:…` and `acs:ram:*:<account>:…`. A Deny of the first held nobody."""
    owner = world.tenant()
    allowed = {"Effect": "Allow", "Action": "ram:*"}
    for number, home in enumerate((f"acs:ram::{owner.account_id}", f"acs:ram:*:{owner.account_id}")):
        ann = user_with(owner, f"ann{number}", allowed, {"Effect": "Deny", "Action": "ram:*", "Resource": f"{home}:user/root-*"})
        bob = user_with(owner, f"bob{number}", {"Effect": "Allow", "Action": "ram:GetUser", "Resource": f"{home}:user/bob*"})
        assert ann.call(RAM_VERSION, "GetUser", {"UserName": "root-1"}).code == "NoPermission"
        assert ann.call(RAM_VERSION, "GetUser", {"UserName": f"bob{number}"}).status == 200
        assert bob.call(RAM_VERSION, "GetUser", {"UserName": f"bob{number}"}).status == 200
        assert bob.call(RAM_VERSION, "GetUser", {"UserName": f"ann{number}"}).code == "NoPermission"
