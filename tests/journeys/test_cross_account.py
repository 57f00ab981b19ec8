"""The cross-account matrix: every action on every kind of foreign resource answers as if it were not there.

Generated from the registry: an action with a parameter this file has no value for fails here, so that none is forgotten.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from keystead.app import PRODUCTS_SERVED
from keystead.gate.registry import Action
from tests.world import Tenant, World

POLICY = {
    "Version": "1",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"RAM": ["acs:ram::1000000000000001:*"]},
            "Action": ["kms:*"],
            "Resource": ["*"],
        }
    ],
}
PUBLIC_KEY = base64.b64encode(
    rsa.generate_private_key(65537, 2048)
    .public_key()
    .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()
JWK = {  # RFC 7517, appendix A.1, the first key
    "kty": "EC",
    "crv": "P-256",
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    "kid": "1",
}
CONTEXT_FREE = {  # a value for every required parameter that names no resource
    "Plaintext": "aGVsbG8=",
    "KeyVersionId": "key-soz00000000aaaaaaaaaa-bbbbbbbbbb",
    "Algorithm": "ECDSA_SHA_256",
    "Digest": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    "Value": "aGVsbG8=",
    "Message": "aGVsbG8=",
    "EncryptedKeyMaterial": "aGVsbG8=",
    "ImportToken": "aGVsbG8=",
    "KeyMaterialExpireUnix": "0",
    "Mac": "aGVsbG8=",
    "WrappingKeySpec": "RSA_2048",
    "WrappingAlgorithm": "RSAES_OAEP_SHA_256",
    "PublicKeyBlob": PUBLIC_KEY,
    "VpcId": "vpc-1",
    "ZoneIds": "ap-southeast-1a,ap-southeast-1b",
    "VSwitchIds": "vsw-1",
    "KMProvider": "Aliyun",
    "ProductCode": "kms",
    "SubscriptionType": "Subscription",
    "RenewPeriod": "1",
    "OrderType": "Renewal",
    "ModifyType": "Upgrade",
    "RenewalStatus": "ManualRenewal",
    "ModuleList": "",
    "BillingCycle": "2026-01",
    "PageNum": "1",
    "Table": "kms",
    "DataType": "Day",
    "StartTime": "2026-01-01T00:00:00Z",
    "EndTime": "2026-01-02T00:00:00Z",
    "Description": "x",
    "DataKeyName": "mine",
    "PendingWindowInDays": "7",
    "EnableDeletionProtection": "true",
    "EnableAutomaticRotation": "false",
    "Policy": json.dumps(POLICY),
    "Tags": '[{"TagKey":"a","TagValue":"b"}]',
    "TagKeys": "a",
    "RegionId": "ap-southeast-1",
    "Permissions": '["RbacPermission/Template/CryptoServiceKeyUser"]',
    "Resources": '["key/*"]',
    "Policies": '["owners"]',
    "Type": "Private",
    "Password": "Passw0rd",
    "ResourceType": "key",
    "UserName": "ann",
    "GroupName": "ops",
    "RoleName": "app",
    "PolicyName": "some",
    "PolicyType": "Custom",
    "PolicyDocument": json.dumps({"Version": "1", "Statement": [{"Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*"}]}),
    "UserAccessKeyId": "LTAI5tnone",
    "Status": "Active",
    "VersionId": "v1",
    "AssumeRolePolicyDocument": "{}",
    "RoleSessionName": "here",
    "RoleArn": "acs:ram::1000000000000000:role/app",
    "BindVpcs": '[{"VpcId":"vpc-2","VSwitchId":"vsw-2"}]',
    "InstanceName": "mine",
    "OIDCProviderName": "cluster",
    "OIDCProviderArn": "acs:ram::1000000000000000:oidc-provider/cluster",
    "OIDCToken": "a.b.c",
    "IssuerUrl": "https://issuer.example.com",
    "ClientId": "sts.example.com",
    "NewDescription": "x",
    "Keys": json.dumps({"keys": [JWK]}),
}
EXTRA = {
    "GetSubscriptionPrice": {"ServicePeriodQuantity": "1", "ServicePeriodUnit": "Month"},
    "ModifyInstance": {"Parameter.1.Code": "VpcNum", "Parameter.1.Value": "2"},
    "RenewChangeInstance": {"Parameter.1.Code": "VpcNum", "Parameter.1.Value": "2"},
    "InquiryPriceRefundInstance": {"ProductCode": "kms"},
    "RefundInstance": {"ProductCode": "kms"},
    "TagResources": {"Tag.1.Key": "a", "Tag.1.Value": "b"},
    "UntagResources": {"TagKey.1": "a"},
    "CreateNetworkRule": {"SourcePrivateIp": "10.0.0.0/8"},
}
LISTS = {"ResourceId", "Tag"}  # sent as Name.1
# Actions that name no resource: what they show must be the caller's own.
OWN_ONLY = {
    "ListKeys": "TotalCount",
    "ListKmsInstances": "TotalCount",
    "QueryOrders": "TotalCount",
    "QueryAvailableInstances": "TotalCount",
    "ListAliases": "TotalCount",
    "ListApplicationAccessPoints": "TotalCount",
    "ListPolicies": "TotalCount",
    "ListNetworkRules": "TotalCount",
}
OWNED = {"ListKeys": 3, "ListAliases": 2}  # in the instance, the default key, a service's; where it is not one
# Lists narrowed by a resource: a stranger's are empty, whatever is named.
EMPTY_FOR_STRANGERS = {"ListTagResources", "ListClientKeys"}
# What these make has its name in the account of who makes it: a name taken elsewhere is free.
OWN_NAMES = {("CreatePolicy", "Name"), ("CreateNetworkRule", "Name"), ("CreateApplicationAccessPoint", "Name")}

NO_KEY = "key-soz00000000aaaaaaaaaa"
ABSENT = {  # what is not there, by parameter
    "KeyId": NO_KEY,
    "KeyVersionId": f"{NO_KEY}-bbbbbbbbbb",
    "DestinationKeyId": NO_KEY,
    "SourceKeyId": NO_KEY,
    "ProtectedResourceArn": NO_KEY,
    "ResourceId": NO_KEY,
    "AliasName": "alias/nobodys",
    "KmsInstanceId": "kst-soz00000000aaaaaaaaaa",
    "DKMSInstanceId": "kst-soz00000000aaaaaaaaaa",
    "InstanceId": "kst-soz00000000aaaaaaaaaa",
    "KmsInstance": "kst-soz00000000aaaaaaaaaa",
    "Name": "nobodys",
    "AapName": "nobodys",
    "ClientKeyId": "KAAP.00000000-0000-4000-8000-000000000000",
    "InstanceIDs": "kst-soz00000000aaaaaaaaaa",
    "OrderId": "100000000000001",
}


class Stage(NamedTuple):
    """A tenant with an instance, key, ciphertext and order, and a stranger with none."""

    owner: Tenant
    stranger: Tenant
    foreign: dict[str, list[str]]
    absent: dict[str, str]


def access_point(owner: Tenant, instance_id: str, name: str) -> str:
    """Make an access point, a policy and a network rule of that name; gives the client key's id."""
    asked = {"Permissions": CONTEXT_FREE["Permissions"], "Resources": CONTEXT_FREE["Resources"]}
    assert owner.kms("CreatePolicy", Name=name, KmsInstance=instance_id, **asked).status == 200
    assert owner.kms("CreateApplicationAccessPoint", Name=name, Policies=json.dumps([name])).status == 200
    assert owner.kms("CreateNetworkRule", Name=name, Type="Private", SourcePrivateIp="10.0.0.1").status == 200
    return str(owner.kms("CreateClientKey", AapName=name, Password="Passw0rd").body["ClientKeyId"])


@pytest.fixture
def stage(sqlite_url: str, tmp_path: Path) -> Iterator[Stage]:
    """Set it."""
    world = World(sqlite_url, tmp_path / "var")
    owner, stranger = world.tenant(), world.tenant()
    instance_id = owner.instance()
    key_id = owner.key(instance_id)
    blob = owner.kms("Encrypt", KeyId=key_id, Plaintext="aGVsbG8=").body["CiphertextBlob"]
    version_id = owner.kms("DescribeKey", KeyId=key_id).body["KeyMetadata"]["PrimaryKeyVersion"]
    assert owner.kms("CreateAlias", AliasName="alias/owners", KeyId=key_id).status == 200
    assert owner.kms("TagResource", KeyId=key_id, Tags='[{"TagKey":"owners","TagValue":"tag"}]').status == 200
    default_id = str(owner.kms("CreateKey").body["KeyMetadata"]["KeyId"])
    service_alias = f"acs:kms:ap-southeast-1:{owner.account_id}:alias/acs/oss"
    drawn = world.cloud_service("oss").kms("Encrypt", KeyId=service_alias, Plaintext="aGVsbG8=").body
    default_arn = f"acs:kms:ap-southeast-1:{owner.account_id}:key/{default_id}"
    order_id = owner.bss("QueryOrders").body["Data"]["OrderList"]["Order"][0]["OrderId"]
    name = "owners"
    client_key_id = access_point(owner, instance_id, name)
    arn = f"acs:kms:ap-southeast-1:{owner.account_id}:key/{key_id}"
    foreign = {
        "KeyId": [
            key_id,
            arn,
            f"acs:kms:ap-southeast-1:{owner.account_id}:alias/owners",
            default_id,
            default_arn,
            str(drawn["KeyId"]),
            service_alias,
        ],
        "KeyVersionId": [version_id],
        "DestinationKeyId": [key_id, arn, default_arn, service_alias],
        "SourceKeyId": [key_id, arn],
        "ProtectedResourceArn": [arn],
        "ResourceId": [key_id, arn, default_id, str(drawn["KeyId"])],
        "AliasName": ["alias/owners"],
        "KmsInstanceId": [instance_id],
        "DKMSInstanceId": [instance_id],
        "InstanceId": [instance_id],
        "KmsInstance": [instance_id],
        "Name": [name],
        "AapName": [name],
        "ClientKeyId": [client_key_id],
        "InstanceIDs": [instance_id],
        "OrderId": [order_id],
        "CiphertextBlob": [blob, str(drawn["CiphertextBlob"])],
    }
    raw = base64.b64decode(blob)
    absent = ABSENT | {"CiphertextBlob": base64.b64encode(f"{NO_KEY}-bbbbbbbbbb".encode() + raw[36:]).decode()}
    yield Stage(owner, stranger, foreign, absent)
    world.close()


def _plain(body: dict[str, object], names: list[str]) -> str:
    text = json.dumps({name: value for name, value in body.items() if name != "RequestId"}, sort_keys=True)
    for name in names:
        text = text.replace(name, "<id>")
    return text


def _flat(stage: Stage, action: Action, resource: str, value: str) -> dict[str, object]:
    flat: dict[str, object] = dict(EXTRA.get(action.name, {}))
    for field in action.plan:
        if field.wire in LISTS:
            if field.wire == resource:
                flat[f"{field.wire}.1"] = value
            elif field.required and field.wire in stage.absent:
                flat[f"{field.wire}.1"] = stage.foreign[field.wire][0]
        elif field.wire == resource:
            flat[field.wire] = value
        elif field.required and field.wire in stage.absent:
            flat[field.wire] = stage.foreign[field.wire][0]
        elif field.required:
            flat[field.wire] = CONTEXT_FREE[field.wire]
    if action.name == "GetSubscriptionPrice":
        flat.pop("ModuleList", None)
        flat |= {"ModuleList.1.ModuleCode": "Spec", "ModuleList.1.Config": "Spec:1000"}
    return flat


def test_foreign_looks_absent(stage: Stage) -> None:
    """For every action and resource parameter, by id and by ARN: a stranger is answered as if nothing were there."""
    tried = 0
    for product in PRODUCTS_SERVED:
        for action in product.actions.values():
            resources = [field.wire for field in action.plan if field.wire in stage.foreign]
            for resource in resources:
                if (action.name, resource) in OWN_NAMES:
                    continue
                for foreign in stage.foreign[resource]:
                    absent = stage.absent[resource]
                    if foreign.startswith("acs:"):
                        absent = foreign.rsplit("/", 1)[0] + "/" + absent
                    asked = stage.stranger.call(product.version, action.name, _flat(stage, action, resource, foreign))
                    missing = stage.stranger.call(product.version, action.name, _flat(stage, action, resource, absent))
                    where = (action.name, resource)
                    assert (asked.status, asked.code) == (missing.status, missing.code), where
                    assert _plain(asked.body, [foreign]) == _plain(missing.body, [absent]), where
                    assert (
                        asked.status >= 400
                        or asked.body.get("Success") is False
                        or action.name in {*OWN_ONLY, *EMPTY_FOR_STRANGERS}
                    ), where
                    tried += 1
    assert tried >= 16
    print(f"cross-account matrix: {tried} cells")


def test_nothing_of_the_owner_is_shown(stage: Stage) -> None:
    """Every action that names no resource answers a stranger without one id of the owner's."""
    ids = [stage.owner.account_id, *(value for values in stage.foreign.values() for value in values)]
    for product in PRODUCTS_SERVED:
        for action in product.actions.values():
            if not any(field.wire in stage.foreign and field.required for field in action.plan):
                reply = stage.stranger.call(product.version, action.name, _flat(stage, action, "", ""))
                text = json.dumps(reply.body)
                assert [found for found in ids if found in text] == [], action.name


def test_lists_show_the_callers_own(stage: Stage) -> None:
    """A stranger's lists are empty, the owner's are not."""
    for product in PRODUCTS_SERVED:
        for name, total in OWN_ONLY.items():
            if name in product.actions and product.code != "ram":  # its lists have no count
                for tenant, count in ((stage.stranger, 0), (stage.owner, OWNED.get(name, 1))):
                    body = tenant.call(product.version, name, {}).body
                    found = body.get("Data", body)
                    assert found[total] == count, name


def test_nothing_of_the_owner_changed(stage: Stage) -> None:
    """After a stranger tried to disable and renew: the key still serves and the end is where it was."""
    before = stage.owner.kms("GetKmsInstance", KmsInstanceId=stage.foreign["InstanceId"][0]).body["KmsInstance"]
    stage.stranger.kms("DisableKey", KeyId=stage.foreign["KeyId"][0])
    stage.stranger.bss("RenewInstance", ProductCode="kms", InstanceId=stage.foreign["InstanceId"][0], RenewPeriod=1)
    after = stage.owner.kms("GetKmsInstance", KmsInstanceId=stage.foreign["InstanceId"][0]).body["KmsInstance"]
    assert after == before
    assert stage.owner.kms("Encrypt", KeyId=stage.foreign["KeyId"][0], Plaintext="aGVsbG8=").status == 200
