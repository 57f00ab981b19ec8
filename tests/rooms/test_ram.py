"""RAM users, groups and sessions through the gate: what they may, and that they may it no longer from the commit on."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import event

from keystead import app
from keystead.clock import SystemClock, iso_z
from keystead.gate.arrival import Arrival
from keystead.gate.life import live
from keystead.gate.signature import percent
from keystead.gate.throttle import SLICE_SECONDS
from tests.journeys.bad_values import contents
from tests.journeys.test_permissions import RAM_VERSION, STS_VERSION, ram, user_with
from tests.rooms.test_networks import register
from tests.world import KMS_VERSION, Reply, Tenant, World


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A service, on both databases."""
    made = World(database_url, tmp_path / "var")
    yield made
    made.close()


def encrypt(caller: Tenant, key_id: str) -> Reply:
    """Encrypt hello."""
    return caller.kms("Encrypt", KeyId=key_id, Plaintext="aGVsbG8=")


def test_a_user_may_what_hangs_on_it_and_no_more_from_the_commit_on(world: World) -> None:
    """Nothing; a group's policy; off the group again; a system policy; a key of its own disabled."""
    owner = world.tenant()
    key_id = owner.key(owner.instance())
    ann = user_with(owner, "ann", {"Effect": "Allow", "Action": "kms:ListKeys"})
    assert encrypt(ann, key_id).code == "Forbidden.NoPermission"
    ram(owner, "CreateGroup", GroupName="ops")
    ram(owner, "AttachPolicyToGroup", GroupName="ops", PolicyName="AliyunKMSCryptoUserAccess", PolicyType="System")
    assert encrypt(ann, key_id).status == 403
    ram(owner, "AddUserToGroup", UserName="ann", GroupName="ops")
    assert encrypt(ann, key_id).status == 200
    assert ann.kms("DisableKey", KeyId=key_id).code == "Forbidden.NoPermission"
    ram(owner, "RemoveUserFromGroup", UserName="ann", GroupName="ops")
    assert encrypt(ann, key_id).status == 403
    ram(owner, "AttachPolicyToUser", UserName="ann", PolicyName="AliyunKMSFullAccess", PolicyType="System")
    assert encrypt(ann, key_id).status == 200
    ram(owner, "UpdateAccessKey", UserName="ann", UserAccessKeyId=ann.access_key_id, Status="Inactive")
    assert encrypt(ann, key_id).code == "Forbidden.AccessKey"


def test_deny_wins_and_is_named(world: World) -> None:
    """A Deny of a second policy beats the Allow of the first, and the refusal says where it stands."""
    owner = world.tenant()
    key_id = owner.key(owner.instance())
    ann = user_with(owner, "ann", {"Effect": "Allow", "Action": "kms:*"})
    assert encrypt(ann, key_id).status == 200
    document = {
        "Version": "1",
        "Statement": [{"Sid": "not here", "Effect": "Deny", "Action": "kms:Enc*", "Resource": f"*{key_id}"}],
    }
    document["Statement"][0]["Resource"] = f"acs:kms:*:*:key/{key_id}"  # type: ignore[index]
    ram(owner, "CreatePolicy", PolicyName="no", PolicyDocument=json.dumps(document))
    ram(owner, "AttachPolicyToUser", UserName="ann", PolicyName="no", PolicyType="Custom")
    message = encrypt(ann, key_id).body["Message"]
    assert "a statement denies it, statement 1 (not here) of the policy no." in message


def test_an_instance_is_the_same_by_its_arn(world: World) -> None:
    """A Deny on an instance holds however it is named."""
    owner = world.tenant()
    instance_id, other_id = owner.instance(), owner.instance()
    home = f"acs:kms:ap-southeast-1:{owner.account_id}"
    denied = {"Effect": "Deny", "Action": "kms:*", "Resource": f"{home}:instance/{instance_id}"}
    ann = user_with(owner, "ann", {"Effect": "Allow", "Action": "kms:*"}, denied)
    for name in (instance_id, f"{home}:keystore/{instance_id}"):
        assert ann.kms("GetKmsInstance", KmsInstanceId=name).code == "Forbidden.NoPermission"
    assert ann.kms("GetKmsInstance", KmsInstanceId=f"{home}:keystore/{other_id}").status == 200


def test_conditions_on_address_and_tag(world: World) -> None:
    """Calls of the tests come from 127.0.0.1; the tag counts as soon as it is put."""
    owner = world.tenant()
    key_id = owner.key(owner.instance())
    near = {"Effect": "Allow", "Action": "kms:Encrypt", "Condition": {"IpAddress": {"acs:SourceIp": "127.0.0.0/8"}}}
    far = {"Effect": "Allow", "Action": "kms:Encrypt", "Condition": {"IpAddress": {"acs:SourceIp": "10.0.0.0/8"}}}
    tagged = {"Effect": "Allow", "Action": "kms:Encrypt", "Condition": {"StringEquals": {"kms:tag/for": "cy"}}}
    ann, bob, cy = user_with(owner, "ann", near), user_with(owner, "bob", far), user_with(owner, "cy", tagged)
    assert [encrypt(caller, key_id).status for caller in (ann, bob, cy)] == [200, 403, 403]
    assert owner.kms("TagResource", KeyId=key_id, Tags='[{"TagKey":"for","TagValue":"cy"}]').status == 200
    assert encrypt(cy, key_id).status == 200


def test_condition_on_the_tags_of_the_request(world: World) -> None:
    """However a request says what it is to put on a key: as JSON of CreateKey and TagResource, or numbered of TagResources."""
    owner = world.tenant()
    instance_id = owner.instance()
    key_id = owner.key(instance_id)
    secret = {"StringEquals": {"acs:RequestTag/for": "secrets"}}
    ann = user_with(
        owner, "ann", {"Effect": "Allow", "Action": "kms:*"}, {"Effect": "Deny", "Action": "kms:*", "Condition": secret}
    )

    def answers(value: str) -> list[int]:
        text = json.dumps([{"TagKey": "for", "TagValue": value}])
        numbered = {"RegionId": "ap-southeast-1", "ResourceType": "key", "ResourceId.1": key_id}
        return [
            ann.kms("CreateKey", DKMSInstanceId=instance_id, Tags=text).status,
            ann.kms("TagResource", KeyId=key_id, Tags=text).status,
            ann.kms("TagResources", **numbered, **{"Tag.1.Key": "for", "Tag.1.Value": value}).status,
        ]

    assert answers("logs") == [200, 200, 200]
    assert answers("secrets") == [403, 403, 403]
    assert ann.kms("TagResource", KeyId=key_id, Tags="[").code == "InvalidParameter"


def test_condition_on_the_vpc_of_the_caller(world: World) -> None:
    """None registered, one of another account's, one of the caller's own at this address."""
    owner, other = world.tenant(), world.tenant()
    key_id = owner.key(owner.instance())
    inside = {"Effect": "Allow", "Action": "kms:Encrypt", "Condition": {"StringEquals": {"acs:SourceVpc": ["vpc-a", "vpc-b"]}}}
    ann = user_with(owner, "ann", inside)
    assert encrypt(ann, key_id).status == 403
    register(world, other, "vpc-b", "127.0.0.0/8")
    assert encrypt(ann, key_id).status == 403
    register(world, owner, "vpc-a", "127.0.0.0/8")
    assert encrypt(ann, key_id).status == 200


def test_key_policy_or_ram_in_one_account_and_a_deny_for_all(world: World) -> None:
    """The key's policy alone lets bob in; its Deny keeps even the account out, which can still set it anew."""
    owner = world.tenant()
    key_id = owner.key(owner.instance())
    bob = user_with(owner, "bob", {"Effect": "Allow", "Action": "kms:ListKeys"})

    def set_policy(effect: str, who: str) -> Reply:
        base = f"acs:ram::{owner.account_id}"
        statement = {"Effect": effect, "Principal": {"RAM": [f"{base}:{who}"]}, "Action": ["kms:Encrypt"], "Resource": ["*"]}
        return owner.kms("SetKeyPolicy", KeyId=key_id, Policy=json.dumps({"Version": "1", "Statement": [statement]}))

    assert set_policy("Allow", "*").status == 200
    assert encrypt(bob, key_id).status == 403  # the account's :* leaves users to RAM
    assert set_policy("Allow", "user/bob").status == 200
    assert encrypt(bob, key_id).status == 200
    assert set_policy("Deny", "*").status == 200
    assert encrypt(bob, key_id).status == 403
    assert encrypt(owner, key_id).status == 403
    assert set_policy("Allow", "*").status == 200
    assert encrypt(owner, key_id).status == 200


def test_a_session_lives_by_its_token_and_dies_with_its_role(world: World) -> None:
    """AssumeRole by a trusted user; without, with a wrong, with the right token; narrowed; the role deleted."""
    owner, stranger = world.tenant(), world.tenant()
    key_id = owner.key(owner.instance())
    ann = user_with(owner, "ann", {"Effect": "Allow", "Action": "sts:AssumeRole"})
    mallory = user_with(stranger, "mallory", {"Effect": "Allow", "Action": "sts:AssumeRole"})
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"RAM": [f"acs:ram::{owner.account_id}:root"]}}
    ram(owner, "CreateRole", RoleName="app", AssumeRolePolicyDocument=json.dumps({"Version": "1", "Statement": [trust]}))
    ram(owner, "AttachPolicyToRole", RoleName="app", PolicyName="AliyunKMSFullAccess", PolicyType="System")
    arn = f"acs:ram::{owner.account_id}:role/app"
    asked: dict[str, object] = {"RoleArn": arn, "RoleSessionName": "here"}
    assert owner.call(STS_VERSION, "AssumeRole", asked).code == "NoPermission"
    assert mallory.call(STS_VERSION, "AssumeRole", asked).code == "NoPermission"
    made = ann.call(STS_VERSION, "AssumeRole", asked)
    assert made.status == 200, made.body
    given = made.body["Credentials"]
    session = Tenant(world, owner.account_id, given["AccessKeyId"], given["AccessKeySecret"])

    def by_session(version: str, action: str, token: str, **flat: str) -> Reply:
        sent = {**flat, "SecurityToken": token} if token else flat
        return world.deliver(rpc(session, version, action, sent))

    assert by_session(KMS_VERSION, "ListKeys", "").code == "MissingSecurityToken"
    assert by_session(KMS_VERSION, "ListKeys", given["SecurityToken"][:-8] + "AAAAAAA=").code == "InvalidSecurityToken.Malformed"
    assert by_session(KMS_VERSION, "Encrypt", given["SecurityToken"], KeyId=key_id, Plaintext="aGVsbG8=").status == 200
    who = by_session(STS_VERSION, "GetCallerIdentity", given["SecurityToken"]).body
    assert (who["IdentityType"], who["Arn"]) == ("AssumedRoleUser", f"acs:ram::{owner.account_id}:assumed-role/app/here")
    ram(owner, "DetachPolicyFromRole", RoleName="app", PolicyName="AliyunKMSFullAccess", PolicyType="System")
    assert by_session(KMS_VERSION, "Encrypt", given["SecurityToken"], KeyId=key_id, Plaintext="aGVsbG8=").status == 403
    ram(owner, "DeleteRole", RoleName="app")
    assert by_session(KMS_VERSION, "ListKeys", given["SecurityToken"]).code == "InvalidSecurityToken.Malformed"


def rpc(caller: Tenant, version: str, action: str, flat: dict[str, str]) -> Any:
    """Sign by RPC 1.0: the token is a signed parameter there."""
    sent = {
        **flat, "Action": action, "Version": version, "AccessKeyId": caller.access_key_id, "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0", "SignatureNonce": uuid.uuid4().hex, "Timestamp": iso_z(SystemClock().read().wall),
    }  # fmt: skip
    canonical = "&".join(f"{percent(name)}={percent(value)}" for name, value in sorted(sent.items()))
    mac = hmac.new(f"{caller.secret}&".encode(), f"POST&%2F&{percent(canonical)}".encode(), "sha1").digest()
    sent["Signature"] = base64.b64encode(mac).decode()
    return Arrival("POST", ("/", urlencode(sent)), {}, b"", "127.0.0.1")


def test_refusals_of_ram_are_the_clouds(world: World) -> None:
    """Codes end in the kind of thing; a malformed policy tells its place."""
    owner = world.tenant()
    ann = user_with(owner, "ann", {"Effect": "Allow", "Action": "kms:ListKeys"})
    assert owner.call(RAM_VERSION, "GetUser", {"UserName": "bob"}).code == "EntityNotExist.User"
    assert owner.call(RAM_VERSION, "CreateUser", {"UserName": "ann"}).code == "EntityAlreadyExists.User"
    assert owner.call(RAM_VERSION, "DeleteUser", {"UserName": "ann"}).code == "DeleteConflict.User.AccessKey"
    assert owner.call(RAM_VERSION, "DeletePolicy", {"PolicyName": "ann"}).code == "DeleteConflict.Policy.User"
    bad = owner.call(RAM_VERSION, "CreatePolicy", {"PolicyName": "bad", "PolicyDocument": '{"Version":"1",\n"Statement":[{}]}'})
    assert bad.code == "MalformedPolicyDocument"
    assert "line 2, column 14 (Statement[1].Effect): it must be Allow or Deny" in bad.body["Message"]
    assert ann.call(RAM_VERSION, "ListUsers", {}).code == "NoPermission"


def test_warm_encrypt_of_a_user_reads_no_row(sqlite_url: str, tmp_path: Path) -> None:
    """As for the account's own key: on the loop's thread a read would raise."""
    world = World(sqlite_url, tmp_path / "warm")
    owner = world.tenant()
    key_id = owner.key(owner.instance())
    ann = user_with(owner, "ann", {"Effect": "Allow", "Action": "kms:Encrypt"})
    arrivals = [ann.arrival(KMS_VERSION, "Encrypt", {"KeyId": key_id, "Plaintext": "aGVsbG8="}) for _ in range(30)]
    for arrival in arrivals[:20]:
        assert live(world.service, arrival).answer.status == 200
    threading.Event().wait(SLICE_SECONDS * 3)  # the next slice's requests are leased by what the last one needed
    statements: list[str] = []

    def seen(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(world.service.store.engine, "before_cursor_execute", seen)
    world.service.warm.forbid_blocking_here()
    assert [live(world.service, arrival).answer.status for arrival in arrivals[20:]] == [200] * 10
    event.remove(world.service.store.engine, "before_cursor_execute", seen)
    assert statements == []
    app.close_service(world.service)


def test_names_change_and_what_hangs_on_them_stays(world: World) -> None:
    """A user and a group renamed: the access key, the membership and the policies still count."""
    owner = world.tenant()
    key_id = owner.key(owner.instance())
    ann = user_with(owner, "ann", {"Effect": "Allow", "Action": "kms:ListKeys"})
    ram(owner, "CreateGroup", GroupName="ops")
    ram(owner, "AttachPolicyToGroup", GroupName="ops", PolicyName="AliyunKMSCryptoUserAccess", PolicyType="System")
    ram(owner, "AddUserToGroup", UserName="ann", GroupName="ops")
    before = ram(owner, "GetUser", UserName="ann")["User"]
    changed = ram(owner, "UpdateUser", UserName="ann", NewUserName="anna", NewComments="hers", NewEmail="a@example.com")["User"]
    assert (changed["UserName"], changed["Comments"], changed["Email"]) == ("anna", "hers", "a@example.com")
    assert changed["UserId"] == before["UserId"]
    ram(owner, "UpdateGroup", GroupName="ops", NewGroupName="devs", NewComments="all")
    assert encrypt(ann, key_id).status == 200
    assert ann.kms("ListKeys").status == 200
    who = ann.call(STS_VERSION, "GetCallerIdentity", {}).body
    assert who["Arn"] == f"acs:ram::{owner.account_id}:user/anna"
    groups = ram(owner, "ListGroupsForUser", UserName="anna")["Groups"]["Group"]
    assert [group["GroupName"] for group in groups] == ["devs"]
    assert owner.call(RAM_VERSION, "GetUser", {"UserName": "ann"}).code == "EntityNotExist.User"
    ram(owner, "CreateUser", UserName="bob")
    taken = owner.call(RAM_VERSION, "UpdateUser", {"UserName": "bob", "NewUserName": "anna"})
    assert (taken.status, taken.code) == (409, "EntityAlreadyExists.User")


def test_a_role_trusts_whom_it_trusts_now(world: World) -> None:
    """UpdateRole: new trust counts at the next AssumeRole; the longest session too; ListRoles pages by name."""
    owner = world.tenant()
    ann = user_with(owner, "ann", {"Effect": "Allow", "Action": "sts:AssumeRole"})

    def trust(user: str) -> str:
        principal = {"RAM": [f"acs:ram::{owner.account_id}:user/{user}"]}
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
        return json.dumps({"Version": "1", "Statement": [statement]})

    for name in ("c", "a", "b"):
        ram(owner, "CreateRole", RoleName=name, AssumeRolePolicyDocument=trust("ann"))
    asked: dict[str, object] = {"RoleArn": f"acs:ram::{owner.account_id}:role/a", "RoleSessionName": "on"}
    assert ann.call(STS_VERSION, "AssumeRole", dict(asked)).status == 200
    assert ann.call(STS_VERSION, "AssumeRole", {**asked, "DurationSeconds": 7200}).code == "InvalidParameter"
    role = ram(owner, "UpdateRole", RoleName="a", NewMaxSessionDuration=7200, NewDescription="longer")["Role"]
    assert (role["MaxSessionDuration"], role["Description"]) == (7200, "longer")
    assert ann.call(STS_VERSION, "AssumeRole", {**asked, "DurationSeconds": 7200}).status == 200
    ram(owner, "UpdateRole", RoleName="a", NewAssumeRolePolicyDocument=trust("bob"))
    assert ann.call(STS_VERSION, "AssumeRole", dict(asked)).code == "NoPermission"
    first = ram(owner, "ListRoles", MaxItems=2)
    assert ([role["RoleName"] for role in first["Roles"]["Role"]], first["IsTruncated"]) == (["a", "b"], True)
    rest = ram(owner, "ListRoles", MaxItems=2, Marker=first["Marker"])
    assert ([role["RoleName"] for role in rest["Roles"]["Role"]], rest["IsTruncated"]) == (["c"], False)


def test_policies_are_listed_by_type(world: World) -> None:
    """Custom ones first, page by page; a description changed."""
    owner = world.tenant()
    document = json.dumps({"Version": "1", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]})
    for name in ("two", "one"):
        ram(owner, "CreatePolicy", PolicyName=name, PolicyDocument=document)
    assert ram(owner, "UpdatePolicyDescription", PolicyName="one", NewDescription="first")["Policy"]["Description"] == "first"
    custom = ram(owner, "ListPolicies", PolicyType="Custom")["Policies"]["Policy"]
    assert [(policy["PolicyName"], policy["Description"]) for policy in custom] == [("one", "first"), ("two", "")]
    system = ram(owner, "ListPolicies", PolicyType="System")["Policies"]["Policy"]
    names, marker = [], ""
    while True:
        page = ram(owner, "ListPolicies", MaxItems=3, Marker=marker)
        names += [policy["PolicyName"] for policy in page["Policies"]["Policy"]]
        if not page["IsTruncated"]:
            break
        marker = page["Marker"]
    assert names == ["one", "two", *(policy["PolicyName"] for policy in system)]


def test_login_profiles_keep_no_password(world: World) -> None:
    """Made, shown without it, changed, gone; what is stored does not hold it."""
    owner = world.tenant()
    ram(owner, "CreateUser", UserName="ann")
    weak = owner.call(RAM_VERSION, "CreateLoginProfile", {"UserName": "ann", "Password": "12345678"})
    assert weak.code == "InvalidParameter"
    made = ram(owner, "CreateLoginProfile", UserName="ann", Password="Sesame-canary", PasswordResetRequired="true")
    assert made["LoginProfile"]["PasswordResetRequired"] is True
    twice = owner.call(RAM_VERSION, "CreateLoginProfile", {"UserName": "ann", "Password": "Sesame-canary"})
    assert twice.code == "EntityAlreadyExists.User.LoginProfile"
    ram(owner, "UpdateLoginProfile", UserName="ann", MFABindRequired="true")
    shown = ram(owner, "GetLoginProfile", UserName="ann")["LoginProfile"]
    assert (shown["PasswordResetRequired"], shown["MFABindRequired"]) == (True, True)
    assert "Sesame-canary" not in repr(contents(world))
    ram(owner, "DeleteLoginProfile", UserName="ann")
    assert owner.call(RAM_VERSION, "GetLoginProfile", {"UserName": "ann"}).code == "EntityNotExist.User.LoginProfile"
