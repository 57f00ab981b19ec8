"""Signatures: what the official clients send is accepted as it is, and nothing that differs from it by one character."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from keystead.faults import Fault
from keystead.gate.arrival import Arrival
from keystead.gate.signature import (
    IncompleteSignature,
    Proof,
    SignatureMismatch,
    SignaturePartMissing,
    TimestampExpired,
    TimestampInvalid,
    check_date,
    check_signature,
    read_proof,
)

CAPTURED = Path(__file__).parents[1] / "vectors" / "signature-vectors.json"
VECTORS: list[dict[str, Any]] = json.loads(CAPTURED.read_text())["vectors"]
SECRETS = {"testAK": "testSecret"}
WALL = datetime(2026, 11, 22, 18, 59, 5, tzinfo=UTC)  # some seconds after each vector was signed
EMPTY = hashlib.sha256(b"").hexdigest()
every_vector = pytest.mark.parametrize("vector", VECTORS, ids=[f"{v['id']} {v['scheme']}, {v['client']}" for v in VECTORS])
acs3_vectors = pytest.mark.parametrize("vector", [v for v in VECTORS if v["scheme"].startswith("ACS3")], ids=lambda v: v["id"])
rpc_vectors = pytest.mark.parametrize("vector", [v for v in VECTORS if v["scheme"].startswith("RPC")], ids=lambda v: v["id"])


class UnknownKey(Fault):
    """The test's stand-in for a look-up that finds no key."""


def headers_of(vector: dict[str, Any]) -> dict[str, str]:
    """The headers of a vector as the server hands them on: names in lower case."""
    return {name.lower(): value for name, value in vector["headers"]}


def arrived(vector: dict[str, Any], **other: Any) -> Arrival:
    """The vector as it arrives, or with `method`, `target`, `headers` or `body` replaced."""
    target: str = other.get("target", vector["target"])
    path, _, query = target.partition("?")
    body: bytes = other.get("body", base64.b64decode(vector["bodyBase64"]))
    return Arrival(other.get("method", vector["method"]), (path, query), other.get("headers", headers_of(vector)), body, "::1")


def proved(arrival: Arrival, wall: datetime = WALL) -> Proof:
    """What the gate does: read, judge the date, find the secret, compare. A fault where it does not hold."""
    proof = read_proof(arrival)
    check_date(proof, wall)
    if proof.access_key_id not in SECRETS:
        raise UnknownKey
    check_signature(proof, SECRETS[proof.access_key_id])
    return proof


def refused(arrival: Arrival) -> bool:
    """Whether it is refused, with words that hold neither the secret nor the signature that would have been right."""
    try:
        proved(arrival)
    except Fault as fault:
        assert "testSecret" not in str(fault)  # noqa: PT017 - most of them are refused, and it holds for each that is
        return True
    return False


def flips(text: str) -> Iterator[str]:
    """The text with each character in turn replaced by another."""
    for at, character in enumerate(text):
        yield text[:at] + ("Y" if character != "Y" else "Z") + text[at + 1 :]


@every_vector
def test_what_official_clients_send_is_accepted(vector: dict[str, Any]) -> None:
    """Each captured request verifies under its secret, with its access key, and with its token where it has one."""
    proof = proved(arrived(vector))
    assert proof.access_key_id == "testAK"
    assert proof.security_token == ("STSTOKEN" if "STS" in vector["scheme"] else "")
    assert WALL - proof.given < timedelta(seconds=10)


@every_vector
def test_any_other_secret_is_refused(vector: dict[str, Any]) -> None:
    """No secret verifies but the caller's: neither one with a character changed nor one that is longer or empty."""
    proof = read_proof(arrived(vector))
    for secret in (*flips("testSecret"), "testSecret&", "testSecre", ""):
        with pytest.raises(SignatureMismatch):
            check_signature(proof, secret)


@every_vector
def test_any_changed_character_of_the_query_is_refused(vector: dict[str, Any]) -> None:
    """Names, values, separators: each position of the raw query is covered by the signature."""
    path, _, query = str(vector["target"]).partition("?")
    assert all(refused(arrived(vector, target=f"{path}?{changed}")) for changed in flips(query))


@every_vector
def test_any_changed_byte_of_the_body_is_refused(vector: dict[str, Any]) -> None:
    """A form is signed as parameters (RPC) or by its hash (ACS3): no byte of it can be another."""
    body = base64.b64decode(vector["bodyBase64"]).decode()
    assert all(refused(arrived(vector, body=changed.encode())) for changed in flips(body))
    if vector["scheme"].startswith("ACS3"):
        assert refused(arrived(vector, body=body.encode() + b"x"))


@every_vector
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "post"])
def test_another_method_is_refused(vector: dict[str, Any], method: str) -> None:
    """The method is signed."""
    if method != vector["method"]:
        assert refused(arrived(vector, method=method))


@every_vector
def test_a_parameter_added_or_left_out_is_refused(vector: dict[str, Any]) -> None:
    """No parameter can be slipped in, and none dropped."""
    path, _, query = str(vector["target"]).partition("?")
    pieces = query.split("&") if query else []
    for at in range(len(pieces)):
        assert refused(arrived(vector, target=f"{path}?{'&'.join(pieces[:at] + pieces[at + 1 :])}"))
    assert refused(arrived(vector, target=f"{path}?{'&'.join([*pieces, 'DryRun=true'])}"))


@acs3_vectors
def test_any_changed_character_of_a_signed_header_is_refused(vector: dict[str, Any]) -> None:
    """Each position of each header in SignedHeaders counts; so does the header's being there at all."""
    headers = headers_of(vector)
    signed = headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    for name in signed:
        for changed in flips(headers[name]):
            assert refused(arrived(vector, headers={**headers, name: changed})), name
        assert refused(arrived(vector, headers={key: value for key, value in headers.items() if key != name}))


@acs3_vectors
def test_any_changed_character_of_the_authorization_is_refused(vector: dict[str, Any]) -> None:
    """Scheme, credential, list of headers, signature: each position counts."""
    headers = headers_of(vector)
    for changed in flips(headers["authorization"]):
        assert refused(arrived(vector, headers={**headers, "authorization": changed}))


@acs3_vectors
@pytest.mark.parametrize("path", ["", "//", "/base/", "/x", "/%2F"])
def test_another_path_is_refused(vector: dict[str, Any], path: str) -> None:
    """ACS3 signs the path."""
    assert refused(arrived(vector, target=path + str(vector["target"])[1:]))


@rpc_vectors
def test_headers_beside_an_rpc_signature_decide_nothing(vector: dict[str, Any]) -> None:
    """RPC 1.0 signs no header: another x-acs-action neither breaks the proof nor enters what was signed."""
    proof = read_proof(arrived(vector))
    other = proved(arrived(vector, headers={**headers_of(vector), "x-acs-action": "ScheduleKeyDeletion"}))
    assert other.string_to_sign == proof.string_to_sign


# ---------------------------------------------------------------- dates


@every_vector
@pytest.mark.parametrize("side", [1, -1], ids=["ahead", "behind"])
def test_the_window_of_dates_ends_after_exactly_fifteen_minutes(vector: dict[str, Any], side: int) -> None:
    """15 minutes to either side are accepted (documented skew of the instance API), a millisecond more is not."""
    arrival = arrived(vector)
    given = read_proof(arrival).given
    edge = given + side * timedelta(minutes=15)
    proved(arrival, edge)
    with pytest.raises(TimestampExpired, match="900 seconds"):
        proved(arrival, edge + side * timedelta(milliseconds=1))


def test_milliseconds_are_accepted() -> None:
    """The oldest Node client sends them; they are part of the date."""
    proof = read_proof(arrived_acs3({"x-acs-date": "2026-11-22T18:59:05.250Z"}))
    assert proof.given == WALL + timedelta(milliseconds=250)


@pytest.mark.parametrize(
    "text", ["", "now", "2026-11-22T18:59:05", "2026-11-22T18:59:05+00:00", "2026-11-22T18:59:05+08:00Z", "2026-13-22T18:59:05Z"]
)
def test_a_date_that_is_none_is_told_apart_from_an_expired_one(text: str) -> None:
    """Without UTC's Z, or no date at all: InvalidTimeStamp.Format's fault, naming the header."""
    with pytest.raises(TimestampInvalid, match="x-acs-date"):
        read_proof(arrived_acs3({"x-acs-date": text}))


# ---------------------------------------------------------------- what ACS3 must sign


def arrived_acs3(
    changed: dict[str, str] | None = None,
    *,
    leave: tuple[str, ...] = (),
    target: str = "/?KeyId=k",
    body: bytes = b"",
    payload: str = "",
) -> Arrival:
    """A rightly signed request of our own: headers replaced, some left out of SignedHeaders, another payload hash signed."""
    headers = {
        "host": "kms.example",
        "x-acs-action": "Encrypt",
        "x-acs-version": "2016-01-20",
        "x-acs-date": "2026-11-22T18:59:05Z",
        "x-acs-signature-nonce": "0123456789abcdef",
        "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
        **(changed or {}),
    }
    names = sorted(name for name in headers if name not in leave)
    lines = "".join(f"{name}:{headers[name]}\n" for name in names)
    path, query = urlsplit(target).path, urlsplit(target).query
    payload = payload or headers["x-acs-content-sha256"]
    canonical = f"POST\n{path}\n{query}\n{lines}\n{';'.join(names)}\n{payload}"
    to_sign = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(b"testSecret", to_sign.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = f"ACS3-HMAC-SHA256 Credential=testAK,SignedHeaders={';'.join(names)},Signature={signature}"
    return Arrival("POST", (path, query), headers, body, "::1")


def test_our_own_signer_is_right() -> None:
    """The requests that the tests below spoil are good before."""
    proved(arrived_acs3())
    proved(arrived_acs3(body=b"SecretData=x"))


@pytest.mark.parametrize(
    "name", ["host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"]
)
def test_a_header_that_decides_something_must_be_signed(name: str) -> None:
    """Left out of SignedHeaders, it could be changed on the way: refused by its name though the signature holds."""
    with pytest.raises(IncompleteSignature, match=f"{name} must be sent and signed"):
        proved(arrived_acs3(leave=(name,)))


def test_a_security_token_must_be_signed() -> None:
    """A token beside the signature could be anybody's."""
    with pytest.raises(IncompleteSignature, match="x-acs-security-token"):
        proved(arrived_acs3({"x-acs-security-token": "T"}, leave=("x-acs-security-token",)))


@pytest.mark.parametrize("payload", ["", EMPTY], ids=["signed as declared", "signed as sent"])
def test_a_body_other_than_the_declared_one_is_refused(payload: str) -> None:
    """x-acs-content-sha256 must be the hash of the body that arrived, whichever of the two was signed; the text says so."""
    other = {"x-acs-content-sha256": hashlib.sha256(b"other").hexdigest()}
    with pytest.raises(SignatureMismatch, match="x-acs-content-sha256 is not the SHA-256 of the body"):
        proved(arrived_acs3(other, payload=payload))


@pytest.mark.parametrize(("parameter", "header"), [("Action", "x-acs-action"), ("Version", "x-acs-version")])
def test_header_and_parameter_may_not_name_different_things(parameter: str, header: str) -> None:
    """An action in the query beside another one in the header is refused though both are signed."""
    proved(arrived_acs3({header: "Same"}, target=f"/?{parameter}=Same"))
    with pytest.raises(SignatureMismatch, match=f"the {header} header and the {parameter} parameter"):
        proved(arrived_acs3({header: "Same"}, target=f"/?{parameter}=Other"))


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer x",
        "ACS3-HMAC-SM3 Credential=testAK,SignedHeaders=host,Signature=00",
        "ACS3-HMAC-SHA256",
        "ACS3-HMAC-SHA256 Credential=testAK,SignedHeaders=host",
        "ACS3-HMAC-SHA256 Credential=testAK,SignedHeaders=host,Signature=" + "0" * 63,
        "ACS3-HMAC-SHA256 Credential=testAK,SignedHeaders=host,Signature=" + "0" * 65,
        "ACS3-HMAC-SHA256 Credential=testAK,SignedHeaders=host,Signature=" + "0" * 64 + "\n",
    ],
)
def test_schemes_and_forms_not_served_are_told(authorization: str) -> None:
    """Whatever is not the one form of ACS3 is IncompleteSignature's fault, never a server error."""
    arrival = arrived_acs3()
    arrival.headers["authorization"] = authorization
    with pytest.raises(IncompleteSignature, match="ACS3-HMAC-SHA256"):
        proved(arrival)


@pytest.mark.parametrize("nonce", ["", "n" * 129], ids=["empty", "129 characters"])
def test_a_nonce_has_a_length(nonce: str) -> None:
    """1 to 128 characters: what is remembered is bounded."""
    proved(arrived_acs3({"x-acs-signature-nonce": "n" * 128}))
    with pytest.raises(IncompleteSignature, match="nonce"):
        proved(arrived_acs3({"x-acs-signature-nonce": nonce}))


@pytest.mark.parametrize("name", ["AccessKeyId", "Signature", "SignatureMethod", "SignatureVersion", "Timestamp"])
@pytest.mark.parametrize("how", ["absent", "empty"])
def test_an_rpc_request_lacking_a_part_is_told_which(name: str, how: str) -> None:
    """MissingParameter's fault, with the parameter's name on the wire; an empty one is as good as absent."""
    pairs = [pair for pair in parse_qsl(str(VECTORS[4]["target"])[2:], keep_blank_values=True) if pair[0] != name]
    if how == "empty":
        pairs.append((name, ""))
    with pytest.raises(SignaturePartMissing, match=name):
        proved(arrived(VECTORS[4], target="/?" + "&".join(f"{key}={quote(value)}" for key, value in pairs)))


def test_without_a_nonce_the_signature_takes_its_place() -> None:
    """The oldest Node client sends no SignatureNonce: the very same bytes are still known again."""
    pairs = [("AccessKeyId", "testAK"), ("SignatureMethod", "HMAC-SHA1"), ("SignatureVersion", "1.0")]
    pairs += [("Timestamp", "2026-11-22T18:59:05Z"), ("Signature", "c2lnbmF0dXJl")]
    proof = read_proof(Arrival("GET", ("/", "&".join(f"{key}={quote(value)}" for key, value in pairs)), {}, b"", "::1"))
    assert proof.nonce == "c2lnbmF0dXJl"


# ---------------------------------------------------------------- what a mismatch says


def test_the_first_python_sdk_finds_its_own_string_in_the_text() -> None:
    """aliyun-python-sdk-core 2.16 compares `message.split(':')[1]` with what it signed, and crashes without a colon.

    The string of vector 10 by the rules of RPC 1.0: METHOD & %2F & the encoded canonical query.
    """
    vector = next(v for v in VECTORS if v["id"] == 10)
    pairs = sorted(parse_qsl(vector["target"][2:], keep_blank_values=True))
    canonical = "&".join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in pairs if k != "Signature")
    string_to_sign = f"POST&%2F&{quote(canonical, safe='~')}"
    with pytest.raises(SignatureMismatch) as caught:
        check_signature(read_proof(arrived(vector)), "wrong")
    assert str(caught.value).split(":")[1] == string_to_sign
    assert str(caught.value).endswith(f"server string to sign is:{string_to_sign}")


@every_vector
def test_a_mismatch_has_one_colon_and_no_secret(vector: dict[str, Any]) -> None:
    """Whatever the hint, the only colon stands before the string to sign; nothing made from the secret is told."""
    right = read_proof(arrived(vector)).signature
    headers = {**headers_of(vector), "x-acs-action": "Other:Action", "authorization": headers_of(vector).get("authorization", "")}
    for arrival in (arrived(vector, headers=headers), arrived(vector, target=f"{vector['target']}&a:b=c:d")):
        with pytest.raises(SignatureMismatch) as caught:
            check_signature(read_proof(arrival), "another")
        assert str(caught.value).count(":") == 1
        assert "testSecret" not in str(caught.value)
        assert right not in str(caught.value)


def test_a_mismatch_tells_of_headers_that_differ() -> None:
    """An RPC request whose header and signed parameter name different actions: the mismatch says what to look at."""
    headers = {**headers_of(VECTORS[4]), "x-acs-action": "Decrypt"}
    with pytest.raises(SignatureMismatch, match="the x-acs-action header and the signed Action parameter"):
        check_signature(read_proof(arrived(VECTORS[4], headers=headers)), "wrong")
