"""A small signed client of the API (ACS3-HMAC-SHA256, as the current Python SDK sends it), standard library only."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import secrets
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import quote

KMS: Final = "2016-01-20"
BSS: Final = "2017-12-14"
_EMPTY_SHA256: Final = hashlib.sha256(b"").hexdigest()
# Header for header what alibabacloud-kms20160120 3.3.1 sends (captured 2026-11-22).
_AGENT: Final = "AlibabaCloud (Linux; x86_64) Python/3.11.7 Core/0.4.3 TeaDSL/2"
_SIGNED: Final = (
    "accept;host;user-agent;x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;x-acs-date;x-acs-signature-nonce;"
    "x-acs-version"
)


class Credentials(NamedTuple):
    """An access key."""

    access_key_id: str
    secret: str


class CallFailed(Exception):
    """The server refused a call of the preparation."""


def now() -> str:
    """Give this second, as the signature wants it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def query_of(parameters: dict[str, str]) -> str:
    """The canonical query, which is also sent."""
    return "&".join(f"{quote(name, safe='-_.~')}={quote(parameters[name], safe='-_.~')}" for name in sorted(parameters))


def signed(credentials: Credentials, host: str, api: tuple[str, str], query: str, date: str) -> bytes:
    """The bytes of one POST with a nonce of its own; `api` is (version, action). Equal inputs give equal lengths."""
    version, action = api
    nonce = secrets.token_hex(16)
    lines = (
        f"accept:application/json\nhost:{host}\nuser-agent:{_AGENT}\nx-acs-action:{action}\n"
        f"x-acs-content-sha256:{_EMPTY_SHA256}\nx-acs-credentials-provider:static_ak\nx-acs-date:{date}\n"
        f"x-acs-signature-nonce:{nonce}\nx-acs-version:{version}\n"
    )
    canonical = f"POST\n/\n{query}\n{lines}\n{_SIGNED}\n{_EMPTY_SHA256}"
    to_sign = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(credentials.secret.encode(), to_sign.encode(), "sha256").hex()
    return (
        f"POST /?{query} HTTP/1.1\r\nAccept-Encoding: identity\r\nhost: {host}\r\nx-acs-version: {version}\r\n"
        f"x-acs-action: {action}\r\nuser-agent: {_AGENT}\r\nx-acs-date: {date}\r\nx-acs-signature-nonce: {nonce}\r\n"
        f"accept: application/json\r\nx-acs-content-sha256: {_EMPTY_SHA256}\r\nx-acs-credentials-provider: static_ak\r\n"
        f"Authorization: ACS3-HMAC-SHA256 Credential={credentials.access_key_id},SignedHeaders={_SIGNED},"
        f"Signature={signature}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


class Client:
    """Calls one server; CallFailed for whatever is not a success."""

    def __init__(self, credentials: Credentials, host: str) -> None:
        """Talk to `host` ("127.0.0.1:8080")."""
        self.credentials = credentials
        self.host = host

    def call(self, version: str, action: str, **parameters: str) -> dict[str, Any]:
        """Run one action; dots in parameter names are written as `__`."""
        flat = {name.replace("__", "."): value for name, value in parameters.items()}
        raw = signed(self.credentials, self.host, (version, action), query_of(flat), now())
        line, *headers = raw.decode().split("\r\n\r\n", maxsplit=1)[0].split("\r\n")
        connection = http.client.HTTPConnection(self.host, timeout=60)
        connection.putrequest("POST", line.split(" ")[1], skip_host=True, skip_accept_encoding=True)
        for header in headers:
            name, _, value = header.partition(": ")
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        body = json.loads(response.read())
        connection.close()
        if response.status != 200 or body.get("Success") is False:
            message = f"{action}: {response.status} {body}"
            raise CallFailed(message)
        return dict(body)
