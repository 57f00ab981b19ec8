"""Every KMS action that is served, called through both generations of the official Python SDK against a real server.

What each call came to is kept in tests/vectors/sdk-evidence.json, from which docs/coverage.md is made: this test fails where the
two differ, so no row of the table says more than was seen. `KEYSTEAD_KEEP_EVIDENCE=1` writes the file anew.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from keystead.api.kms import KMS
from tests.journeys.test_cross_account import CONTEXT_FREE, PUBLIC_KEY
from tests.wire.rawclient import RawClient
from tests.wire.server import Server
from tests.wire.test_bad_input import connected_instance

ROOT = Path(__file__).parents[2]
EVIDENCE = ROOT / "tests" / "vectors" / "sdk-evidence.json"
TEXT = base64.b64encode(b"hello").decode()
EXPORT = {"PublicKeyBlob": PUBLIC_KEY, "WrappingKeySpec": "RSA_2048", "WrappingAlgorithm": "RSAES_OAEP_SHA_256"}
# Refused by design: what the refusal has to be.
REFUSED = {
    "OpenKmsService": "Forbidden.Opened",
    "GetManagedDataKey": "Forbidden.ResourceNotFound",
    "ListManagedDataKeyVersions": "Forbidden.ResourceNotFound",
    "GetChallenge": "UnsupportedOperation",
    "ReleaseKmsInstance": "Rejected.UnsupportedOperation",
}
Body = dict[str, Any]


class Steps:
    """A client program, asked step by step; keeps what each action came to."""

    def __init__(self, server: Server, generation: str) -> None:
        """Start it with an account of its own, which has an instance."""
        self.server = server
        credentials = server.account(generation)
        self.raw = RawClient(server.http, *credentials)
        self.instance_id = connected_instance(self.raw)
        python = ROOT / ".venv-clients" / generation / "bin" / "python"
        program = Path(__file__).parent / "clients" / "step.py"
        self.process = subprocess.Popen(
            [str(python), str(program), generation, server.http, *credentials],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.seen: dict[str, str] = {}

    def __call__(self, action: str, **parameters: Any) -> Body:
        """Ask for a step; gives the body. Refused is only what has to be, left out only what the SDK does not have."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([action, parameters]) + "\n")
        self.process.stdin.flush()
        told: Body = json.loads(self.process.stdout.readline())
        outcome = told.get("Code") or "served"
        assert outcome in {"n/a", REFUSED.get(action, "served")}, (action, told)
        self.seen[action] = outcome
        return told

    def stop(self) -> None:
        """End it, its pipes too."""
        self.process.communicate(timeout=60)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that stands at 2026-01-01T00:00:00Z: a version is made by hand a week after the last one."""
    running = Server(tmp_path_factory.mktemp("every") / "var", "--clock", "manual:2026-01-01T00:00:00Z")
    yield running
    assert running.stop() == 0


def make(ask: Steps, **shape: str) -> dict[str, str]:
    """Make a key; gives KeyId and KeyVersionId."""
    key_id = ask("CreateKey", DKMSInstanceId=ask.instance_id, **shape)["KeyMetadata"]["KeyId"]
    versions = ask("ListKeyVersions", KeyId=key_id)["KeyVersions"]["KeyVersion"]
    return {"KeyId": key_id, "KeyVersionId": versions[0]["KeyVersionId"]}


def lives(ask: Steps) -> None:
    """Keys: made, shown, changed, versioned, scheduled and kept."""
    ids = make(ask)
    key = {"KeyId": ids["KeyId"]}
    assert ask("DescribeKey", **key)["KeyMetadata"]["KeyState"] == "Enabled"
    assert ask("ListKeys", PageNumber=1, PageSize=10)["TotalCount"] >= 1
    ask("UpdateKeyDescription", **key, Description="é *~")
    ask("DisableKey", **key)
    ask("EnableKey", **key)
    assert ask("DescribeKeyVersion", **ids)["KeyVersion"]["KeyVersionId"] == ids["KeyVersionId"]
    ask("UpdateRotationPolicy", **key, EnableAutomaticRotation=True, RotationInterval="30d")
    ask(
        "SetDeletionProtection",
        ProtectedResourceArn=ask("DescribeKey", **key)["KeyMetadata"]["Arn"],
        EnableDeletionProtection=False,
    )
    ask("ScheduleKeyDeletion", **key, PendingWindowInDays=7)
    ask("CancelKeyDeletion", **key)
    assert ask("GetKeyPolicy", **key)["Policy"].startswith("{")
    ask("SetKeyPolicy", **key, Policy=CONTEXT_FREE["Policy"], PolicyName="default")


def names(ask: Steps) -> None:
    """Aliases and both generations of tags."""
    key_id, other = make(ask)["KeyId"], make(ask)["KeyId"]
    ask("CreateAlias", AliasName="alias/a", KeyId=key_id)
    ask("UpdateAlias", AliasName="alias/a", KeyId=other)
    assert ask("ListAliases")["TotalCount"] == 1
    assert ask("ListAliasesByKeyId", KeyId=other)["Aliases"]["Alias"][0]["AliasName"] == "alias/a"
    ask("DeleteAlias", AliasName="alias/a")
    ask("TagResource", KeyId=key_id, Tags='[{"TagKey":"a","TagValue":"b"},{"TagKey":"c","TagValue":"d"}]')
    ask("UntagResource", KeyId=key_id, TagKeys='["a"]')
    assert ask("ListResourceTags", KeyId=key_id)["Tags"]["Tag"][0]["TagKey"] == "c"
    kind = {"RegionId": "ap-southeast-1", "ResourceType": "key", "ResourceId": [key_id]}
    ask("TagResources", **kind, Tag=[{"Key": "e", "Value": "f"}])
    ask("UntagResources", **kind, TagKey=["c"])
    assert [tag["TagKey"] for tag in ask("ListTagResources", **kind)["TagResources"]["TagResource"]] == ["e"]


def symmetric(ask: Steps) -> None:
    """Encryption and data keys."""
    key, other = ({"KeyId": make(ask)["KeyId"]} for _ in range(2))
    context = {"EncryptionContext": {"a": "b"}}
    sealed = ask("Encrypt", **key, **context, Plaintext=TEXT)["CiphertextBlob"]
    assert ask("Decrypt", CiphertextBlob=sealed, **context)["Plaintext"] == TEXT
    moved = ask("ReEncrypt", CiphertextBlob=sealed, SourceEncryptionContext={"a": "b"}, DestinationKeyId=other["KeyId"])
    assert ask("Decrypt", CiphertextBlob=moved["CiphertextBlob"])["Plaintext"] == TEXT
    drawn = ask("GenerateDataKey", **key)
    assert ask("Decrypt", CiphertextBlob=drawn["CiphertextBlob"])["Plaintext"] == drawn["Plaintext"]
    assert "Plaintext" not in ask("GenerateDataKeyWithoutPlaintext", **key, NumberOfBytes=16)
    assert ask("ExportDataKey", CiphertextBlob=drawn["CiphertextBlob"], **EXPORT)["ExportedDataKey"]
    assert ask("GenerateAndExportDataKey", **key, **EXPORT)["ExportedDataKey"]


def asymmetric(ask: Steps) -> None:
    """Signatures, SM2 encryption, codes, a version by hand."""
    ec = make(ask, KeySpec="EC_P256")
    signed = ask("AsymmetricSign", **ec, Algorithm="ECDSA_SHA_256", Digest=CONTEXT_FREE["Digest"])["Value"]
    told = ask("AsymmetricVerify", **ec, Algorithm="ECDSA_SHA_256", Digest=CONTEXT_FREE["Digest"], Value=signed)
    assert told["Value"] is True
    assert ask("GetPublicKey", **ec)["PublicKey"].startswith("-----BEGIN PUBLIC KEY-----")
    sm2 = make(ask, KeySpec="EC_SM2", KeyUsage="ENCRYPT/DECRYPT")
    sealed = ask("AsymmetricEncrypt", **sm2, Algorithm="SM2PKE", Plaintext=TEXT)["CiphertextBlob"]
    assert ask("AsymmetricDecrypt", **sm2, Algorithm="SM2PKE", CiphertextBlob=sealed)["Plaintext"] == TEXT
    mac = make(ask, KeySpec="HMAC_SHA_256", KeyUsage="GENERATE/VERIFY")
    code = {"KeyId": mac["KeyId"], "Algorithm": "HMAC_SHA_256", "Message": TEXT}
    made = ask("GenerateMac", **code)
    assert ask("VerifyMac", **code, Mac=made.get("Mac", "")).get("Value", True) is True
    ask.server.operator("admin", "clock", "advance", "7d")
    assert ask("CreateKeyVersion", KeyId=ec["KeyId"])["KeyVersion"]["KeyVersionId"] != ec["KeyVersionId"]


def imported(ask: Steps) -> None:
    """Material from outside: wrapped here, imported and deleted."""
    key = {"KeyId": ask("CreateKey", DKMSInstanceId=ask.instance_id, Origin="EXTERNAL")["KeyMetadata"]["KeyId"]}
    offer = ask("GetParametersForImport", **key, WrappingKeySpec="RSA_2048", WrappingAlgorithm="RSAES_OAEP_SHA_256")
    public = load_der_public_key(base64.b64decode(offer["PublicKey"]))
    assert isinstance(public, RSAPublicKey)
    sealed = public.encrypt(bytes(range(32)), padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))
    sent = {"EncryptedKeyMaterial": base64.b64encode(sealed).decode(), "ImportToken": offer["ImportToken"]}
    ask("ImportKeyMaterial", **key, **sent, KeyMaterialExpireUnix=0)
    assert ask("DescribeKey", **key)["KeyMetadata"]["KeyState"] == "Enabled"
    ask("DeleteKeyMaterial", **key)
    assert ask("DescribeKey", **key)["KeyMetadata"]["KeyState"] == "PendingImport"


def service(ask: Steps) -> None:
    """What is not about one key; and what is refused by design."""
    assert ask("DescribeRegions")["Regions"]["Region"]
    assert ask("DescribeAccountKmsStatus")["AccountStatus"] == "Enabled"
    ask("OpenKmsService")
    ask("GetManagedDataKey", DataKeyName="none", UseLatest=True)
    ask("ListManagedDataKeyVersions", DataKeyName="none", PageSize=10)
    ask("GetChallenge")


def instances(ask: Steps) -> None:
    """Instances, the second of which the SDK enables."""
    flat = {"ProductCode": "kms", "SubscriptionType": "Subscription", "Period": "1"}
    flat |= {"Parameter.1.Code": "Region", "Parameter.1.Value": "ap-southeast-1"}
    flat |= {"Parameter.2.Code": "ProductVersion", "Parameter.2.Value": "3"}
    bought = ask.raw.bss("CreateInstance", flat).body["Data"]["InstanceId"]
    zones = {"ZoneIds": "ap-southeast-1a,ap-southeast-1b", "VpcId": "vpc-1", "VSwitchIds": "vsw-1", "KMProvider": "Aliyun"}
    ask("ConnectKmsInstance", KmsInstanceId=bought, **zones)
    assert ask("GetKmsInstance", KmsInstanceId=ask.instance_id)["KmsInstance"]["Status"] == "Connected"
    assert ask("ListKmsInstances")["TotalCount"] == 2
    ask("GetKmsInstanceQuotaInfos", KmsInstanceId=ask.instance_id)
    assert ask("GetDefaultKmsInstance").get("DefaultKmsInstanceId", ask.instance_id) == ask.instance_id
    ask("UpdateKmsInstance", KmsInstanceId=ask.instance_id, InstanceName="mine")
    ask("UpdateKmsInstanceBindVpc", KmsInstanceId=ask.instance_id, BindVpcs="[]")
    ask("ReleaseKmsInstance", KmsInstanceId=ask.instance_id)


@pytest.mark.parametrize("generation", ["v2", "v1"])
def test_every_action_by_the_sdk(server: Server, generation: str) -> None:
    """All served actions once; then what was seen is what the evidence says."""
    ask = Steps(server, generation)
    for walk in (lives, names, symmetric, asymmetric, imported, service, instances, access):
        walk(ask)
    ask.stop()
    assert set(ask.seen) == set(KMS.actions)
    kept = json.loads(EVIDENCE.read_text()) if EVIDENCE.exists() else {}
    if os.environ.get("KEYSTEAD_KEEP_EVIDENCE"):
        EVIDENCE.write_text(json.dumps(kept | {generation: dict(sorted(ask.seen.items()))}, indent=1, sort_keys=True) + "\n")
    else:
        assert ask.seen == kept[generation]


def access(ask: Steps) -> None:
    """Access points with policies, network rules and client keys."""
    ask("CreateNetworkRule", Name="office", Type="Private", SourcePrivateIp='["10.0.0.0/8"]')
    grant = {"Permissions": CONTEXT_FREE["Permissions"], "Resources": CONTEXT_FREE["Resources"]}
    rules = '{"NetworkRules":["office"]}'
    ask("CreatePolicy", Name="shop", KmsInstance=ask.instance_id, AccessControlRules=rules, **grant)
    ask("CreateApplicationAccessPoint", Name="shop", Policies='["shop"]', AuthenticationMethod="ClientKey")
    ask("UpdateNetworkRule", Name="office", SourcePrivateIp='["10.1.0.0/16"]')
    ask("UpdatePolicy", Name="shop", Resources='["key/*"]')
    ask("UpdateApplicationAccessPoint", Name="shop", Description="of the shop")
    assert "10.1.0.0/16" in ask("DescribeNetworkRule", Name="office").get("SourcePrivateIp", "10.1.0.0/16")
    ask("DescribePolicy", Name="shop")
    ask("DescribeApplicationAccessPoint", Name="shop")
    ask("ListNetworkRules", PageSize=10)
    ask("ListPolicies", PageSize=10)
    ask("ListApplicationAccessPoints", PageSize=10)
    client_key_id = ask("CreateClientKey", AapName="shop", Password="Passw0rd").get("ClientKeyId", "")
    ask("GetClientKey", ClientKeyId=client_key_id)
    ask("ListClientKeys", AapName="shop")
    ask("DeleteClientKey", ClientKeyId=client_key_id)
    ask("DeleteApplicationAccessPoint", Name="shop")
    ask("DeletePolicy", Name="shop")
    ask("DeleteNetworkRule", Name="office")
