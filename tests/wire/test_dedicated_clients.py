"""The dedicated gateway before its official clients, unmodified, over HTTPS by the chain that GetKmsInstance gives."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import messages
from tests.access import PASSWORD, Application, opened
from tests.wire.rawclient import RawClient
from tests.wire.server import Server
from tests.wire.test_bad_input import connected_instance

ROOT = Path(__file__).parents[2]
TEMPLATES = '["RbacPermission/Template/CryptoServiceKeyUser","RbacPermission/Template/CryptoServiceSecretUser"]'


class Stage:
    """A server with an application that may use the keys of one of two instances."""

    def __init__(self, folder: Path) -> None:
        """Set it."""
        self.server = Server(folder / "var", "--config", str(_settings(folder)))
        key_id, secret = self.server.account("shop")
        self.tenant = RawClient(self.server.http, key_id, secret)
        self.instance_id = connected_instance(self.tenant)
        other = connected_instance(self.tenant)
        self.keys = {"aes": self.key("Aliyun_AES_256"), "foreign": self.key("Aliyun_AES_256", instance_id=other)}
        for name, spec, usage in (
            ("ec", "EC_P256", "SIGN/VERIFY"),
            ("rsa", "RSA_2048", "SIGN/VERIFY"),
            ("seal", "RSA_2048", "ENCRYPT/DECRYPT"),
        ):
            self.keys[name] = self.key(spec, usage)
            versions = self.good("ListKeyVersions", KeyId=self.keys[name])["KeyVersions"]["KeyVersion"]
            self.keys[f"{name}_version"] = versions[0]["KeyVersionId"]
        asked = {"Permissions": TEMPLATES, "Resources": '["key/*","secret/*"]'}
        self.good("CreatePolicy", Name="all", KmsInstance=self.instance_id, **asked)
        self.good("CreateApplicationAccessPoint", Name="shop", Policies='["all"]')
        self.made = self.good("CreateClientKey", AapName="shop", Password=PASSWORD)
        self.chain = folder / "PrivateKmsCA.pem"
        shown = self.good("GetKmsInstance", KmsInstanceId=self.instance_id)["KmsInstance"]
        self.chain.write_text(shown["CaCertificateChainPem"])
        self.asked = {
            "tls": self.server.tls,
            "http": self.server.http,
            "ca": str(self.chain),
            "client_key": json.dumps({"KeyId": self.made["ClientKeyId"], "PrivateKeyData": self.made["PrivateKeyData"]}),
            "password": PASSWORD,
            "access_key_id": key_id,
            "secret": secret,
            "keys": self.keys,
        }

    @property
    def application(self) -> Application:
        """The client key, opened."""
        return opened(self.made)

    @property
    def host(self) -> str:
        """The instance's own address."""
        return f"{self.instance_id}.cryptoservice.kms.vault.example"

    def good(self, action: str, **flat: str) -> dict[str, Any]:
        """Call a KMS action that must succeed."""
        reply = self.tenant.kms(action, flat)
        assert reply.status == 200, reply.body
        return reply.body

    def key(self, spec: str, usage: str = "", instance_id: str = "") -> str:
        """Make a key."""
        asked = {"DKMSInstanceId": instance_id or self.instance_id, "KeySpec": spec, "KeyUsage": usage}
        return str(self.good("CreateKey", **asked)["KeyMetadata"]["KeyId"])

    def run(self, **further: object) -> dict[str, Any]:
        """Run the clients' program; gives what it told."""
        python = ROOT / ".venv-clients" / "dkms" / "bin" / "python"
        program = Path(__file__).parent / "clients" / "dedicated.py"
        asked = json.dumps(self.asked | further)
        done = subprocess.run([python, program], input=asked, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return told

    def send(self, operation: str, body: bytes, **changed: str) -> tuple[int, dict[str, str], dict[str, Any]]:
        """Send a signed message over TLS to the instance's own name; gives status, headers and the message."""
        connection = _Named(self.server.tls, self.host, self.chain)
        connection.request("POST", "/", body=body, headers=self.application.headers(operation, body, None, **changed))
        answer = connection.getresponse()
        raw = answer.read()
        connection.close()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, found, messages.answer(operation, raw) if answer.status == 200 else messages.error(raw)


class _Named(http.client.HTTPSConnection):
    """A connection to an address by another name, as by a private zone: SNI and certificate are of the name."""

    def __init__(self, address: str, name: str, chain: Path) -> None:
        self._trusting = ssl.create_default_context(cafile=chain)
        super().__init__(address, timeout=20, context=self._trusting)
        self._name = name

    def connect(self) -> None:
        """Connect, and insist on a certificate of the name."""
        plain = socket.create_connection((self.host, self.port), 20)
        self.sock = self._trusting.wrap_socket(plain, server_hostname=self._name)


def _settings(folder: Path) -> Path:
    path = folder / "settings.toml"
    path.write_text('instance_domain = "vault.example"\n')
    return path


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One server for all; afterwards nothing failed inside, and no log or journal has what was secret."""
    made = Stage(tmp_path_factory.mktemp("dedicated"))
    yield made
    assert made.server.stop() == 0
    log = made.server.log_text()
    assert "InternalFailure" not in log
    assert "Traceback" not in log
    for secret in (PASSWORD, made.made["PrivateKeyData"], "canary-7f3e"):
        assert secret not in log
        assert secret.encode() not in b"".join(path.read_bytes() for path in made.server.data.rglob("*") if path.is_file())


CODES = {
    "wrong aad": "InvalidParameter",
    "GetSecretValue": "Forbidden.ResourceNotFound",
    "absent key": "Forbidden.KeyNotFound",
    "foreign key": "Forbidden.NoPermission",
}


def test_every_operation_by_the_official_clients(stage: Stage) -> None:
    """The instance SDK's fifteen, and what both transfer clients make of the JSON API's; each opens what the others sealed."""
    told = stage.run()
    version = stage.good("DescribeKey", KeyId=stage.keys["aes"])["KeyMetadata"]["PrimaryKeyVersion"]
    instance = told["instance SDK"]
    assert instance.pop("version_header") == version
    assert instance.pop("wrong password") not in {"not refused", ""}
    counts = {"instance SDK": 17, "dkms-transfer": 12, "kms-python-sdk": 5, "kms-python-sdk, low version": 5}
    for client, count in counts.items():
        assert len(told[client]) == count, told[client]
        for what, found in told[client].items():
            assert found == CODES.get(what, True), (client, what)


def test_the_instances_own_name(stage: Stage) -> None:
    """TLS by SNI with the certificate of the name; its keys only; the JSON API there too, as far as it uses keys."""
    body = messages.request("Encrypt", KeyId=stage.keys["aes"], Plaintext=b"canary-7f3e")
    status, headers, made = stage.send("Encrypt", body, host=stage.host)
    assert (status, len(made["Iv"])) == (200, 12)
    assert headers["content-type"] == "application/x-protobuf"
    foreign = messages.request("Encrypt", KeyId=stage.keys["foreign"], Plaintext=b"x")
    assert stage.send("Encrypt", foreign, host=stage.host)[2]["ErrorCode"] == "Forbidden.NoPermission"
    elsewhere = "kst-soz00000000aaaaaaaaaa.cryptoservice.kms.vault.example"
    assert stage.send("Encrypt", body, host=elsewhere)[2]["ErrorCode"] == "Forbidden.NoPermission"
    flat = {"KeyId": stage.keys["aes"], "Plaintext": "aGVsbG8="}
    assert stage.tenant.call("2016-01-20", "Encrypt", flat, host=stage.host).status == 200
    for action, asked, code in (
        ("Encrypt", {**flat, "KeyId": stage.keys["foreign"]}, "Forbidden.NoPermission"),
        ("ListKeys", {}, "UnsupportedOperation"),
        ("DescribeKey", {"KeyId": stage.keys["aes"]}, "UnsupportedOperation"),
    ):
        assert stage.tenant.call("2016-01-20", action, asked, host=stage.host).code == code
    assert stage.tenant.call("2016-01-20", "Encrypt", flat, host=elsewhere).code == "Forbidden.DKMSInstanceNotFound"


def test_too_large_a_body(stage: Stage) -> None:
    """3.1 MB: 413, as a message."""
    status, _, error = stage.send("Encrypt", b"\x00" * 3_100_000)
    assert (status, error["StatusCode"]) == (413, 413)


def test_a_deleted_client_key(stage: Stage) -> None:
    """Refused from the next call on, by the code that the transfer clients translate."""
    spare = stage.good("CreateClientKey", AapName="shop", Password=PASSWORD)
    content = json.dumps({"KeyId": spare["ClientKeyId"], "PrivateKeyData": spare["PrivateKeyData"]})
    stage.good("DeleteClientKey", ClientKeyId=spare["ClientKeyId"])
    assert stage.run(deleted=True, client_key=content)["deleted"] == "Unauthorized"
