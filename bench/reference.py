"""The bare reference: what one Encrypt costs with nothing around it.

The same HTTP server, the check of an ACS3 signature, AES-256-GCM, JSON, and the same group commit of one record before the
answer. No parameters bound, no nonce, no standing, no quota, no faults told apart. It is the limit the product is measured
against, in the same run on the same core:

    reference.py PORT FOLDER
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import os
import secrets
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, quote

import uvloop
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from granian.constants import Interfaces
from granian.server.embed import Server

from keystead.access_log.journal import Journal
from keystead.access_log.model import Record

ACCESS_KEY_ID: Final = "LTAI5treferencereference"
SECRET: Final = "referencereferencereferencere1"  # noqa: S105 - known to the load generator, guards nothing
VERSION_ID: Final = "key-southz0000000000000000-reference"[:36]


class Reference:
    """The handler."""

    def __init__(self, folder: Path) -> None:
        """Make a key and a journal."""
        self.cipher = AESGCM(AESGCM.generate_key(256))
        self.journal = Journal(folder, f"reference-{os.getpid()}")

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        """Answer one Encrypt."""
        if scope.path == "/readyz":
            proto.response_str(200, [], "ok\n")
            return
        headers = dict(scope.headers.items())
        pairs = parse_qsl(scope.query_string, keep_blank_values=True)
        if not self._genuine(scope, headers, pairs):
            proto.response_str(400, [], "{}")
            return
        iv = secrets.token_bytes(12)
        sealed = self.cipher.encrypt(iv, dict(pairs)["Plaintext"].encode(), None)
        blob = base64.b64encode(VERSION_ID.encode() + iv + sealed).decode()
        request_id = str(uuid.uuid4()).upper()
        body = {"CiphertextBlob": blob, "KeyId": VERSION_ID[:25], "KeyVersionId": VERSION_ID, "RequestId": request_id}
        record = Record(time=datetime.now(UTC).isoformat(), request_id=request_id, api_name="Encrypt", status_code=200)
        await self.journal.append(record).future(asyncio.get_running_loop())
        answer = [("content-type", "application/json;charset=utf-8"), ("x-acs-request-id", request_id)]
        proto.response_str(200, answer, json.dumps(body))

    def _genuine(self, scope: Any, headers: dict[str, str], pairs: list[tuple[str, str]]) -> bool:
        scheme, _, parts = headers["authorization"].partition(" ")
        named = dict(part.split("=", 1) for part in parts.split(","))
        query = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in sorted(pairs))
        lines = "".join(f"{name}:{headers[name].strip()}\n" for name in named["SignedHeaders"].split(";"))
        body_hash = hashlib.sha256(b"").hexdigest()
        canonical = f"{scope.method}\n{scope.path}\n{query}\n{lines}\n{named['SignedHeaders']}\n{body_hash}"
        to_sign = f"{scheme}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        expected = hmac.digest(SECRET.encode(), to_sign.encode(), "sha256").hex()
        return hmac.compare_digest(expected, named["Signature"])


def main() -> None:
    """Serve until killed."""
    logging.getLogger("_granian").setLevel(logging.ERROR)
    server = Server(
        Reference(Path(sys.argv[2])), port=int(sys.argv[1]), interface=Interfaces.RSGI, websockets=False, log_enabled=False
    )
    uvloop.run(server.serve())


if __name__ == "__main__":
    main()
