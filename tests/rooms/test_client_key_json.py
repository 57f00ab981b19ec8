"""The JSON API by a client key (RPC 1.0, SHA256withRSA) and at an instance's own host."""

from __future__ import annotations

import base64
import dataclasses
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from keystead.clock import SystemClock, iso_z
from keystead.gate.arrival import Arrival
from tests.access import Application, application, policy
from tests.dedicated import HOST, ShiftedClock, Stage, staged
from tests.world import KMS_VERSION, Reply


@pytest.fixture
def stage(sqlite_url: str, tmp_path: Path) -> Iterator[Stage]:
    """A tenant's application with a policy for its instance's gateway."""
    with staged(sqlite_url, tmp_path) as made:
        yield made


def call(stage: Stage, app: Application, action: str, host: str = "127.0.0.1:8080", **flat: str) -> Reply:
    """Call as the first generation's secrets client does (vector 16)."""
    wall = SystemClock().read().wall
    named = {
        "Action": action,
        "Version": KMS_VERSION,
        "Format": "JSON",
        "Timestamp": iso_z(wall),
        "SignatureMethod": "SHA256withRSA",
        "SignatureType": "PRIVATEKEY",
        "SignatureVersion": "1.0",
        "SignatureNonce": uuid.uuid4().hex,
        "AccessKeyId": app.client_key_id,
    } | flat
    canonical = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in sorted(named.items()))
    text = f"POST&%2F&{quote(canonical, safe='-_.~')}"
    named["Signature"] = base64.b64encode(app.private_key.sign(text.encode(), PKCS1v15(), SHA256())).decode()
    return stage.world.deliver(Arrival("POST", ("/", urlencode(named)), {"host": host}, b"", "127.0.0.1"))


def test_a_policy_holds_at_its_own_gateway(stage: Stage) -> None:
    """One for the instance lets JSON calls use keys at the instance's host, one for `shared` anywhere else."""
    key_id, tenant = stage.key(), stage.tenant
    asked = {"KeyId": key_id, "Plaintext": "aGVsbG8="}
    own = HOST.format(stage.instance_id)
    policy(tenant, "everywhere", "shared", ["key/*"])
    everywhere = application(tenant, "till", "everywhere")
    assert call(stage, stage.application, "Encrypt", own, **asked).status == 200
    assert call(stage, everywhere, "Encrypt", **asked).status == 200
    for app, host in ((stage.application, "127.0.0.1:8080"), (everywhere, own)):
        refused = call(stage, app, "Encrypt", host, **asked)
        assert (refused.status, refused.code) == (403, "Forbidden.NoPermission")
    blob = call(stage, everywhere, "Encrypt", **asked).body["CiphertextBlob"]
    assert call(stage, everywhere, "Decrypt", CiphertextBlob=blob).body["Plaintext"] == "aGVsbG8="


def test_a_client_key_manages_nothing(stage: Stage) -> None:
    """Reading and changing actions, and those of other products, are none of its business; nor are other regions."""
    policy(stage.tenant, "everywhere", "shared", ["key/*"])
    app, key_id = application(stage.tenant, "till", "everywhere"), stage.key()
    for action, flat in (
        ("ListKeys", {}),
        ("DescribeKey", {"KeyId": key_id}),
        ("DisableKey", {"KeyId": key_id}),
        ("CreateClientKey", {"AapName": "till", "Password": "Passw0rd"}),
        ("ReEncrypt", {"CiphertextBlob": "AAAA", "DestinationKeyId": key_id}),
        ("QueryAccountBalance", {"Version": "2017-12-14"}),
        ("Encrypt", {"KeyId": key_id, "Plaintext": "aGVsbG8=", "RegionId": "eu-central-1"}),
    ):
        assert call(stage, app, action, **flat).code == "Forbidden.NoPermission", action
    assert stage.tenant.kms("DescribeKey", KeyId=key_id).body["KeyMetadata"]["KeyState"] == "Enabled"


def test_bad_client_key_signatures(stage: Stage) -> None:
    """Unknown, over in time, or of another key: the JSON API's own codes."""
    key_id = stage.key()
    asked = {"KeyId": key_id, "Plaintext": "aGVsbG8="}
    own = HOST.format(stage.instance_id)
    unknown = Application("KAAP.00000000-0000-4000-8000-000000000000", stage.application.private_key)
    assert call(stage, unknown, "Encrypt", own, **asked).code == "InvalidAccessKeyId.NotFound"
    crossed = Application(application(stage.tenant, "till", "all").client_key_id, stage.application.private_key)
    assert call(stage, crossed, "Encrypt", own, **asked).code == "SignatureDoesNotMatch"
    begins = iso_z(SystemClock().read().wall + timedelta(days=1))
    early = application(stage.tenant, "early", "all", NotBefore=begins, NotAfter="2099-01-01T00:00:00Z")
    refused = call(stage, early, "Encrypt", own, **asked)
    assert (refused.code, refused.body["Message"]) == ("Forbidden.AccessKey", f"The client key is valid from {begins} on.")


def test_a_client_keys_end_and_a_wrong_clock(stage: Stage) -> None:
    """Expired while it is in the cache; a timestamp off by 16 minutes; deleted: the JSON API's own codes."""
    asked = {"KeyId": stage.key(), "Plaintext": "aGVsbG8="}
    own, wall = HOST.format(stage.instance_id), SystemClock().read().wall
    for minutes in (-16, 16):
        refused = call(stage, stage.application, "Encrypt", own, Timestamp=iso_z(wall + timedelta(minutes=minutes)), **asked)
        assert (refused.status, refused.code) == (400, "InvalidTimeStamp.Expired")
    ends = iso_z(wall + timedelta(hours=1))
    short = application(stage.tenant, "till", "all", NotBefore="2026-01-01T00:00:00Z", NotAfter=ends)
    assert call(stage, short, "Encrypt", own, **asked).status == 200
    real = stage.world.service
    stage.world.service = dataclasses.replace(real, clock=ShiftedClock(real.clock, timedelta(hours=1)))
    refused = call(stage, short, "Encrypt", own, Timestamp=ends, **asked)
    assert (refused.status, refused.code) == (403, "Forbidden.AccessKey")
    assert refused.body["Message"] == f"The client key expired at {ends}."
    stage.world.service = real
    assert stage.tenant.kms("DeleteClientKey", ClientKeyId=short.client_key_id).status == 200
    refused = call(stage, short, "Encrypt", own, **asked)
    assert (refused.status, refused.code) == (404, "InvalidAccessKeyId.NotFound")


def test_an_access_key_at_an_instances_host(stage: Stage) -> None:
    """Its keys only, cryptography only, its region whatever the default; a stranger's instance is not there."""
    key_id, tenant = stage.key(), stage.tenant
    other = Stage(stage.world, tenant, tenant.instance(), stage.application).key()

    def sent(action: str, host: str, **flat: str) -> Reply:
        arrival = tenant.arrival(KMS_VERSION, action, flat, host=host)
        return stage.world.deliver(arrival)

    own = HOST.format(stage.instance_id)
    assert sent("Encrypt", own, KeyId=key_id, Plaintext="aGVsbG8=").status == 200
    assert sent("Encrypt", own, KeyId=other, Plaintext="aGVsbG8=").code == "Forbidden.NoPermission"
    assert sent("ListKeys", own).code == "UnsupportedOperation"
    assert sent("ReEncrypt", own, CiphertextBlob="AAAA", DestinationKeyId=key_id).code == "UnsupportedOperation"
    theirs = HOST.format(stage.world.tenant().instance())
    for host in (theirs, HOST.format("kst-soz00000000aaaaaaaaaa")):
        assert sent("Encrypt", host, KeyId=key_id, Plaintext="aGVsbG8=").code == "Forbidden.DKMSInstanceNotFound"
