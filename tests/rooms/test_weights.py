"""What each kind of request takes of an instance's budget, by both protocols, and what it says when there is none left."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

import pytest

from keystead.clock import Instant
from keystead.gate.throttle import Rate, Rates, Throttled
from tests.dedicated import Stage, staged

DIGEST = hashlib.sha256(b"").digest()
PLAIN = "aGVsbG8="
ENCRYPT, ASYMMETRIC, SECRET = 1, 5, 2  # of 1,000 units: 1000/1000, 1000/200, 1000/500


class Ledger:
    """Rates that write down what is asked of them, and refuse if they are told to."""

    def __init__(self) -> None:
        """Refuse nothing."""
        self.asked: list[tuple[str, int, int]] = []
        self.refusing = False

    def admit(self, rates: Sequence[Rate], _instant: Instant, *, inline: bool) -> None:
        """Write down bucket, units a second, weight."""
        assert not inline
        self.asked += [(rate.bucket_id, rate.units, rate.weight) for rate in rates]
        if self.refusing:
            raise Throttled(rates[-1])


@pytest.fixture
def stage(sqlite_url: str, tmp_path: Path) -> Iterator[Stage]:
    """A tenant's application and an instance of 1,000 a second."""
    with staged(sqlite_url, tmp_path) as made:
        yield made


@pytest.fixture
def ledger(stage: Stage) -> Iterator[Ledger]:
    """Its rates."""
    real, made = stage.world.service, Ledger()
    yield made
    stage.world.service = real


def watched(stage: Stage, ledger: Ledger, call: Callable[[], object]) -> list[tuple[str, int, int]]:
    """Give what a call asked of the rates."""
    real = stage.world.service
    stage.world.service = dataclasses.replace(real, rates=cast("Rates", ledger))
    ledger.asked.clear()
    call()
    stage.world.service = real
    return list(ledger.asked)


def test_what_each_json_call_weighs(stage: Stage, ledger: Ledger) -> None:
    """Encrypt and its kind 1, MACs too; asymmetric ones 5; GetPublicKey 1; an instance's ReEncrypt into another one of each."""
    tenant, aes, p256, rsa = stage.tenant, stage.key(), stage.key("EC_P256"), stage.key("RSA_2048", "ENCRYPT/DECRYPT")
    elsewhere = tenant.key(tenant.instance(Spec="2000"))
    mac = stage.key("HMAC_SHA_256", "GENERATE/VERIFY")
    sealed = tenant.kms("Encrypt", KeyId=aes, Plaintext=PLAIN).body["CiphertextBlob"]

    def version(key_id: str) -> dict[str, object]:
        found = tenant.kms("ListKeyVersions", KeyId=key_id).body["KeyVersions"]["KeyVersion"][0]["KeyVersionId"]
        return {"KeyId": key_id, "KeyVersionId": found}

    sign = {**version(p256), "Algorithm": "ECDSA_SHA_256", "Digest": base64.b64encode(DIGEST).decode()}
    calls: list[tuple[str, dict[str, object], int]] = [
        ("Encrypt", {"KeyId": aes, "Plaintext": PLAIN}, ENCRYPT),
        ("Decrypt", {"CiphertextBlob": sealed}, ENCRYPT),
        ("GenerateDataKey", {"KeyId": aes}, ENCRYPT),
        ("GenerateDataKeyWithoutPlaintext", {"KeyId": aes}, ENCRYPT),
        ("GenerateMac", {"KeyId": mac, "Message": PLAIN, "Algorithm": "HMAC_SHA_256"}, ENCRYPT),
        ("AsymmetricSign", sign, ASYMMETRIC),
        ("AsymmetricVerify", {**sign, "Value": PLAIN}, ASYMMETRIC),
        ("AsymmetricEncrypt", {**version(rsa), "Algorithm": "RSAES_OAEP_SHA_256", "Plaintext": PLAIN}, ASYMMETRIC),
        ("AsymmetricDecrypt", {**version(rsa), "Algorithm": "RSAES_OAEP_SHA_256", "CiphertextBlob": PLAIN}, ASYMMETRIC),
        ("GetPublicKey", version(p256), ENCRYPT),
    ]
    for action, asked, weight in calls:
        found = watched(stage, ledger, lambda action=action, asked=asked: tenant.kms(action, **asked))  # type: ignore[misc]
        assert found == [(stage.instance_id, 1000, weight)], action
    both = watched(stage, ledger, lambda: tenant.kms("ReEncrypt", CiphertextBlob=sealed, DestinationKeyId=elsewhere))
    assert [each[1:] for each in both] == [(1000, 1), (6000, 3)]


def test_what_each_message_weighs(stage: Stage, ledger: Ledger) -> None:
    """The same through the instance API, of the same bucket; a pair takes an Encrypt's and the one pair of the second."""
    aes, p256, rsa = stage.key(), stage.key("EC_P256"), stage.key("RSA_2048", "ENCRYPT/DECRYPT")
    sealed = stage.good("Encrypt", KeyId=aes, Plaintext=b"x")
    blob = stage.good("AdvanceEncrypt", KeyId=aes, Plaintext=b"x")["CiphertextBlob"]
    calls: list[tuple[str, dict[str, str | bytes | int], int]] = [
        ("Encrypt", {"KeyId": aes, "Plaintext": b"x"}, ENCRYPT),
        ("Decrypt", {"KeyId": aes, "CiphertextBlob": sealed["CiphertextBlob"], "Iv": sealed["Iv"]}, ENCRYPT),
        ("GenerateDataKey", {"KeyId": aes}, ENCRYPT),
        ("AdvanceEncrypt", {"KeyId": aes, "Plaintext": b"x"}, ENCRYPT),
        ("AdvanceDecrypt", {"CiphertextBlob": blob}, ENCRYPT),
        ("AdvanceGenerateDataKey", {"KeyId": aes}, ENCRYPT),
        ("Encrypt", {"KeyId": rsa, "Plaintext": b"x"}, ASYMMETRIC),
        ("Decrypt", {"KeyId": rsa, "CiphertextBlob": b"x" * 256}, ASYMMETRIC),
        ("Sign", {"KeyId": p256, "Message": DIGEST, "MessageType": "DIGEST"}, ASYMMETRIC),
        ("Verify", {"KeyId": p256, "Message": DIGEST, "MessageType": "DIGEST", "Signature": b"x"}, ASYMMETRIC),
        ("GetPublicKey", {"KeyId": p256}, ENCRYPT),
        ("GenerateRandom", {"Length": 8}, ENCRYPT),
        ("GetSecretValue", {"SecretName": "none"}, SECRET),
    ]
    for operation, asked, weight in calls:
        found = watched(stage, ledger, lambda operation=operation, asked=asked: stage.call(operation, **asked))  # type: ignore[misc]
        assert found == [(stage.instance_id, 1000, weight)], operation
    pair = watched(stage, ledger, lambda: stage.call("GenerateDataKeyPair", KeyId=aes, KeyPairSpec="EC_P256"))
    assert pair == [(stage.instance_id, 1000, ENCRYPT), (f"{stage.instance_id}/pair", 1, 1)]
    wrong = watched(stage, ledger, lambda: stage.call("GenerateDataKeyPair", KeyId=aes, KeyPairSpec="EC_P256", Algorithm="AES"))
    assert wrong == []


def test_a_refusal_by_either_protocol(stage: Stage, ledger: Ledger) -> None:
    """429, Rejected.Throttling, the figure of that kind of request, and both headers; what is unsigned hears nothing of rates."""
    aes, p256 = stage.key(), stage.key("EC_P256")
    ledger.refusing = True
    seen: list[tuple[int, str, str, dict[str, str]]] = []

    def ask() -> None:
        json_reply = stage.tenant.kms("Encrypt", KeyId=aes, Plaintext=PLAIN)
        seen.append((json_reply.status, json_reply.code, json_reply.body["Message"], json_reply.headers))
        message = stage.call("Sign", KeyId=p256, Message=DIGEST, MessageType="DIGEST")
        seen.append((message.status, message.code, message.body["ErrorMessage"], message.headers))
        pair = stage.call("GenerateDataKeyPair", KeyId=aes, KeyPairSpec="EC_P256")
        seen.append((pair.status, pair.code, pair.body["ErrorMessage"], pair.headers))
        unsigned = stage.tenant.arrival("2016-01-20", "Encrypt", {"KeyId": aes, "Plaintext": PLAIN})
        unsigned.headers["authorization"] = unsigned.headers["authorization"][:-4] + "0000"
        assert stage.world.deliver(unsigned).code == "SignatureDoesNotMatch"

    watched(stage, ledger, ask)
    assert [(status, code) for status, code, _, _ in seen] == [(429, "Rejected.Throttling")] * 3
    for (_, _, text, headers), alone, milliseconds, seconds in zip(
        seen, (1000, 200, 1), ("50", "50", "1030"), ("1", "1", "2"), strict=True
    ):
        assert text.startswith("QPS Limit Exceeded")
        assert f" {alone} requests a second of this kind" in text
        assert (headers["x-acs-retry-after"], headers["retry-after"]) == (milliseconds, seconds)
