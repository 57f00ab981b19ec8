"""A signed client of the standard library only, for tests that must send what no SDK would."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode


@dataclass(frozen=True)
class RawReply:
    """Status, headers and JSON body."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def code(self) -> str:
        """The error code; empty for a KMS success."""
        return str(self.body.get("Code", ""))


class RawClient:
    """Signs with ACS3, one connection a call."""

    def __init__(self, endpoint: str, access_key_id: str, secret: str) -> None:
        """`endpoint` is host:port of the plain listener."""
        self.endpoint = endpoint
        self.access_key_id = access_key_id
        self.secret = secret

    def kms(self, action: str, flat: dict[str, str]) -> RawReply:
        """Call a KMS action."""
        return self.call("2016-01-20", action, flat)

    def bss(self, action: str, flat: dict[str, str]) -> RawReply:
        """Call a billing action."""
        return self.call("2017-12-14", action, flat)

    def call(self, version: str, action: str, flat: dict[str, str], **changed: str) -> RawReply:
        """Sign and send; `changed` header values (dashes as underscores) replace signed ones before signing."""
        return self.send(flat, self.headers(version, action, flat, **changed))

    def headers(self, version: str, action: str, flat: dict[str, str], **changed: str) -> dict[str, str]:
        """Give the signed headers of a call."""
        headers = {
            "host": self.endpoint,
            "x-acs-action": action,
            "x-acs-version": version,
            "x-acs-date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": uuid.uuid4().hex,
            "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
        } | {name.replace("_", "-"): value for name, value in changed.items()}
        names = sorted(headers)
        lines = "".join(f"{name}:{headers[name]}\n" for name in names)
        query = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in sorted(flat.items()))
        canonical = f"POST\n/\n{query}\n{lines}\n{';'.join(names)}\n{headers['x-acs-content-sha256']}"
        to_sign = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.new(self.secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
        headers["authorization"] = (
            f"ACS3-HMAC-SHA256 Credential={self.access_key_id},SignedHeaders={';'.join(names)},Signature={signature}"
        )
        return headers

    def send(self, flat: dict[str, str], headers: dict[str, str], body: bytes = b"", method: str = "POST") -> RawReply:
        """Send as given."""
        connection = http.client.HTTPConnection(self.endpoint, timeout=20)
        try:
            connection.request(method, f"/?{urlencode(flat)}", body=body, headers=headers)
            answer = connection.getresponse()
            raw = answer.read()
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return RawReply(answer.status, found, json.loads(raw) if raw else {})
