"""Who may what at the dedicated gateway, and what is refused how, in one process."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import cast

import pytest

from keystead.clock import Instant, SystemClock
from keystead.gate.arrival import Arrival
from keystead.gate.life import live
from keystead.gate.throttle import Rate, Rates, Throttled
from tests import messages
from tests.access import Application, application, policy
from tests.dedicated import HOST, Answer, ShiftedClock, Stage, deliver, staged


@pytest.fixture
def stage(sqlite_url: str, tmp_path: Path) -> Iterator[Stage]:
    """A tenant's application on SQLite."""
    with staged(sqlite_url, tmp_path) as made:
        yield made


def test_a_client_key_may_what_its_policies_permit(stage: Stage) -> None:
    """Keys by id and pattern, permissions by template, calls by address, one instance; what is changed holds at once."""
    tenant = stage.tenant
    mine, other = stage.key(), stage.key()
    elsewhere = Stage(stage.world, tenant, tenant.instance(), stage.application).key()
    tenant.kms("CreateNetworkRule", Name="office", Type="Private", SourcePrivateIp='["10.0.0.0/8","2001:db8::/32"]')
    rules = {"AccessControlRules": '{"NetworkRules":["office"]}'}
    policy(tenant, "mine", stage.instance_id, [f"key/{mine}"], **rules)
    till = application(tenant, "till", "mine")

    def told(key_id: str, source: str = "10.1.2.3") -> tuple[int, str]:
        body = messages.request("Encrypt", KeyId=key_id, Plaintext=b"x")
        answer = deliver(stage.world, "Encrypt", till.arrival("Encrypt", body, source))
        return answer.status, answer.code

    secret = messages.request("Encrypt", KeyId=other, Plaintext=b"x", Algorithm="AES_CBC", Iv=bytes(12))
    asked = deliver(stage.world, "Encrypt", till.arrival("Encrypt", secret, "10.1.2.3"))
    assert asked.code == "Forbidden.NoPermission"  # before anything is said of the key
    refused = (403, "Forbidden.NoPermission")
    assert told(mine) == (200, "")
    assert told(mine, "2001:db8::7") == (200, "")
    assert told(mine, "::ffff:10.0.0.1") == (200, "")
    for source in ("11.0.0.1", "2001:db9::7", "not an address"):
        assert told(mine, source) == refused
    assert told(other) == refused
    assert told(elsewhere) == refused
    assert tenant.kms("UpdatePolicy", Name="mine", Resources='["key/*"]').status == 200
    assert told(other) == (200, "")
    assert told(elsewhere) == refused  # of another instance, whatever the pattern
    assert tenant.kms("UpdateNetworkRule", Name="office", SourcePrivateIp="192.0.2.1").status == 200
    assert told(mine) == refused
    assert told(mine, "192.0.2.1") == (200, "")
    secrets = '["RbacPermission/Template/CryptoServiceSecretUser"]'
    assert tenant.kms("UpdatePolicy", Name="mine", Permissions=secrets).status == 200
    assert told(mine, "192.0.2.1") == refused
    assert tenant.kms("UpdateApplicationAccessPoint", Name="till", Policies='["all"]').status == 200
    assert told(mine, "11.0.0.1") == (200, "")
    assert tenant.kms("DeleteClientKey", ClientKeyId=till.client_key_id).status == 200
    assert told(mine) == (404, "Unauthorized")


def test_the_host_says_which_instance(stage: Stage) -> None:
    """An instance's own address serves its keys only, by any domain; a signature good elsewhere is good for nothing there."""
    key_id = stage.key()
    here, there = HOST.format(stage.instance_id), HOST.format(stage.tenant.instance())
    asked: dict[str, str | bytes | int] = {"KeyId": key_id, "Plaintext": b"x"}
    assert stage.sent("Encrypt", {"host": here}, **asked).status == 200
    assert stage.sent("GenerateRandom", {"host": here}, Length=8).status == 200
    for host in (there, HOST.format("kst-soz00000000aaaaaaaaaa")):
        for operation, values in (("Encrypt", asked), ("GenerateRandom", {"Length": 8})):
            refused = stage.sent(operation, {"host": host}, **values)
            assert (refused.status, refused.code) == (403, "Forbidden.NoPermission")


def test_strangers_keys_look_absent(stage: Stage) -> None:
    """A client key of another account finds what an absent key would give, by id, alias and ARN."""
    key_id = stage.key()
    stage.tenant.kms("CreateAlias", AliasName="alias/mine", KeyId=key_id)
    arn = f"acs:kms:ap-southeast-1:{stage.tenant.account_id}:key/{key_id}"
    assert stage.good("Encrypt", KeyId=arn, Plaintext=b"x")["KeyId"] == key_id
    assert stage.good("Encrypt", KeyId="alias/mine", Plaintext=b"x")["KeyId"] == key_id
    blob = stage.good("AdvanceEncrypt", KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
    stranger = stage.world.tenant()
    policy(stranger, "all", stranger.instance(), ["key/*"])
    foreign = Stage(stage.world, stranger, "", application(stranger, "shop", "all"))
    for reference in (key_id, arn):
        refused = foreign.call("Encrypt", KeyId=reference, Plaintext=b"x")
        assert (refused.status, refused.code) == (404, "Forbidden.KeyNotFound")
    refused = foreign.call("AdvanceDecrypt", CiphertextBlob=blob)
    assert (refused.status, refused.code) == (404, "Forbidden.KeyNotFound")
    over = foreign.sent("Encrypt", {"host": HOST.format(stage.instance_id)}, KeyId=key_id, Plaintext=b"x")
    assert (over.status, over.code) in {(404, "Forbidden.KeyNotFound"), (403, "Forbidden.NoPermission")}


def test_bad_proofs(stage: Stage) -> None:
    """Each with the code and, where official clients compare it, the sentence of the instance API."""
    key_id = stage.key()
    body = messages.request("Encrypt", KeyId=key_id, Plaintext=b"x")
    app = stage.application

    def told(headers: dict[str, str], sent: bytes = body) -> Answer:
        return deliver(stage.world, "Encrypt", Arrival("POST", ("/", ""), headers, sent, "127.0.0.1"))

    good = app.headers("Encrypt", body)
    assert told(good).status == 200
    assert told(good).status == 200  # the same request again: there is no nonce
    assert told({**good, "authorization": good["authorization"].replace("Bearer", "TOKEN")}).status == 200
    wall = SystemClock().read().wall
    late = [format_datetime(wall + timedelta(minutes=by), usegmt=True) for by in (-16, 16)]
    unknown = Application("KAAP.00000000-0000-4000-8000-000000000000", app.private_key)
    changed = bytes([body[0]]) + body[1:-1] + b"y"
    cases = [
        ({**good, "authorization": "Basic x"}, "InvalidParam", 400, "The Param Authorization is invalid."),
        ({**good, "authorization": "Bearer !"}, "InvalidParam", 400, "The Param Authorization is invalid."),
        (app.headers("Encrypt", body, date="yesterday"), "InvalidParam", 400, "The Param Date is invalid."),
        (app.headers("Encrypt", body, date=late[0]), "RequestTimeTooSkewed", 400, ""),
        (app.headers("Encrypt", body, date=late[1]), "RequestTimeTooSkewed", 400, ""),
        (unknown.headers("Encrypt", body), "Unauthorized", 404, ""),
        (app.headers("Encrypt", body, x_kms_acccesskeyid="LTAI5tAAAA"), "Unauthorized", 404, ""),
        (app.headers("Encrypt", body, x_kms_signaturemethod="HMAC"), "InvalidParameter", 400, ""),
        (app.headers("Encipher", body), "InvalidApiName", 400, ""),
        (app.headers("Encrypt", body, x_kms_apiversion="dkms-gcs-0.1"), "InvalidApiVersion", 400, ""),
        (app.headers("Encrypt", body, content_type="application/json"), "InvalidContentType", 415, ""),
        ({**good, "x-kms-apiname": "Decrypt"}, "SignatureNotMatch", 401, ""),
        ({**good, "x-kms-more": "1"}, "SignatureNotMatch", 401, ""),
        ({**good, "content-sha256": hashlib.sha256(changed).hexdigest().upper()}, "SignatureNotMatch", 401, ""),
    ]
    for headers, code, status, sentence in cases:
        answer = told(headers)
        assert (answer.status, answer.code) == (status, code), answer.body
        assert sentence in {"", answer.body["ErrorMessage"]}
        assert answer.body["ErrorMessage"]
    assert (told(good, changed).status, told(good, changed).code) == (401, "SignatureNotMatch")
    for name in ("date", "authorization", "content-sha256", "x-kms-acccesskeyid", "x-kms-signaturemethod"):
        answer = told({key: value for key, value in good.items() if key != name})
        assert (answer.status, answer.code) == (400, "MissingParameter")
        assert answer.body["ErrorMessage"] == f"Parameter {name} does not exist in http header or body"


def test_a_client_key_is_good_in_its_time_only(stage: Stage) -> None:
    """By wall time: refused before NotBefore and from NotAfter on, even while it is in the cache."""
    key_id = stage.key()
    wall = SystemClock().read().wall
    until = {"NotBefore": "2026-01-01T00:00:00Z", "NotAfter": (wall + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")}
    later = {"NotBefore": "2098-01-01T00:00:00Z", "NotAfter": "2099-01-01T00:00:00Z"}
    short = application(stage.tenant, "till", "all", **until)
    early = application(stage.tenant, "early", "all", **later)
    body = messages.request("Encrypt", KeyId=key_id, Plaintext=b"x")
    assert deliver(stage.world, "Encrypt", short.arrival("Encrypt", body)).status == 200
    refused = deliver(stage.world, "Encrypt", early.arrival("Encrypt", body))
    assert (refused.status, refused.code) == (404, "Unauthorized")
    real = stage.world.service
    stage.world.service = dataclasses.replace(real, clock=ShiftedClock(real.clock, timedelta(hours=1)))
    date = format_datetime(wall + timedelta(hours=1), usegmt=True)
    refused = deliver(stage.world, "Encrypt", short.arrival("Encrypt", body, date=date))
    assert (refused.status, refused.code) == (404, "Unauthorized")
    assert "expired" in refused.body["ErrorMessage"]


def test_a_clock_that_is_off_by_less_than_a_quarter_is_served(stage: Stage) -> None:
    """14 minutes to either side pass; 16 are refused, with the sentence that says by how much and to which side."""
    key_id, wall = stage.key(), SystemClock().read().wall
    body = messages.request("Encrypt", KeyId=key_id, Plaintext=b"x")

    def told(minutes: int) -> Answer:
        date = format_datetime(wall + timedelta(minutes=minutes), usegmt=True)
        return deliver(stage.world, "Encrypt", stage.application.arrival("Encrypt", body, date=date))

    assert [told(minutes).status for minutes in (-14, 14)] == [200, 200]
    for minutes, side in ((-16, "behind"), (16, "ahead of")):
        refused = told(minutes)
        assert (refused.status, refused.code) == (400, "RequestTimeTooSkewed")
        assert f"seconds {side} the server's time" in refused.body["ErrorMessage"]


def test_another_applications_name_on_ones_own_signature(stage: Stage) -> None:
    """Of the same account or of a stranger: the signature is not that client key's, whatever its policies permit."""
    key_id = stage.key()
    body = messages.request("Encrypt", KeyId=key_id, Plaintext=b"x")
    stranger = stage.world.tenant()
    policy(stranger, "all", stranger.instance(), ["key/*"])
    for thief in (application(stage.tenant, "till", "all"), application(stranger, "shop", "all")):
        forged = Application(stage.application.client_key_id, thief.private_key)
        refused = deliver(stage.world, "Encrypt", forged.arrival("Encrypt", body))
        assert (refused.status, refused.code) == (401, "SignatureNotMatch")


def test_client_keys_go_with_their_access_point(stage: Stage) -> None:
    """Deleted with it while in the cache: refused; an access point of the same name brings none of them back."""
    key_id = stage.key()
    assert stage.call("Encrypt", KeyId=key_id, Plaintext=b"x").status == 200
    assert stage.tenant.kms("DeleteApplicationAccessPoint", Name="shop").status == 200
    refused = stage.call("Encrypt", KeyId=key_id, Plaintext=b"x")
    assert (refused.status, refused.code) == (404, "Unauthorized")
    again = application(stage.tenant, "shop", "all")
    assert stage.call("Encrypt", KeyId=key_id, Plaintext=b"x").code == "Unauthorized"
    fresh = Stage(stage.world, stage.tenant, stage.instance_id, again)
    assert fresh.call("Encrypt", KeyId=key_id, Plaintext=b"x").status == 200


def test_a_stranger_neither_sees_nor_deletes_a_client_key(stage: Stage) -> None:
    """To another account it is not there, and it goes on working."""
    key_id, stranger = stage.key(), stage.world.tenant()
    for action in ("GetClientKey", "DeleteClientKey"):
        refused = stranger.kms(action, ClientKeyId=stage.application.client_key_id)
        assert (refused.status, refused.code) == (404, "Forbidden.ResourceNotFound")
    assert stage.call("Encrypt", KeyId=key_id, Plaintext=b"x").status == 200


def test_a_strangers_host(stage: Stage) -> None:
    """A good signature at the address of another account's instance: nothing there is granted, random bytes neither."""
    key_id, stranger = stage.key(), stage.world.tenant()
    host = HOST.format(stranger.instance())
    for operation, values in (("Encrypt", {"KeyId": key_id, "Plaintext": b"x"}), ("GenerateRandom", {"Length": 8})):
        refused = stage.sent(operation, {"host": host}, **values)
        assert (refused.status, refused.code) == (403, "Forbidden.NoPermission")


def test_a_proof_of_possession_is_no_garbage_filter(stage: Stage) -> None:
    """Signed garbage is InvalidParameter, whatever the bytes; unknown fields are passed over, the last of two counts."""
    key_id = stage.key()
    good = messages.request("Encrypt", KeyId="no", Plaintext=b"x") + messages.field(1, key_id)
    unknown = messages.field(99, b"?") + messages.field(98, 5) + b"\x91\x01" + bytes(8) + b"\x95\x01" + bytes(4)
    answer = deliver(stage.world, "Encrypt", stage.application.arrival("Encrypt", good + unknown))
    assert answer.status == 200
    bad = [
        b"\x0a",
        b"\x0a\xff",
        b"\x0a\x05abc",
        b"\x08\x01",  # KeyId as a number
        b"\x0a\x02\xff\xfe",  # not UTF-8
        b"\x0b\x0c",  # a group
        b"\x02\x01x",  # number 0
        b"\xff" * 11,
        b"\x0a" + b"\xff" * 10,
        b"\x95\x01\x00",
        b"{}",
    ]
    for body in bad:
        answer = deliver(stage.world, "Encrypt", stage.application.arrival("Encrypt", body))
        assert (answer.status, answer.code) == (400, "InvalidParameter"), body
    empty = deliver(stage.world, "Encrypt", stage.application.arrival("Encrypt", b""))
    assert (empty.status, empty.code) == (400, "MissingParameter")


def test_the_record_says_who_did_what(stage: Stage) -> None:
    """As of a JSON call: product, operation, client key, account, instance, key, version; and nothing of the text."""
    key_id = stage.key()
    arrival = stage.application.arrival("Encrypt", messages.request("Encrypt", KeyId=key_id, Plaintext=b"canary-7f3e"))
    record = live(stage.world.service, arrival).record
    assert (record.product, record.api_name, record.status_code) == ("dkms", "Encrypt", 200)
    assert (record.access_key_id, record.account_id) == (stage.application.client_key_id, stage.tenant.account_id)
    assert (record.instance_id, record.resource_id, record.region_id) == (stage.instance_id, key_id, "ap-southeast-1")
    assert len(record.key_version_id) == 36
    assert "canary" not in repr(record)


class OneBucket:
    """Rates of two requests an instance, and who asked for them."""

    def __init__(self) -> None:
        """Start full."""
        self.asked: list[tuple[str, int]] = []

    def admit(self, rates: Sequence[Rate], _instant: Instant, *, inline: bool) -> None:
        """Give two, then refuse."""
        assert not inline
        (rate,) = rates
        self.asked.append((rate.bucket_id, rate.units))
        if len(self.asked) > 2:
            raise Throttled(rate)


def test_the_rate_is_the_instances(stage: Stage) -> None:
    """Both protocols ask for one request of the one bucket, by the purchased figure; the third is 429 in the words of each."""
    key_id, world = stage.key(), stage.world
    bucket = OneBucket()
    real = world.service
    world.service = dataclasses.replace(real, rates=cast("Rates", bucket))
    assert stage.call("Encrypt", KeyId=key_id, Plaintext=b"x").status == 200
    assert stage.tenant.kms("Encrypt", KeyId=key_id, Plaintext="aGVsbG8=").status == 200
    refused = stage.call("Encrypt", KeyId=key_id, Plaintext=b"x")
    assert (refused.status, refused.code) == (429, "Rejected.Throttling")
    shared = stage.tenant.kms("Encrypt", KeyId=key_id, Plaintext="aGVsbG8=")
    assert (shared.status, shared.code) == (429, "Rejected.Throttling")
    assert stage.call("GenerateRandom", Length=1).status == 429
    assert bucket.asked == [(stage.instance_id, 1000)] * 5
    world.service = real
