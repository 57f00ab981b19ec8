"""Identity tokens: whose count, whose do not and with which code; what the session they begin may; role chains.

Tokens are signed by PyJWT with keys of pyca, not by the code under test; times are counted from wall time.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keystead.clock import SystemClock, parse_iso_z
from keystead.gate.arrival import Arrival
from keystead.quotas.model import SharedQuota
from tests.journeys.test_permissions import RAM_VERSION, STS_VERSION, ram, user_with
from tests.rooms.test_ram import rpc
from tests.world import KMS_VERSION, Reply, Tenant, World

IMS_VERSION = "2019-08-15"
ISSUER, CLIENT, SUBJECT = "https://issuer.example.com/cluster", "sts.example.com", "system:serviceaccount:shop:web"
RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
STRANGERS = rsa.generate_private_key(65537, 2048)
REFUSED = "AuthenticationFail.OIDCToken"
FLOW_CONTROL = "Request was denied due to user flow control."  # AssumeRole page, read 2026-11-23


def jwk(key: Any, kid: str) -> dict[str, str]:
    """A public key as the issuer publishes it."""
    algorithm = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}


def now() -> int:
    """Wall time, whole seconds."""
    return int(SystemClock().read().wall.timestamp())


def token(key: Any = RSA_KEY, kid: str | None = "r", algorithm: str = "RS256", **changes: Any) -> str:
    """A sound token, or one with other claims; None leaves a claim out."""
    claims = {"iss": ISSUER, "sub": SUBJECT, "aud": CLIENT, "iat": now(), "exp": now() + 600} | changes
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, algorithm, headers=headers)


class Stage(NamedTuple):
    """An account whose role `web` trusts one service account of a cluster."""

    world: World
    owner: Tenant
    role: str
    provider: str
    key_id: str

    def ask(self, identity: str, **changes: str) -> Reply:
        """AssumeRoleWithOIDC, unsigned, as the credentials library sends it: a GET with everything in the query."""
        flat = {
            "Action": "AssumeRoleWithOIDC",
            "Version": STS_VERSION,
            "Format": "JSON",
            "RoleArn": self.role,
            "OIDCProviderArn": self.provider,
            "OIDCToken": identity,
            "RoleSessionName": "pod",
            "DurationSeconds": "900",
        } | changes
        return self.world.deliver(Arrival("GET", ("/", urlencode(flat)), {"host": "127.0.0.1:8080"}, b"", "127.0.0.1"))

    def session(self, reply: Reply) -> tuple[Tenant, str]:
        """The session's caller and its token."""
        given = reply.body["Credentials"]
        return Tenant(self.world, self.owner.account_id, given["AccessKeyId"], given["AccessKeySecret"]), given["SecurityToken"]

    def by_session(self, reply: Reply, version: str, action: str, **flat: str) -> Reply:
        """Call by the session's credentials."""
        caller, security_token = self.session(reply)
        return self.world.deliver(rpc(caller, version, action, {**flat, "SecurityToken": security_token}))


def ims(owner: Tenant, action: str, **flat: object) -> Reply:
    """Call an IMS action that must do."""
    reply = owner.call(IMS_VERSION, action, flat)
    assert reply.status == 200, reply.body
    return reply


def trust(provider: str, **conditions: object) -> str:
    """A trust policy of a provider."""
    statement: dict[str, object] = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Federated": [provider]}}
    if conditions:
        statement["Condition"] = conditions
    return json.dumps({"Version": "1", "Statement": [statement]})


@pytest.fixture
def stage(database_url: str, tmp_path: Path) -> Iterator[Stage]:
    """Set it, on both databases."""
    world = World(database_url, tmp_path / "var")
    owner = world.tenant()
    key_id = owner.key(owner.instance())
    made = ims(owner, "CreateOIDCProvider", OIDCProviderName="cluster", IssuerUrl=ISSUER, ClientIds=f"other,{CLIENT}")
    provider = made.body["OIDCProvider"]["Arn"]
    keys = {"keys": [jwk(RSA_KEY, "r"), jwk(EC_KEY, "e")]}
    ims(owner, "SetOIDCProviderKeys", OIDCProviderName="cluster", Keys=json.dumps(keys))
    document = trust(provider, StringEquals={"oidc:iss": ISSUER, "oidc:sub": SUBJECT, "oidc:aud": CLIENT})
    ram(owner, "CreateRole", RoleName="web", AssumeRolePolicyDocument=document)
    ram(owner, "AttachPolicyToRole", RoleName="web", PolicyName="AliyunKMSCryptoUserAccess", PolicyType="System")
    yield Stage(world, owner, f"acs:ram::{owner.account_id}:role/web", provider, key_id)
    world.close()


def test_a_token_begins_a_session_without_any_key(stage: Stage) -> None:
    """By RSA and by EC; what the role may it may, and no more; the answer tells what was proved."""
    for identity in (token(), token(EC_KEY, "e", "ES256"), token(kid=None), token(aud=["x", CLIENT])):
        made = stage.ask(identity)
        assert made.status == 200, made.body
        encrypted = stage.by_session(made, KMS_VERSION, "Encrypt", KeyId=stage.key_id, Plaintext="aGVsbG8=")
        assert encrypted.status == 200
        assert stage.by_session(made, KMS_VERSION, "ListKeys").code == "Forbidden.NoPermission"
    info = made.body["OIDCTokenInfo"]
    assert (info["Issuer"], info["Subject"], info["ClientIds"]) == (ISSUER, SUBJECT, f"x,{CLIENT}")
    assert info["VerificationInfo"] == "Success"
    assert made.body["AssumedRoleUser"]["Arn"] == f"{stage.role}/pod"
    who = stage.by_session(made, STS_VERSION, "GetCallerIdentity").body
    assert who["Arn"] == f"acs:ram::{stage.owner.account_id}:assumed-role/web/pod"


def forged_by_public_key() -> str:
    """HS256 under the text of the public RSA key: what a library that takes any algorithm would believe."""
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "kid": "r"}, {"iss": ISSUER, "aud": CLIENT, "sub": SUBJECT})]
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    pem = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    mac = base64.urlsafe_b64encode(hmac.new(pem, signed, hashlib.sha256).digest()).rstrip(b"=")
    return (signed + b"." + mac).decode()


def test_bad_tokens_have_the_documented_codes(stage: Stage) -> None:
    """Each wrong in one thing alone; a minute is allowed for clocks that run ahead, none for what is over."""
    sound = token()
    head, body, signature = sound.split(".")
    other_body = token(sub="admin").split(".")[1]
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    hour = 3600
    bad = {
        "no token": ("abc", "Invalid"),
        "two parts": (f"{head}.{body}", "Invalid"),
        "no base64": (f"!!.{body}.{signature}", "Invalid"),
        "alg none": (f"{none}.{body}.", "Invalid"),
        "HS256 by the public key": (forged_by_public_key(), "Invalid"),
        "RS512": (token(algorithm="RS512"), "Invalid"),
        "crit": (jwt.encode({"iss": ISSUER}, RSA_KEY, "RS256", headers={"kid": "r", "crit": ["b64"]}), "Invalid"),
        "another's key": (token(STRANGERS), "InvalidSignature"),
        "another kid": (token(kid="x"), "InvalidSignature"),
        "the other key's kid": (token(kid="e"), "InvalidSignature"),
        "body exchanged": (f"{head}.{other_body}.{signature}", "InvalidSignature"),
        "signature of zeros": (f"{head}.{body}.{'A' * 342}", "InvalidSignature"),
        "issuer": (token(iss="https://issuer.example.com/other"), "Invalid"),
        "issuer with a slash": (token(iss=ISSUER + "/"), "Invalid"),
        "no issuer": (token(iss=None), "Invalid"),
        "audience": (token(aud="sts.example.org"), "AudienceNotMatch"),
        "no audience": (token(aud=None), "AudienceNotMatch"),
        "audiences": (token(aud=["a", "b"]), "AudienceNotMatch"),
        "over": (token(exp=now() - 1), "Expired"),
        "older than 12 hours": (token(iat=now() - 12 * hour - 5), "Expired"),
        "no end": (token(exp=None), "Invalid"),
        "no beginning": (token(iat=None), "Invalid"),
        "end is a text": (token(exp=str(now() + hour)), "Invalid"),
        "end is beyond all": (token(exp=1e300), "Invalid"),
        "from the future": (token(iat=now() + 120, exp=now() + hour), "Invalid"),
        "not before": (token(nbf=now() + 120), "Invalid"),
        "no subject": (token(sub=None), "Invalid"),
        "empty subject": (token(sub=""), "Invalid"),
    }
    found = {name: (stage.ask(identity).status, stage.ask(identity).code) for name, (identity, _) in bad.items()}
    assert found == {name: (401, f"{REFUSED}.{code}") for name, (_, code) in bad.items()}
    assert stage.ask(token(iat=now() + 30, nbf=now() + 30)).status == 200


def test_trust_decides_and_tells_a_stranger_nothing(stage: Stage) -> None:
    """Another subject, an absent role, a role that trusts another provider, another account's: all alike."""
    absent = stage.ask(token(), RoleArn=f"acs:ram::{stage.owner.account_id}:role/none")
    assert (absent.status, absent.code) == (401, "AuthenticationFail.NoPermission")
    other = stage.world.tenant()
    theirs = f"acs:ram::{other.account_id}:role/web"
    ram(other, "CreateRole", RoleName="web", AssumeRolePolicyDocument=trust(stage.provider))
    own = trust(f"acs:ram::{stage.owner.account_id}:oidc-provider/else")
    ram(stage.owner, "CreateRole", RoleName="else", AssumeRolePolicyDocument=own)
    for refused in (
        stage.ask(token(sub="system:serviceaccount:shop:db")),
        stage.ask(token(aud="other")),  # a client of the provider, but not the one that the role names
        stage.ask(token(), RoleArn=theirs),
        stage.ask(token(), RoleArn=f"acs:ram::{stage.owner.account_id}:role/else"),
    ):
        assert (refused.status, refused.code, refused.body["Message"]) == (401, absent.code, absent.body["Message"])
    unknown = stage.ask(token(), OIDCProviderArn=f"acs:ram::{stage.owner.account_id}:oidc-provider/none")
    assert (unknown.code, unknown.body["Message"]) == (absent.code, "No such OIDC Provider registered.")


def test_what_is_changed_counts_from_the_commit_on(stage: Stage) -> None:
    """A client taken off, the keys rolled, the limit narrowed, the provider deleted."""
    owner = stage.owner
    named = {"OIDCProviderName": "cluster"}
    ims(owner, "RemoveClientIdFromOIDCProvider", **named, ClientId=CLIENT)
    assert stage.ask(token()).code == f"{REFUSED}.AudienceNotMatch"
    ims(owner, "AddClientIdToOIDCProvider", **named, ClientId=CLIENT)
    assert stage.ask(token()).status == 200
    ims(owner, "SetOIDCProviderKeys", **named, Keys=json.dumps({"keys": [jwk(EC_KEY, "e")]}))
    assert stage.ask(token()).code == f"{REFUSED}.InvalidSignature"
    assert stage.ask(token(EC_KEY, "e", "ES256")).status == 200
    ims(owner, "UpdateOIDCProvider", **named, IssuanceLimitTime=1)
    assert stage.ask(token(EC_KEY, "e", "ES256", iat=now() - 3605)).code == f"{REFUSED}.Expired"
    listed = ims(owner, "ListOIDCProviders").body["OIDCProviders"]["OIDCProvider"]
    assert [(one["OIDCProviderName"], one["IssuanceLimitTime"]) for one in listed] == [("cluster", 1)]
    ims(owner, "DeleteOIDCProvider", **named)
    assert stage.ask(token(EC_KEY, "e", "ES256")).code == "AuthenticationFail.NoPermission"


def test_keys_and_providers_that_are_refused(stage: Stage) -> None:
    """Private, weak, of another curve or use; a name, an issuer and a list out of form; one issuer twice."""
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - to be refused
    curve = ec.generate_private_key(ec.SECP384R1())
    private = jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEY, as_dict=True)
    for keys in (
        "{}", "[]", '{"keys":[]}', '{"keys":[1]}', json.dumps({"keys": [private]}), json.dumps({"keys": [jwk(weak, "w")]}),
        json.dumps({"keys": [jwk(curve, "c")]}), json.dumps({"keys": [jwk(RSA_KEY, "r") | {"use": "enc"}]}),
        json.dumps({"keys": [{"kty": "oct", "k": "AAAA"}]}), json.dumps({"keys": [jwk(RSA_KEY, "r") | {"alg": "RS512"}]}),
    ):  # fmt: skip
        refused = stage.owner.call(IMS_VERSION, "SetOIDCProviderKeys", {"OIDCProviderName": "cluster", "Keys": keys})
        assert (refused.status, refused.code) == (400, "InvalidParameter"), keys
    sound = {"OIDCProviderName": "second", "IssuerUrl": "https://second.example.com"}
    for changed in (
        {"OIDCProviderName": "-x"}, {"IssuerUrl": "http://second.example.com"}, {"IssuerUrl": "https://a.example.com?x"},
        {"IssuerUrl": "https://me@a.example.com"}, {"ClientIds": ",".join(f"c{n}" for n in range(21))},
        {"Fingerprints": "a,b,c,d,e,f"}, {"IssuanceLimitTime": 169}, {"Description": "x" * 257},
    ):  # fmt: skip
        assert stage.owner.call(IMS_VERSION, "CreateOIDCProvider", {**sound, **changed}).code == "InvalidParameter", changed
    twice = stage.owner.call(IMS_VERSION, "CreateOIDCProvider", {**sound, "IssuerUrl": ISSUER})
    assert twice.code == "EntityAlreadyExists.OIDCProvider.IssuerUrl"


def test_how_long_and_how_narrow(stage: Stage) -> None:
    """900 s to the role's own hour; a policy with the request leaves what both allow."""
    for seconds, status in (("899", 400), ("900", 200), ("3600", 200), ("3601", 400)):
        assert stage.ask(token(), DurationSeconds=seconds).status == status
    decrypt = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": ["kms:Decrypt", "kms:ListKeys"], "Resource": "*"}]}
    narrow, wide = stage.ask(token(), Policy=json.dumps(decrypt)), stage.ask(token())
    encrypt = {"KeyId": stage.key_id, "Plaintext": "aGVsbG8="}
    blob = stage.by_session(wide, KMS_VERSION, "Encrypt", **encrypt).body["CiphertextBlob"]
    assert stage.by_session(narrow, KMS_VERSION, "Encrypt", **encrypt).status == 403
    assert stage.by_session(narrow, KMS_VERSION, "Decrypt", CiphertextBlob=blob).status == 200
    assert stage.by_session(narrow, KMS_VERSION, "ListKeys").status == 403  # the role itself may not
    left = parse_iso_z(wide.body["Credentials"]["Expiration"]) - SystemClock().read().wall
    assert timedelta(seconds=890) < left < timedelta(seconds=3601)


def test_a_session_assumes_another_role_if_both_sides_allow(stage: Stage) -> None:
    """Role chain: the second role trusts the first, and the first may sts:AssumeRole; else not."""
    owner = stage.owner
    root = f"acs:ram::{owner.account_id}"
    by_web = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"RAM": [f"{root}:role/web"]}}
    ram(owner, "CreateRole", RoleName="next", AssumeRolePolicyDocument=json.dumps({"Version": "1", "Statement": [by_web]}))
    first = stage.ask(token())
    asked = {"RoleArn": f"{root}:role/next", "RoleSessionName": "on"}
    assert stage.by_session(first, STS_VERSION, "AssumeRole", **asked).code == "NoPermission"
    ram(owner, "AttachPolicyToRole", RoleName="web", PolicyName="AliyunSTSAssumeRoleAccess", PolicyType="System")
    second = stage.by_session(first, STS_VERSION, "AssumeRole", **asked)
    assert second.status == 200, second.body
    assert stage.by_session(second, STS_VERSION, "GetCallerIdentity").body["Arn"].endswith(":assumed-role/next/on")
    back = {"RoleArn": stage.role, "RoleSessionName": "back"}
    assert stage.by_session(second, STS_VERSION, "AssumeRole", **back).code == "NoPermission"
    user = user_with(owner, "ann", {"Effect": "Allow", "Action": "sts:AssumeRole"})
    assert user.call(STS_VERSION, "AssumeRole", dict(asked)).code == "NoPermission"  # the second role trusts the first alone


def test_an_unsigned_header_names_nothing_but_what_is_unsigned(stage: Stage) -> None:
    """The STS SDK names AssumeRoleWithOIDC in headers alone; no other action may be named so."""
    flat = {"RoleArn": stage.role, "OIDCProviderArn": stage.provider, "OIDCToken": token(), "RoleSessionName": "pod"}

    def send(version: str, action: str) -> Reply:
        headers = {"host": "127.0.0.1:8080", "x-acs-action": action, "x-acs-version": version}
        return stage.world.deliver(Arrival("POST", ("/", urlencode(flat)), headers, b"", "127.0.0.1"))

    assert send(STS_VERSION, "AssumeRoleWithOIDC").status == 200
    assert send(STS_VERSION, "GetCallerIdentity").code == "InvalidVersion"
    assert send(RAM_VERSION, "ListUsers").code == "InvalidVersion"


def test_strangers_have_a_rate(stage: Stage) -> None:
    """Unsigned, so counted for the account whose provider is named; for all who name none that is registered, together."""
    quota = SharedQuota("AssumeRoleWithOIDC", 20, 20)
    world = stage.world
    world.service = dataclasses.replace(world.service, shared_quotas={"AssumeRoleWithOIDC": quota})
    other = world.tenant()
    theirs = ims(other, "CreateOIDCProvider", OIDCProviderName="own", IssuerUrl=ISSUER, ClientIds=CLIENT).body["OIDCProvider"][
        "Arn"
    ]
    base = f"acs:ram::{stage.owner.account_id}:oidc-provider"

    def burst(provider: Callable[[int], str], served: str) -> int:
        """Ask 100 times; gives how many were served, all others throttled."""
        replies = [stage.ask("a.b.c", OIDCProviderArn=provider(number)) for number in range(100)]
        throttled = [reply for reply in replies if reply.code == "Throttling.User"]
        assert {reply.code for reply in replies if reply not in throttled} == {served}
        assert {(reply.status, reply.body["Message"]) for reply in throttled} <= {(400, FLOW_CONTROL)}
        return len(replies) - len(throttled)

    clock = SystemClock()
    for provider, served in (
        (lambda _: stage.provider, f"{REFUSED}.Invalid"),
        (lambda number: f"{base}/none{number}" if number % 2 else "x", "AuthenticationFail.NoPermission"),
    ):
        began = clock.read().monotonic
        assert 20 <= burst(provider, served) <= 20 + 20 * (clock.read().monotonic - began) + 1
    assert stage.ask("a.b.c", OIDCProviderArn=theirs).code == f"{REFUSED}.Invalid"
