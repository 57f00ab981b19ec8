"""Bad input against a real server: each a documented code and status, never a 500, nothing changed, no secret told."""

from __future__ import annotations

import base64
import socket
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from tests.wire.rawclient import RawClient, RawReply
from tests.wire.server import Server

CANARY = base64.b64encode(b"canary-plaintext-7f3e").decode()

ASKED = {"KeyId": "KEY", "KeyVersionId": "key-none", "Algorithm": "ECDSA_SHA_256"}
IMPORTED = {"KeyId": "KEY", "WrappingKeySpec": "RSA_2048", "WrappingAlgorithm": "RSAES_OAEP_SHA_256"}
PARCEL = {"KeyId": "KEY", "EncryptedKeyMaterial": "AA==", "ImportToken": "AA==", "KeyMaterialExpireUnix": "0"}
EXPORTED = {"PublicKeyBlob": "AA==", "WrappingKeySpec": "RSA_2048", "WrappingAlgorithm": "RSAES_OAEP_SHA_256"}


class Stage(NamedTuple):
    """A server with two tenants, each with a connected instance and a key."""

    server: Server
    one: RawClient
    other: RawClient
    instance_id: str
    key_id: str
    blob: str
    other_blob: str


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Set the stage once; afterwards no request failed inside and the log holds no plaintext and no secret."""
    server = Server(tmp_path_factory.mktemp("bad") / "var")
    made = []
    for name in ("one", "other"):
        client = RawClient(server.http, *server.account(name))
        instance_id = connected_instance(client)
        key_id = client.kms("CreateKey", {"DKMSInstanceId": instance_id}).body["KeyMetadata"]["KeyId"]
        sealed = client.kms("Encrypt", {"KeyId": key_id, "Plaintext": CANARY, "EncryptionContext": '{"a":"b"}'}).body
        made.append((client, instance_id, key_id, sealed["CiphertextBlob"]))
    (one, instance_id, key_id, blob), (other, _, _, other_blob) = made
    yield Stage(server, one, other, instance_id, key_id, blob, other_blob)
    assert server.stop() == 0
    log = server.log_text()
    assert "InternalFailure" not in log
    assert "Traceback" not in log
    for secret in (CANARY, one.secret, other.secret):
        assert secret not in log
        journals = b"".join(path.read_bytes() for path in server.data.rglob("*") if path.is_file())
        assert secret.encode() not in journals


def connected_instance(client: RawClient) -> str:
    """Buy an instance, enable it in two zones, and wait until it is."""
    flat = {"ProductCode": "kms", "SubscriptionType": "Subscription", "Period": "1"}
    for number, (code, value) in enumerate({"Region": "ap-southeast-1", "ProductVersion": "3"}.items(), 1):
        flat[f"Parameter.{number}.Code"], flat[f"Parameter.{number}.Value"] = code, value
    instance_id: str = client.bss("CreateInstance", flat).body["Data"]["InstanceId"]
    zones = {"ZoneIds": "ap-southeast-1a,ap-southeast-1b", "VpcId": "vpc-1", "VSwitchIds": "vsw-1", "KMProvider": "Aliyun"}
    assert client.kms("ConnectKmsInstance", {"KmsInstanceId": instance_id, **zones}).status == 200
    while client.kms("GetKmsInstance", {"KmsInstanceId": instance_id}).body["KmsInstance"]["Status"] != "Connected":
        pass
    return instance_id


def _refused(reply: RawReply, status: int, code: str) -> None:
    assert (reply.status, reply.code) == (status, code), reply.body
    assert reply.body["Message"]
    assert reply.body["RequestId"] == reply.headers["x-acs-request-id"]


def test_unknown_names(stage: Stage) -> None:
    """Unknown action and version."""
    _refused(stage.one.kms("Encipher", {}), 404, "InvalidAction.NotFound")
    _refused(stage.one.call("2016-01-21", "Encrypt", {}), 400, "InvalidVersion")


@pytest.mark.parametrize(
    ("action", "flat", "status", "code", "named"),
    [
        ("Encrypt", {"Plaintext": CANARY}, 400, "MissingParameter", "KeyId"),
        ("Encrypt", {"KeyId": "KEY"}, 400, "MissingParameter", "Plaintext"),
        ("Encrypt", {"KeyId": "KEY", "Plaintext": ""}, 400, "MissingParameter", "Plaintext"),
        ("Encrypt", {"KeyId": "KEY", "Plaintext": "not base64!"}, 400, "InvalidParameter", "Plaintext"),
        ("Encrypt", {"KeyId": "KEY", "Plaintext": base64.b64encode(b"x" * 7168).decode()}, 400, "InvalidParameter", "Plaintext"),
        ("Encrypt", {"KeyId": "KEY", "Plaintext": "AA==", "EncryptionContext": "[1]"}, 400, "InvalidParameter", "Context"),
        ("Encrypt", {"KeyId": "key-none", "Plaintext": CANARY}, 404, "Forbidden.KeyNotFound", ""),
        ("GenerateDataKey", {"KeyId": "KEY", "NumberOfBytes": "0"}, 400, "InvalidParameter", "NumberOfBytes"),
        ("GenerateDataKey", {"KeyId": "KEY", "NumberOfBytes": "1025"}, 400, "InvalidParameter", "NumberOfBytes"),
        ("GenerateDataKey", {"KeyId": "KEY", "NumberOfBytes": "ten"}, 400, "InvalidParameter", "NumberOfBytes"),
        ("GenerateDataKey", {"KeyId": "KEY", "KeySpec": "AES_257"}, 400, "InvalidParameter", "KeySpec"),
        ("CreateKey", {"DKMSInstanceId": "KST", "KeySpec": "Aliyun_AES_257"}, 400, "InvalidParameter", "KeySpec"),
        ("CreateKey", {"DKMSInstanceId": "kst-none"}, 404, "Forbidden.DKMSInstanceNotFound", ""),
        ("AsymmetricSign", {"KeyId": "KEY", "KeyVersionId": "x", "Digest": "AA=="}, 400, "MissingParameter", "Algorithm"),
        ("AsymmetricVerify", ASKED | {"Digest": "AA==", "Value": "!"}, 400, "InvalidParameter", "Value"),
        ("AsymmetricSign", ASKED | {"Digest": "AAA"}, 400, "InvalidParameter", "Digest"),
        ("AsymmetricSign", ASKED | {"Digest": "AA=="}, 404, "Forbidden.KeyNotFound", ""),
        ("AsymmetricDecrypt", ASKED | {"CiphertextBlob": "AA==", "Recipient": "x"}, 400, "UnsupportedOperation", "Recipient"),
        ("AsymmetricEncrypt", ASKED | {"Plaintext": "A" * 9000}, 400, "InvalidParameter", "Plaintext"),
        ("GetPublicKey", {"KeyId": "KEY", "KeyVersionId": "../ключ"}, 404, "Forbidden.KeyNotFound", ""),
        ("GenerateMac", {"KeyId": "KEY", "Algorithm": "HMAC_SM3", "Message": "AA=="}, 400, "UnsupportedOperation", ""),
        ("GenerateMac", {"KeyId": "KEY", "Algorithm": "HMAC_SM3", "Message": "A" * 8200}, 400, "InvalidParameter", "Message"),
        ("VerifyMac", {"KeyId": "KEY", "Algorithm": "x", "Message": "AA==", "Mac": "é"}, 400, "InvalidParameter", "Mac"),
        ("ExportDataKey", EXPORTED | {"CiphertextBlob": "AA=="}, 400, "InvalidParameter", "PublicKeyBlob"),
        ("GenerateAndExportDataKey", EXPORTED | {"KeyId": "KEY"}, 400, "InvalidParameter", "PublicKeyBlob"),
        ("GetParametersForImport", {"KeyId": "KEY", "WrappingKeySpec": "RSA_2048"}, 400, "MissingParameter", "Algorithm"),
        ("GetParametersForImport", IMPORTED, 400, "Unsupported.Origin", "EXTERNAL"),
        ("ImportKeyMaterial", PARCEL | {"EncryptedKeyMaterial": "A" * 1400}, 400, "InvalidParameter", "EncryptedKeyMaterial"),
        ("ImportKeyMaterial", PARCEL | {"ImportToken": "A" * 5464}, 400, "InvalidParameter", "ImportToken"),
        ("ImportKeyMaterial", PARCEL | {"KeyMaterialExpireUnix": "1"}, 400, "InvalidParameter", "KeyMaterialExpireUnix"),
        ("ImportKeyMaterial", PARCEL | {"KeyMaterialExpireUnix": "soon"}, 400, "InvalidParameter", "KeyMaterialExpireUnix"),
        ("ImportKeyMaterial", PARCEL, 400, "Unsupported.Origin", "EXTERNAL"),
        ("DeleteKeyMaterial", {"KeyId": "alias/x"}, 400, "Unsupported.Alias", ""),
        ("DeleteKeyMaterial", {"KeyId": "key-none"}, 404, "Forbidden.KeyNotFound", ""),
        ("CreateKey", {"DKMSInstanceId": "KST", "KeySpec": "EC_P384"}, 400, "UnsupportedOperation", "EC_P384"),
        (
            "CreateKey",
            {"DKMSInstanceId": "KST", "KeySpec": "RSA_2048", "Origin": "EXTERNAL"},
            400,
            "UnsupportedOperation",
            "EXTERNAL",
        ),
        ("CreateKey", {"DKMSInstanceId": "KST", "KeySpec": "rsa_2048"}, 400, "InvalidParameter", "KeySpec"),
        (
            "CreateKey",
            {"DKMSInstanceId": "KST", "KeySpec": "EC_P256", "KeyUsage": "ENCRYPT/DECRYPT"},
            400,
            "InvalidParameter",
            "Usage",
        ),
        ("CreateKey", {"RegionId": "moon-1"}, 400, "InvalidParameter", "RegionId"),
        ("CreateKey", {"KeySpec": "RSA_2048"}, 400, "UnsupportedOperation", "RSA_2048"),
        ("CreateKey", {"EnableAutomaticRotation": "true", "RotationInterval": "365d"}, 400, "UnsupportedOperation", "rotation"),
        ("CreateAlias", {"KeyId": "KEY", "AliasName": "alias/acs/oss"}, 400, "InvalidParameter", "AliasName"),
        ("ListKeys", {"PageSize": "101"}, 400, "InvalidParameter", "PageSize"),
        ("ListKeys", {"PageNumber": "0"}, 400, "InvalidParameter", "PageNumber"),
        ("ListKeys", {"Filters": "{"}, 400, "InvalidParameter", "Filters"),
    ],
)
def test_kms_parameters(stage: Stage, action: str, flat: dict[str, str], status: int, code: str, named: str) -> None:
    """Missing, malformed and out-of-set values name the parameter."""
    values = {name: {"KEY": stage.key_id, "KST": stage.instance_id}.get(value, value) for name, value in flat.items()}
    before = stage.one.kms("ListKeys", {}).body["TotalCount"]
    reply = stage.one.kms(action, values)
    _refused(reply, status, code)
    assert named in reply.body["Message"]
    assert CANARY not in reply.body["Message"]
    assert stage.one.kms("ListKeys", {}).body["TotalCount"] == before


def test_ciphertext(stage: Stage) -> None:
    """Truncated, tampered, foreign, under the wrong context or without it: refused; the right one still opens."""
    raw = base64.b64decode(stage.blob)
    context = {"EncryptionContext": '{"a":"b"}'}
    good = stage.one.kms("Decrypt", {"CiphertextBlob": stage.blob, **context})
    assert good.body["Plaintext"] == CANARY
    for bad in ("!", "AAAA", base64.b64encode(raw[:60]).decode(), base64.b64encode(raw[:-1]).decode()):
        _refused(stage.one.kms("Decrypt", {"CiphertextBlob": bad, **context}), 400, "InvalidParameter")
    flipped = base64.b64encode(raw[:-1] + bytes([raw[-1] ^ 1])).decode()
    _refused(stage.one.kms("Decrypt", {"CiphertextBlob": flipped, **context}), 400, "InvalidParameter")
    for wrong in ('{"a":"c"}', '{"b":"a"}', ""):
        flat = {"CiphertextBlob": stage.blob, "EncryptionContext": wrong}
        _refused(stage.one.kms("Decrypt", flat), 400, "InvalidParameter")
    absent = base64.b64encode(b"key-xxz00000000aaaaaaaaaa-bbbbbbbbbb" + raw[36:]).decode()
    foreign = stage.one.kms("Decrypt", {"CiphertextBlob": stage.other_blob, **context})
    missing = stage.one.kms("Decrypt", {"CiphertextBlob": absent, **context})
    _refused(foreign, 404, "Forbidden.KeyNotFound")
    _refused(missing, 404, "Forbidden.KeyNotFound")
    assert foreign.body["Message"] == missing.body["Message"]


@pytest.mark.parametrize(
    ("codes", "period", "code", "named"),
    [
        ({"KeyNum": "1005"}, "1", "InvalidParameter", "KeyNum"),
        ({"KeyNum": "100010"}, "1", "InvalidParameter", "KeyNum"),
        ({"SecretNum": "150"}, "1", "InvalidParameter", "SecretNum"),
        ({"VpcNum": "0"}, "1", "InvalidParameter", "VpcNum"),
        ({"Spec": "3000"}, "1", "InvalidParameter", "Spec"),
        ({"Log": "0", "LogStorage": "1000"}, "1", "InvalidParameter", "LogStorage"),
        ({"Keys": "1000"}, "1", "InvalidModuleCode", "Keys"),
        ({"KeyNum": "1000"}, "13", "InvalidParameter", "Period"),
        ({"KeyNum": "1000"}, "0", "InvalidParameter", "Period"),
        ({"KeyNum": "100000", "Spec": "4000"}, "1", "PAY.INSUFFICIENT_BALANCE", ""),
        ({"ProductVersion": "5"}, "1", "InvalidParameter", "ProductVersion"),
        ({"Region": "moon-1"}, "1", "InvalidParameter", "Region"),
    ],
)
def test_purchase(stage: Stage, codes: dict[str, str], period: str, code: str, named: str) -> None:
    """What cannot be bought is refused, naming the code, and no money moves."""
    before = stage.one.bss("QueryAccountBalance", {}).body["Data"]["AvailableAmount"]
    flat = {"ProductCode": "kms", "SubscriptionType": "Subscription", "Period": period}
    modules = {"Region": "ap-southeast-1", "ProductVersion": "3"} | codes
    for number, (name, value) in enumerate(modules.items(), 1):
        flat[f"Parameter.{number}.Code"], flat[f"Parameter.{number}.Value"] = name, value
    reply = stage.one.bss("CreateInstance", flat)
    assert reply.code == code, reply.body
    assert reply.body["Success"] is False
    assert named in reply.body["Message"]
    assert reply.status in {200, 400}
    assert stage.one.bss("QueryAccountBalance", {}).body["Data"]["AvailableAmount"] == before
    assert stage.one.kms("ListKmsInstances", {}).body["TotalCount"] == 1


def test_never_not_applicable(stage: Stage) -> None:
    """A product nobody sells here is an empty list or a refusal, never the code that sends clients to the public cloud."""
    listed = stage.one.bss("QueryAvailableInstances", {"ProductCode": "cfw", "ProductType": "cfw_pre_intl"})
    assert listed.body["Data"]["InstanceList"] == []
    for action, flat in (
        ("CreateInstance", {"ProductCode": "cfw", "SubscriptionType": "Subscription", "Period": "1"}),
        ("RenewInstance", {"ProductCode": "cfw", "InstanceId": "x", "RenewPeriod": "1"}),
        ("DescribePricingModule", {"ProductCode": "cfw", "SubscriptionType": "Subscription"}),
    ):
        reply = stage.one.bss(action, flat)
        assert reply.code not in {"NotApplicable", "Success", "200"}, action


@pytest.mark.parametrize(
    ("flat", "named"),
    [
        ({"EffectiveOrNot": "perhaps"}, "EffectiveOrNot"),
        ({"ExpiryTimeStart": "2026-01-01"}, "ExpiryTimeStart"),
        ({"ExpiryTimeEnd": "never"}, "ExpiryTimeEnd"),
        ({"ExpiryTimeStart": "2026-01-02T00:00:00Z", "ExpiryTimeEnd": "2026-01-01T00:00:00Z"}, "ExpiryTimeStart"),
    ],
)
def test_coupons(stage: Stage, flat: dict[str, str], named: str) -> None:
    """Malformed values and a span that ends before it begins name the parameter."""
    reply = stage.one.bss("QueryCashCoupons", flat)
    _refused(reply, 400, "InvalidParameter")
    assert named in reply.body["Message"]


def test_access_keys(stage: Stage) -> None:
    """Unknown and disabled keys; a wrong secret."""
    unknown = RawClient(stage.server.http, "LTAI5tUnknownUnknownUnkn", "x" * 30)
    _refused(unknown.kms("ListKeys", {}), 404, "InvalidAccessKeyId.NotFound")
    wrong = RawClient(stage.server.http, stage.one.access_key_id, "x" * 30)
    reply = wrong.kms("ListKeys", {})
    _refused(reply, 400, "SignatureDoesNotMatch")
    assert "server string to sign is:" in reply.body["Message"]
    assert stage.one.secret not in str(reply.body)
    client = RawClient(stage.server.http, *stage.server.account("disabled"))
    assert client.kms("ListKeys", {}).status == 200
    stage.server.operator("admin", "access-key", "disable", client.access_key_id)
    _refused(client.kms("ListKeys", {}), 403, "Forbidden.AccessKey")


def test_dates_and_replay(stage: Stage) -> None:
    """Dates 16 minutes off or of another form; the same signed request twice, reading and writing."""
    for minutes in (-16, 16):
        date = (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
        reply = stage.one.call("2016-01-20", "ListKeys", {}, x_acs_date=date)
        _refused(reply, 400, "InvalidTimeStamp.Expired")
    _refused(stage.one.call("2016-01-20", "ListKeys", {}, x_acs_date="yesterday"), 400, "InvalidTimeStamp.Format")
    for action, flat in (
        ("ListKeys", {}),
        ("Encrypt", {"KeyId": stage.key_id, "Plaintext": CANARY}),
        ("CreateKey", {"DKMSInstanceId": stage.instance_id}),
    ):
        headers = stage.one.headers("2016-01-20", action, flat)
        assert stage.one.send(flat, headers).status == 200
        _refused(stage.one.send(flat, headers), 400, "SignatureNonceUsed")


def test_refused_write_is_no_coupon(stage: Stage) -> None:
    """A captured purchase that failed for want of money stays refused after the money is there."""
    client = RawClient(stage.server.http, *stage.server.account("poor", "1.00"))
    flat = {"ProductCode": "kms", "SubscriptionType": "Subscription", "Period": "1"}
    for number, (code, value) in enumerate({"Region": "ap-southeast-1", "ProductVersion": "3"}.items(), 1):
        flat[f"Parameter.{number}.Code"], flat[f"Parameter.{number}.Value"] = code, value
    headers = client.headers("2017-12-14", "CreateInstance", flat)
    assert client.send(flat, headers).code == "PAY.INSUFFICIENT_BALANCE"
    stage.server.operator("admin", "account", "credit", "poor", "1000.00")
    assert client.send(flat, headers).code == "SignatureNonceUsed"


def test_bodies_and_lines(stage: Stage) -> None:
    """A 10 MB body is 413; a 60 kB request line passes; a 70 kB one is 414."""
    headers = stage.one.headers("2016-01-20", "ListKeys", {})
    try:
        reply = stage.one.send({}, headers, body=b"x" * 10_000_000)
        assert (reply.status, reply.code) == (413, "RequestEntityTooLarge")
    except ConnectionError:
        pass  # the server may close while the body is still being sent; it must still serve
    assert stage.one.kms("ListKeys", {"Junk": "x" * 60_000}).status == 200
    assert stage.one.kms("ListKeys", {"Junk": "x" * 70_000}).status == 414


def test_garbage_on_the_socket(stage: Stage) -> None:
    """Bytes that are not HTTP end in 400 or a closed connection, and the server goes on."""
    host, _, port = stage.server.http.partition(":")
    for garbage in (b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n", uuid.uuid4().bytes * 10 + b"\r\n\r\n"):
        with socket.create_connection((host, int(port)), timeout=5) as raw:
            raw.sendall(garbage)
            try:
                answer = raw.recv(1000)
            except ConnectionResetError:
                answer = b""
        assert answer == b"" or b" 400 " in answer or b" 505 " in answer
    assert stage.one.kms("ListKeys", {}).status == 200


def test_parameter_twice_and_unicode(stage: Stage) -> None:
    """A name given twice is refused; bytes that are no UTF-8 and strange keys are refused, not failed on."""
    for key in ("ключ", "../../etc/passwd", "key-\x00", "a" * 300, "acs:kms:ap-southeast-1:1:key/x", "alias/none"):
        reply = stage.one.kms("Encrypt", {"KeyId": key, "Plaintext": CANARY})
        assert reply.status in {400, 404}, (key, reply.body)
        assert reply.code
