"""What tests of access points share: an application's access point and its client key, opened as a client opens it."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import cast

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from keystead.clock import SystemClock
from keystead.gate.arrival import Arrival
from tests.world import Tenant

KEY_USER = "RbacPermission/Template/CryptoServiceKeyUser"
SECRET_USER = "RbacPermission/Template/CryptoServiceSecretUser"
PASSWORD = "Client-Key-1"
MESSAGE_TYPE = "application/x-protobuf"


@dataclass(frozen=True)
class Application:
    """An application with a client key."""

    client_key_id: str
    private_key: RSAPrivateKey

    def headers(self, operation: str, body: bytes, wall: datetime | None = None, **changed: str) -> dict[str, str]:
        """Give the signed headers of a call; `changed` (dashes as underscores) replace or add some before signing."""
        headers = {
            "accept": MESSAGE_TYPE,
            "host": "127.0.0.1:8443",
            "date": format_datetime(wall or SystemClock().read().wall, usegmt=True),
            "x-kms-apiversion": "dkms-gcs-0.2",
            "x-kms-apiname": operation,
            "x-kms-signaturemethod": "RSA_PKCS1_SHA_256",
            "x-kms-acccesskeyid": self.client_key_id,
            "content-type": MESSAGE_TYPE,
            "content-length": str(len(body)),
            "content-sha256": hashlib.sha256(body).hexdigest().upper(),
        } | {name.replace("_", "-"): value for name, value in changed.items()}
        signed = [f"{name}:{headers[name].strip()}\n" for name in sorted(headers) if name.startswith("x-kms-")]
        start = f"POST\n{headers['content-sha256']}\n{headers['content-type']}\n{headers['date']}\n"
        text = start + "".join(signed) + "/"
        signature = base64.b64encode(self.private_key.sign(text.encode(), PKCS1v15(), hashes.SHA256())).decode()
        return {**headers, "authorization": f"Bearer {signature}"}

    def arrival(self, operation: str, body: bytes, source: str = "127.0.0.1", **changed: str) -> Arrival:
        """Give a call as it arrives."""
        return Arrival("POST", ("/", ""), self.headers(operation, body, None, **changed), body, source)


def opened(answer: dict[str, str], password: str = PASSWORD) -> Application:
    """Open what CreateClientKey answered as a client opens its file; ValueError for a wrong password."""
    found = load_pkcs12(base64.b64decode(answer["PrivateKeyData"]), password.encode())
    return Application(answer["ClientKeyId"], cast("RSAPrivateKey", found.key))


def policy(tenant: Tenant, name: str, instance_id: str, resources: list[str], **further: object) -> None:
    """Make a permission policy for both kinds of resources."""
    permissions = json.dumps([KEY_USER, SECRET_USER])
    asked = {"KmsInstance": instance_id, "Permissions": permissions, "Resources": json.dumps(resources), **further}
    reply = tenant.kms("CreatePolicy", Name=name, **asked)
    assert reply.status == 200, reply.body


def application(tenant: Tenant, name: str, *policies: str, **further: object) -> Application:
    """Make an access point with these policies, and a client key of it."""
    reply = tenant.kms("CreateApplicationAccessPoint", Name=name, Policies=json.dumps(list(policies)))
    assert reply.status == 200, reply.body
    made = tenant.kms("CreateClientKey", AapName=name, Password=PASSWORD, **further)
    assert made.status == 200, made.body
    return opened(made.body)
