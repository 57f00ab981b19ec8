"""The dedicated gateway's official clients: run in an environment of their own by test_dedicated_clients.py.

Standard input: one JSON object with the endpoints, the client key and the ids of keys. Prints one JSON object: what each gave.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from alibabacloud_dkms_transfer.kms_transfer_acs_client import KmsTransferAcsClient
from alibabacloud_kms20160120 import models as kms_models
from alibabacloud_kms_kms20160120.models import KmsConfig, KmsRuntimeOptions
from alibabacloud_kms_kms20160120.transfer_client import TransferClient
from alibabacloud_tea_openapi.models import Config as OpenApiConfig
from aliyunsdkkms.request.v20160120 import (
    AsymmetricDecryptRequest,
    AsymmetricEncryptRequest,
    AsymmetricSignRequest,
    AsymmetricVerifyRequest,
    DecryptRequest,
    EncryptRequest,
    GenerateDataKeyRequest,
    GenerateDataKeyWithoutPlaintextRequest,
    GetPublicKeyRequest,
    GetSecretValueRequest,
)
from openapi.models import Config
from openapi_util.models import RuntimeOptions
from sdk import models
from sdk.client import Client

TEXT = b"hello \x00\xff"
WORD = base64.b64encode(b"hello").decode()
DIGEST = base64.b64encode(hashlib.sha256(b"to be signed").digest()).decode()
VERSION_HEADER = "x-kms-migrationkeyversionid"


def refused(call: Callable[[], Any]) -> str:
    """Give the code of a refusal."""
    try:
        call()
    except Exception as refusal:  # noqa: BLE001 - whatever class the client chose
        return str(getattr(refusal, "code", "") or getattr(refusal, "error_code", "") or type(refusal).__name__)
    return "not refused"


def instance_client(asked: dict[str, Any], **other: str) -> Any:
    """The instance SDK's client over HTTPS, trusting the instance's own chain."""
    key = {"client_key_content": asked["client_key"], "password": asked["password"], **other}
    return Client(Config(protocol="https", endpoint=asked["tls"], ca_file_path=asked["ca"], **key))


def instance_operations(asked: dict[str, Any]) -> dict[str, Any]:
    """Every operation of the instance SDK, round."""
    client, keys, told = instance_client(asked), asked["keys"], {}
    options = RuntimeOptions(response_headers=[VERSION_HEADER])
    made = client.encrypt_with_options(models.EncryptRequest(key_id=keys["aes"], plaintext=TEXT, aad=b"a"), options)
    told["version_header"] = made.response_headers.get(VERSION_HEADER)
    sealed = {"key_id": made.key_id, "ciphertext_blob": made.ciphertext_blob, "iv": made.iv, "algorithm": made.algorithm}
    told["Encrypt, Decrypt"] = client.decrypt(models.DecryptRequest(aad=b"a", **sealed)).plaintext == TEXT
    told["wrong aad"] = refused(lambda: client.decrypt(models.DecryptRequest(aad=b"b", **sealed)))
    made = client.advance_encrypt(models.AdvanceEncryptRequest(key_id=keys["aes"], plaintext=TEXT))
    opened = client.advance_decrypt(models.AdvanceDecryptRequest(ciphertext_blob=made.ciphertext_blob))
    told["AdvanceEncrypt, AdvanceDecrypt"] = opened.plaintext == TEXT
    made = client.generate_data_key(models.GenerateDataKeyRequest(key_id=keys["aes"], number_of_bytes=24))
    opened = client.decrypt(models.DecryptRequest(key_id=keys["aes"], ciphertext_blob=made.ciphertext_blob, iv=made.iv))
    told["GenerateDataKey"] = len(made.plaintext) == 24 and opened.plaintext == made.plaintext
    made = client.advance_generate_data_key(models.AdvanceGenerateDataKeyRequest(key_id=keys["aes"], number_of_bytes=16))
    opened = client.advance_decrypt(models.AdvanceDecryptRequest(ciphertext_blob=made.ciphertext_blob))
    told["AdvanceGenerateDataKey"] = len(made.plaintext) == 16 and opened.plaintext == made.plaintext
    told["GenerateRandom"] = len(client.generate_random(models.GenerateRandomRequest(length=48)).random) == 48
    public = client.get_public_key(models.GetPublicKeyRequest(key_id=keys["ec"])).public_key
    told["GetPublicKey"] = public.startswith("-----BEGIN PUBLIC KEY-----")
    for name, algorithm in (("ec", "ECDSA_SHA_256"), ("rsa", "RSA_PSS_SHA_256"), ("rsa", "RSA_PKCS1_SHA_256")):
        named = {"key_id": keys[name], "message_type": "RAW", "algorithm": algorithm}
        value = client.sign(models.SignRequest(message=TEXT, **named)).signature
        checked = [client.verify(models.VerifyRequest(message=m, signature=value, **named)).value for m in (TEXT, b"other")]
        told[f"Sign, Verify {algorithm}"] = checked == [True, False]
    secret = models.GetSecretValueRequest(secret_name="no-such")
    told["GetSecretValue"] = refused(lambda: client.get_secret_value(secret))
    told["absent key"] = refused(lambda: client.encrypt(models.EncryptRequest(key_id="key-none", plaintext=TEXT)))
    told["foreign key"] = refused(lambda: client.encrypt(models.EncryptRequest(key_id=keys["foreign"], plaintext=TEXT)))
    told["wrong password"] = refused(lambda: instance_client(asked, password="Wrong-Password-1"))
    told |= key_pairs(client, keys["aes"])
    return told


def key_pairs(client: Any, key_id: str) -> dict[str, Any]:
    """The four that make key pairs; an instance makes one a second."""
    told = {}
    for name in ("generate_data_key_pair", "advance_generate_data_key_pair"):
        kind = name.title().replace("_", "")
        for suffix in ("", "_without_plaintext"):
            time.sleep(1.1)
            request = getattr(models, f"{kind}{suffix.title().replace('_', '')}Request")
            made = getattr(client, name + suffix)(request(key_id=key_id, key_pair_spec="EC_P256", key_format="PEM"))
            blob, iv = made.private_key_ciphertext_blob, made.iv
            if kind.startswith("Advance"):
                opened = client.advance_decrypt(models.AdvanceDecryptRequest(ciphertext_blob=blob))
            else:
                opened = client.decrypt(models.DecryptRequest(key_id=key_id, ciphertext_blob=blob, iv=iv))
            good = opened.plaintext.startswith(b"-----BEGIN PRIVATE KEY-----")
            told[kind + suffix] = good and (bool(suffix) or opened.plaintext == made.private_key_plaintext)
    return told


def transfer_v1(asked: dict[str, Any]) -> dict[str, Any]:
    """The first generation's requests through the instance: what it seals the shared gateway opens, and the other way."""
    config = Config(protocol="https", endpoint=asked["tls"], client_key_content=asked["client_key"], password=asked["password"])
    access = {"ak": asked["access_key_id"], "secret": asked["secret"], "region_id": "ap-southeast-1"}
    client = KmsTransferAcsClient(config=config, verify=asked["ca"], **access)
    shared = KmsTransferAcsClient(verify=asked["ca"], **access)
    keys = asked["keys"]

    def ask(module: Any, through: Any = client, **values: Any) -> dict[str, Any]:
        request = getattr(module, module.__name__.rsplit(".", 1)[-1])()
        request.set_accept_format("json")
        request.set_endpoint(asked["tls"])
        request.set_protocol_type("https")
        for name, value in values.items():
            getattr(request, f"set_{name}")(value)
        return dict(json.loads(through.do_action_with_exception(request)))

    told: dict[str, Any] = {}
    blob = ask(EncryptRequest, KeyId=keys["aes"], Plaintext=WORD)["CiphertextBlob"]
    told["Encrypt, Decrypt"] = ask(DecryptRequest, CiphertextBlob=blob)["Plaintext"] == WORD
    told["shared opens"] = ask(DecryptRequest, shared, CiphertextBlob=blob)["Plaintext"] == WORD
    blob = ask(EncryptRequest, shared, KeyId=keys["aes"], Plaintext=WORD)["CiphertextBlob"]
    told["instance opens"] = ask(DecryptRequest, CiphertextBlob=blob)["Plaintext"] == WORD
    made = ask(GenerateDataKeyRequest, KeyId=keys["aes"], KeySpec="AES_256")
    told["GenerateDataKey"] = ask(DecryptRequest, shared, CiphertextBlob=made["CiphertextBlob"])["Plaintext"] == made["Plaintext"]
    made = ask(GenerateDataKeyWithoutPlaintextRequest, KeyId=keys["aes"])
    told["WithoutPlaintext"] = (
        len(base64.b64decode(ask(DecryptRequest, CiphertextBlob=made["CiphertextBlob"])["Plaintext"])) == 32
    )
    version = {"KeyId": keys["rsa"], "KeyVersionId": keys["rsa_version"], "Algorithm": "RSA_PSS_SHA_256", "Digest": DIGEST}
    value = ask(AsymmetricSignRequest, **version)["Value"]
    told["AsymmetricSign"] = ask(AsymmetricVerifyRequest, Value=value, **version)["Value"]
    told["AsymmetricVerify"] = ask(AsymmetricVerifyRequest, shared, Value=value, **version)["Value"]
    version = {"KeyId": keys["seal"], "KeyVersionId": keys["seal_version"], "Algorithm": "RSAES_OAEP_SHA_256"}
    blob = ask(AsymmetricEncryptRequest, Plaintext=WORD, **version)["CiphertextBlob"]
    told["AsymmetricDecrypt"] = ask(AsymmetricDecryptRequest, CiphertextBlob=blob, **version)["Plaintext"] == WORD
    named = {"KeyId": keys["rsa"], "KeyVersionId": keys["rsa_version"]}
    told["GetPublicKey"] = (
        ask(GetPublicKeyRequest, **named)["PublicKey"] == ask(GetPublicKeyRequest, shared, **named)["PublicKey"]
    )
    told["absent key"] = refused(lambda: ask(EncryptRequest, KeyId="key-none", Plaintext=WORD))
    told["GetSecretValue"] = refused(lambda: ask(GetSecretValueRequest, SecretName="no-such"))
    told["foreign key"] = refused(lambda: ask(EncryptRequest, KeyId=keys["foreign"], Plaintext=WORD))
    return told


def transfer_v2(asked: dict[str, Any], *, low: bool) -> dict[str, Any]:
    """The second generation's requests through the instance, in both of its modes."""
    config = KmsConfig(
        protocol="https",
        endpoint=asked["tls"],
        client_key_content=asked["client_key"],
        password=asked["password"],
        force_low_version_crypto_transfer=low,
    )
    config.ca_file_path = asked["ca"]
    ca = open(asked["ca"]).read()  # noqa: PTH123, SIM115 - a small program
    access = {"access_key_id": asked["access_key_id"], "access_key_secret": asked["secret"]}
    client = TransferClient(OpenApiConfig(endpoint=asked["http"], protocol="http", ca=ca, **access), config)
    keys, told = asked["keys"], {}
    there, shared = KmsRuntimeOptions(), KmsRuntimeOptions(is_use_kms_share_gateway=True)
    there.ca = shared.ca = asked["ca"]

    made = client.encrypt_with_options(kms_models.EncryptRequest(key_id=keys["aes"], plaintext=WORD), there).body
    for name, options in (("instance", there), ("shared", shared)):
        opened = client.decrypt_with_options(kms_models.DecryptRequest(ciphertext_blob=made.ciphertext_blob), options).body
        told[f"Encrypt, Decrypt by {name}"] = opened.plaintext == WORD
    made = client.generate_data_key_with_options(kms_models.GenerateDataKeyRequest(key_id=keys["aes"]), there).body
    opened = client.decrypt_with_options(kms_models.DecryptRequest(ciphertext_blob=made.ciphertext_blob), there).body
    told["GenerateDataKey"] = opened.plaintext == made.plaintext
    named = {"key_id": keys["rsa"], "key_version_id": keys["rsa_version"], "algorithm": "RSA_PSS_SHA_256", "digest": DIGEST}
    value = client.asymmetric_sign_with_options(kms_models.AsymmetricSignRequest(**named), there).body.value
    checked = client.asymmetric_verify_with_options(kms_models.AsymmetricVerifyRequest(value=value, **named), there).body
    told["AsymmetricSign, AsymmetricVerify"] = checked.value
    absent = kms_models.EncryptRequest(key_id="key-none", plaintext=WORD)
    told["absent key"] = refused(lambda: client.encrypt_with_options(absent, there))
    return told


def main() -> None:
    """Try all of them."""
    asked = json.load(sys.stdin)
    if asked.get("deleted"):
        request = models.EncryptRequest(key_id=asked["keys"]["aes"], plaintext=TEXT)
        print(json.dumps({"deleted": refused(lambda: instance_client(asked).encrypt(request))}))
        return
    print(
        json.dumps(
            {
                "instance SDK": instance_operations(asked),
                "dkms-transfer": transfer_v1(asked),
                "kms-python-sdk": transfer_v2(asked, low=False),
                "kms-python-sdk, low version": transfer_v2(asked, low=True),
            }
        )
    )


if __name__ == "__main__":
    main()
