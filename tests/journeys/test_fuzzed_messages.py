"""Every field of every operation of the dedicated gateway with values nobody should send: a documented code or a success.

Generated from the registry. Nothing is changed by any of it, for nothing can be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from keystead.api.dkms import DKMS
from keystead.gate.registry import Action
from tests import messages
from tests.dedicated import Stage, staged

Value = str | bytes | int
STATUSES = {200, 400, 403, 404, 409, 429}
TEXTS = [
    " ",
    "x" * 20_000,
    "a\x00b",
    "ключ-Ω-🔑",
    "../../etc/passwd",
    "alias/" + "x" * 300,
    "acs:kms:ap-southeast-1:1000000000000001:key/key-soz00000000aaaaaaaaaa",
    "'; DROP TABLE kms_key; --",
    "AES_CBC",
    "RSA_PKCS1_SHA_256",
    "DIGEST",
    "\ufeff",
]
BYTES = [b"\x00", b"$", b"$\x00\x02", bytes(12), bytes(32), b"\xff" * 48, b"$\x00\x02" + b"x" * 80, b"x" * 10_000]
NUMBERS = [-1, 1, 1025, 2**31 - 1, -(2**31)]
BAD: dict[str, Sequence[Value]] = {"string": TEXTS, "bytes": BYTES, "int32": NUMBERS, "bool": NUMBERS}
GARBLED = [b"\x0a\xff\xff\xff\xff\x0f", b"\xff" * 64, bytes(range(256)), b"\x0a\x03ab", b"\x00", b"\x07"]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, dict[str, dict[str, Value]]]]:
    """An application, and for each operation the fields as they should be."""
    folder: Path = tmp_path_factory.mktemp("fuzzed")
    with staged(f"sqlite:///{folder / 'keystead.db'}", folder) as made:
        key_id, pair = made.key(), made.key("EC_P256", "SIGN/VERIFY")
        apart = made.good("Encrypt", KeyId=key_id, Plaintext=b"x")
        blob = made.good("AdvanceEncrypt", KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
        signature = made.good("Sign", KeyId=pair, Message=b"x")["Signature"]
        good: dict[str, dict[str, Value]] = {name: {"KeyId": key_id} for name in DKMS.actions}
        for name in ("Encrypt", "AdvanceEncrypt"):
            good[name]["Plaintext"] = b"x"
        good["Decrypt"] |= {"CiphertextBlob": apart["CiphertextBlob"], "Iv": apart["Iv"]}
        good["AdvanceDecrypt"]["CiphertextBlob"] = blob
        good["Sign"] = {"KeyId": pair, "Message": b"x"}
        good["Verify"] = {"KeyId": pair, "Message": b"x", "Signature": signature}
        good["GetPublicKey"]["KeyId"] = pair
        good["GenerateRandom"] = {"Length": 1}
        good["GetSecretValue"] = {"SecretName": "db"}
        for name in DKMS.actions:
            if "Pair" in name:
                good[name]["KeyPairSpec"] = "EC_P256"
        yield made, good


@pytest.mark.parametrize("action", DKMS.actions.values(), ids=lambda action: action.name)
def test_bad_values_one_at_a_time(stage: tuple[Stage, dict[str, dict[str, Value]]], action: Action) -> None:
    """Each field with each bad value, all others as they should be; then bytes that are no message."""
    made, good = stage
    codes: Counter[str] = Counter()
    for name, (_, kind) in messages.INVENTORY["operations"][action.name]["request"].items():
        for value in BAD[kind]:
            answer = made.call(action.name, **good[action.name] | {name: value})
            assert answer.status in STATUSES, (name, value, answer.body)
            assert answer.code != "InternalFailure", (name, value)
            codes[answer.code or "ok"] += 1
    for body in GARBLED:
        sent = made.raw(action.name, body)
        assert (sent.status, sent.code) in {(400, "InvalidParameter"), (400, "MissingParameter")}, body
    print(f"{action.name}: {sum(codes.values())} tried, {dict(codes)}")


@pytest.mark.parametrize("action", DKMS.actions.values(), ids=lambda action: action.name)
def test_every_required_field_is_missed_by_name(stage: tuple[Stage, dict[str, dict[str, Value]]], action: Action) -> None:
    """Left out, a required field is MissingParameter, and named."""
    made, good = stage
    for field in action.plan:
        if field.required:
            answer = made.call(action.name, **{name: value for name, value in good[action.name].items() if name != field.wire})
            assert (answer.status, answer.code) == (400, "MissingParameter"), field.wire
            assert f'"{field.wire}"' in answer.body["ErrorMessage"]
