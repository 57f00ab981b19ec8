"""What RAM, STS and IMS take and refuse at the edges: markers, members, halves of characters, names of others."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest

from keystead.identity import grants
from keystead.identity.grants import Asked
from tests.journeys.test_permissions import RAM_VERSION, STS_VERSION, ram, user_with
from tests.rooms.test_federation import IMS_VERSION, RSA_KEY, Stage, ims, now, stage, token
from tests.rooms.test_ram import rpc
from tests.world import Reply, Tenant, World

__all__ = ["stage"]


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A service, on both databases."""
    made = World(database_url, tmp_path / "var")
    yield made
    made.close()


@pytest.mark.parametrize("marker", ["!!!!", "YQ", "YQ=!=", "+/+/", "/w==", "AA=="])
def test_markers_are_those_that_were_given(world: World, marker: str) -> None:
    """What base64 leaves out was left out, so that a wrong marker began the list anew."""
    owner = world.tenant()
    for action in ("ListUsers", "ListGroups", "ListRoles", "ListPolicies"):
        assert owner.call(RAM_VERSION, action, {"Marker": marker}).code == "InvalidParameter", action
    assert owner.call(IMS_VERSION, "ListOIDCProviders", {"Marker": marker}).code == "InvalidParameter"


def test_members_page_in_one_order(world: World) -> None:
    """Letters of both cases and signs: however the database sorts, a page begins where the last one ended."""
    owner = world.tenant()
    names = ["B", "a", "a-1", "a.b", "A_", "b", "a1"]
    ram(owner, "CreateGroup", GroupName="all")
    for name in names:
        ram(owner, "CreateUser", UserName=name)
        ram(owner, "AddUserToGroup", UserName=name, GroupName="all")
    found, marker = [], ""
    for _ in names:
        page = ram(owner, "ListUsersForGroup", GroupName="all", MaxItems=1, Marker=marker)
        found += [user["UserName"] for user in page["Users"]["User"]]
        marker = page.get("Marker", "")
    assert found == sorted(names)
    assert not marker


def test_who_is_missing_is_named(world: World) -> None:
    """RemoveUserFromGroup: no such group, no such user, not in it."""
    owner = world.tenant()
    ram(owner, "CreateGroup", GroupName="ops")
    ram(owner, "CreateUser", UserName="ann")
    asked = [("none", "ann"), ("ops", "none"), ("ops", "ann")]
    codes = [owner.call(RAM_VERSION, "RemoveUserFromGroup", {"GroupName": g, "UserName": u}).code for g, u in asked]
    assert codes == ["EntityNotExist.Group", "EntityNotExist.User", "EntityNotExist.User.Group"]


def test_one_client_is_one(world: World) -> None:
    """A comma in a client id made two of it."""
    owner = world.tenant()
    ims(owner, "CreateOIDCProvider", OIDCProviderName="c", IssuerUrl="https://i.example.com", ClientIds="a")
    refused = owner.call(IMS_VERSION, "AddClientIdToOIDCProvider", {"OIDCProviderName": "c", "ClientId": "b,d"})
    assert refused.code == "InvalidParameter"
    assert "ClientId" in refused.body["Message"]
    added = ims(owner, "AddClientIdToOIDCProvider", OIDCProviderName="c", ClientId="b").body["OIDCProvider"]
    assert added["ClientIds"] == "a,b"


def test_half_a_character_is_no_claim(stage: Stage) -> None:
    """JSON can write half of a surrogate pair; no answer can."""
    half = "\ud800"
    assert stage.ask(token(sub=half)).code == "AuthenticationFail.OIDCToken.Invalid"
    assert stage.ask(token(aud=["sts.example.com", half])).code == "AuthenticationFail.OIDCToken.Invalid"
    header = base64.urlsafe_b64encode(json.dumps({"alg": half}).encode()).rstrip(b"=").decode()
    body = jwt.encode({"iat": now()}, RSA_KEY, "RS256").split(".")[1]
    assert stage.ask(f"{header}.{body}.AAAA").code == "AuthenticationFail.OIDCToken.Invalid"


def test_explain_says_what_the_gate_says_of_the_account(world: World) -> None:
    """No policy locks an account out of setting the key's policy anew: the replay said it did."""
    owner = world.tenant()
    key_id = owner.key(owner.instance())
    base = f"acs:ram::{owner.account_id}"
    statement = {"Effect": "Deny", "Principal": {"RAM": [f"{base}:*", f"{base}:root"]}, "Action": ["kms:*"], "Resource": ["*"]}
    assert owner.kms("SetKeyPolicy", KeyId=key_id, Policy=json.dumps({"Version": "1", "Statement": [statement]})).status == 200
    resource = f"acs:kms:ap-southeast-1:{owner.account_id}:key/{key_id}"
    served = {"GetKeyPolicy": owner.kms("GetKeyPolicy", KeyId=key_id), "DisableKey": owner.kms("DisableKey", KeyId=key_id)}
    assert [reply.status for reply in served.values()] == [200, 403]
    with world.service.store.read() as tx:
        said = [grants.replay(tx, Asked(owner.access_key_id, f"kms:{name}", resource, {})).allowed for name in served]
    assert said == [True, False]


@pytest.mark.parametrize(
    ("parameter", "bad", "good"),
    [
        ("ExternalId", ["a", "x" * 1225, "a b", "a\nb", "é1"], ["ab", "x" * 1224, "a_=,.@:/-1"]),
        ("SourceIdentity", ["a", "x" * 65, "a b", "a/b"], ["ab", "x" * 64, "a_=,.@-1"]),
    ],
)
def test_what_a_session_is_told_has_a_form(world: World, parameter: str, bad: list[str], good: list[str]) -> None:
    """AssumeRole: 2 to 1,224 and 2 to 64 characters."""
    owner = world.tenant()
    ann = user_with(owner, "ann", {"Effect": "Allow", "Action": "sts:AssumeRole"})
    trusted = {"RAM": [f"acs:ram::{owner.account_id}:root"]}
    trust = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": trusted}]}
    arn = ram(owner, "CreateRole", RoleName="app", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]

    def code(value: str) -> str:
        return ann.call(STS_VERSION, "AssumeRole", {"RoleArn": arn, "RoleSessionName": "on", parameter: value}).code

    assert [code(value) for value in bad] == ["InvalidParameter"] * len(bad)
    assert [code(value) for value in good] == [""] * len(good)


def test_who_began_a_chain_stays(world: World) -> None:
    """SourceIdentity: once said it goes along the chain, and cannot be said otherwise."""
    owner = world.tenant()
    ann = user_with(owner, "ann", {"Effect": "Allow", "Action": "sts:AssumeRole"})
    trusted = {"RAM": [f"acs:ram::{owner.account_id}:root"]}
    trust = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": trusted}]}
    arn = ram(owner, "CreateRole", RoleName="app", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    ram(owner, "AttachPolicyToRole", RoleName="app", PolicyName="AliyunSTSAssumeRoleAccess", PolicyType="System")
    asked = {"RoleArn": arn, "RoleSessionName": "on"}
    silent = ann.call(STS_VERSION, "AssumeRole", dict(asked)).body
    assert "SourceIdentity" not in silent
    first = ann.call(STS_VERSION, "AssumeRole", {**asked, "SourceIdentity": "alice"}).body
    given = first["Credentials"]
    session = Tenant(world, owner.account_id, given["AccessKeyId"], given["AccessKeySecret"])

    def chained(**further: str) -> Reply:
        return world.deliver(
            rpc(session, STS_VERSION, "AssumeRole", {**asked, "SecurityToken": given["SecurityToken"], **further})
        )

    assert [first["SourceIdentity"], chained().body["SourceIdentity"]] == ["alice", "alice"]
    assert chained(SourceIdentity="alice").body["SourceIdentity"] == "alice"
    assert chained(SourceIdentity="bobby").code == "InvalidParameter"


def test_a_refusal_repeats_no_more_than_a_name(world: World) -> None:
    """What was looked for may be megabytes."""
    owner = world.tenant()
    long = "x" * 100_000
    asked = {"GetUser": {"UserName": long}, "GetPolicy": {"PolicyName": long, "PolicyType": "Custom"}}
    for action, flat in asked.items():
        refused = owner.call(RAM_VERSION, action, dict(flat))
        assert refused.status == 404
        assert len(refused.body["Message"]) < 200
