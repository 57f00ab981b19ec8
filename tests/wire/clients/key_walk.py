"""A customer's walk over keys by the current Python SDK, a step for each line of standard input: run by test_key_walk.py.

Arguments: endpoint (host:port), access key id, secret. A line is a JSON object: `do` names a step below, or an action of
the SDK's client whose parameters the rest are. Answers each with one JSON line; a refusal is its code, under `code`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
from typing import Any

from alibabacloud_bssopenapi20171214.client import Client as BssClient
from alibabacloud_kms20160120 import models
from alibabacloud_kms20160120.client import Client as KmsClient
from alibabacloud_tea_openapi.models import Config
from v2 import buy

DIGEST = base64.b64encode(hashlib.sha256(b"to be signed").digest()).decode()
TEXT = base64.b64encode(b"a small text").decode()


def ask(kms: Any, action: str, **parameters: Any) -> Any:
    """Call an action by the client's method, with the request model it belongs to."""
    model = "".join(part.capitalize() for part in action.split("_"))
    names = {name.lower(): name for name in dir(models)}
    request = getattr(models, names[f"{model}Request".lower()])
    return getattr(kms, action)(request(**parameters)).body


def ids_of(kms: Any, instance_id: str, spec: str, usage: str) -> dict[str, str]:
    """Make a key; gives the ids of key and version."""
    made = ask(kms, "create_key", dkmsinstance_id=instance_id, key_spec=spec, key_usage=usage).key_metadata
    listed = ask(kms, "list_key_versions", key_id=made.key_id).key_versions.key_version
    return {"key_id": made.key_id, "key_version_id": listed[0].key_version_id}


def buy_one(bss: Any, kms: Any, _step: dict[str, Any]) -> dict[str, Any]:
    """Buy an instance and enable it."""
    told: dict[str, Any] = {}
    return {"instance_id": buy(bss, kms, told)}


def signs(_bss: Any, kms: Any, step: dict[str, Any]) -> dict[str, Any]:
    """Make a key, sign with it, verify, and verify with another digest."""
    ids = ids_of(kms, step["instance_id"], step["spec"], "SIGN/VERIFY")
    asked = {**ids, "algorithm": step["algorithm"]}
    digest = step.get("digest", DIGEST)
    other = base64.b64encode(bytes(len(base64.b64decode(digest)))).decode()
    value = ask(kms, "asymmetric_sign", **asked, digest=digest).value
    verified = [ask(kms, "asymmetric_verify", **asked, digest=each, value=value).value for each in (digest, other)]
    return {**ids, "verified": verified}


def seals(_bss: Any, kms: Any, step: dict[str, Any]) -> dict[str, Any]:
    """Make a key pair, encrypt under it, decrypt."""
    ids = ids_of(kms, step["instance_id"], step["spec"], "ENCRYPT/DECRYPT")
    asked = {**ids, "algorithm": step["algorithm"]}
    blob = ask(kms, "asymmetric_encrypt", **asked, plaintext=TEXT).ciphertext_blob
    return {**ids, "same": ask(kms, "asymmetric_decrypt", **asked, ciphertext_blob=blob).plaintext == TEXT}


def codes(_bss: Any, kms: Any, step: dict[str, Any]) -> dict[str, Any]:
    """Make a key, authenticate a message, verify it and another."""
    key_id = ids_of(kms, step["instance_id"], step["spec"], "GENERATE/VERIFY")["key_id"]
    asked = {"key_id": key_id, "algorithm": step["spec"]}
    mac = ask(kms, "generate_mac", **asked, message=TEXT).mac
    return {"verified": [ask(kms, "verify_mac", **asked, message=each, mac=mac).value for each in (TEXT, DIGEST)]}


STEPS = {"buy": buy_one, "signs": signs, "seals": seals, "codes": codes}


def answer(bss: Any, kms: Any, step: dict[str, Any]) -> Any:
    """Do a step; gives what is told of it."""
    name = step.pop("do")
    try:
        return STEPS[name](bss, kms, step) if name in STEPS else ask(kms, name, **step).to_map()
    except Exception as refusal:
        code = getattr(refusal, "code", None)
        if not code or not re.fullmatch(r"[A-Za-z.]+", str(code)):
            raise
        return {"code": code}


def main() -> None:
    """Do what is asked, line by line."""
    endpoint, key_id, secret = sys.argv[1:4]

    def config() -> Any:
        return Config(access_key_id=key_id, access_key_secret=secret, endpoint=endpoint, protocol="http")

    bss, kms = BssClient(config()), KmsClient(config())
    for line in sys.stdin:
        print(json.dumps(answer(bss, kms, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
