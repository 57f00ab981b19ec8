"""The application of the story: knows a client key, its password, the instance's chain and an address; no access key.

A program of its own, run in the environment of the instance's official client, which is not that of the other clients. Standard
input: one JSON object. Prints one JSON object: what it gave, or how it was refused.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from openapi.models import Config
from sdk import models
from sdk.client import Client

TEXT = b"order 4711: two books"


def code_of(refusal: Exception) -> str:
    """Give the code of a refusal; of one that did not come from the server the class of what failed."""
    return str(getattr(refusal, "code", "") or getattr(refusal, "error_code", "") or type(refusal).__name__)


def encrypt(client: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Encrypt and decrypt."""
    made = client.encrypt(models.EncryptRequest(key_id=asked["key_id"], plaintext=TEXT, aad=b"shop"))
    sealed = {"key_id": made.key_id, "ciphertext_blob": made.ciphertext_blob, "iv": made.iv, "algorithm": made.algorithm}
    opened = client.decrypt(models.DecryptRequest(aad=b"shop", **sealed)).plaintext
    return {"algorithm": made.algorithm, "bytes": len(made.ciphertext_blob), "opened": opened == TEXT}


def main() -> None:
    """Do what is asked."""
    asked = json.load(sys.stdin)
    given = {"client_key_file": asked["client_key_file"], "password": asked["password"]}
    try:
        client = Client(Config(protocol="https", endpoint=asked["endpoint"], ca_file_path=asked["chain"], **given))
        told = encrypt(client, asked)
    except Exception as refusal:  # noqa: BLE001 - the client has a class of its own for each place it fails in
        told = {"refused": code_of(refusal), "why": str(refusal)}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
