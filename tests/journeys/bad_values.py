"""Values that nobody should send, by kind, for any parameter of any action; and a stage on which they can do harm.

Nothing here is random: the same parameter gets the same values in every run, and a sample is chosen by a checksum of their names.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from sqlalchemy import select

from keystead.gate.parameters import Field
from keystead.gate.registry import Action
from keystead.store import metadata
from tests.journeys.access_scene import ABOUT_ACCESS, AccessScene
from tests.journeys.ram_scene import NAMES, RamScene
from tests.journeys.test_cross_account import CONTEXT_FREE
from tests.world import Reply, Tenant, World

DIGEST = CONTEXT_FREE["Digest"]
PURCHASE = {"Region": "ap-southeast-1", "ProductVersion": "3", "Spec": "1000", "KeyNum": "1000"}
LISTED = {"ResourceId", "TagKey", "Parameter", "ModuleList", "Tag", "InstanceIdList", "BillOwnerIdList", "BillUserIdList"}
# Claims of requests, not facts: a refused writing call keeps its nonce (docs/adr/0003).
# Usage is counted now and then, by no call.
NOT_FACTS = {"request_nonce", "usage_call", "usage_day", "usage_load", "usage_mark", "usage_read", "usage_second"}
LONG = ("x" * 300, "x" * 20_000, "9" * 70, "alias/" + "x" * 300, "[" * 5_000, '{"a":' * 200, '{"' + "k" * 9_000 + '":"v"}')
OF_OTHER_TYPES = (
    *("-1", "0", "101", "1001", "99999999999999999999", "1e3", "1.5", "NaN", "yes", "true", "null", "None", "{}", "[]", '""'),
    *('{"a":1}', '{"a":"b"}', '[{"TagKey":null}]', '[{"Key":"KeyState","Values":null}]', "AA==", "AAA", "2026-13-45T99:99:99Z"),
    *('{"Version":"1","Statement":[]}', "'; DROP TABLE kms_key; --"),
)
UNICODE = ("ключ-Ω-🔑", "a\x00b", "\ufeff", "\u202e\u0301", "\uff41\uff42", "\u0130", "\u2028", "\x1b[31m", "é" * 300)
PATHS = (
    "../../etc/passwd",
    "%2e%2e%2f",
    "..\\..\\x",
    "//",
    "*",
    "alias/../x",
    "acs:",
    "acs:kms:*:*:key/*",
    "acs:kms:::key/",
    "key/*",
)


class Case(NamedTuple):
    """One bad value: of which kind, and what to send in place of the good one. None leaves the parameter out."""

    kind: str
    sent: dict[str, str] | None


def contents(world: World) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables that hold facts."""
    with world.service.store.read() as tx:
        tables = [table for name, table in metadata.tables.items() if name not in NOT_FACTS]
        return {table.name: sorted(map(tuple, tx.execute(select(table))), key=repr) for table in tables}


class Scene:
    """A tenant with two instances and keys of several kinds, a third instance to lose, and a stranger with one of each."""

    def __init__(self, world: World) -> None:
        """Set it."""
        self.world = world
        self.one, self.other = world.tenant("90000000.00"), world.tenant("90000000.00")
        self.instance, self.spare, self.changing = self.one.instance(Spec="4000", VpcNum="2"), self.one.buy(), self.one.buy()
        self.keys = {
            "aes": self.key(),
            "ec": self.key(KeySpec="EC_P256"),
            "sm2": self.key(KeySpec="EC_SM2", KeyUsage="ENCRYPT/DECRYPT"),
            "mac": self.key(KeySpec="HMAC_SHA_256", KeyUsage="GENERATE/VERIFY"),
            "doomed": self.key(),
        }
        self.waiting = self.key(Origin="EXTERNAL")
        self.versions = {name: self.version(key_id) for name, key_id in self.keys.items()}
        served(self.one.kms("CreateAlias", AliasName="alias/mine", KeyId=self.keys["aes"]))
        served(self.one.kms("ScheduleKeyDeletion", KeyId=self.keys["doomed"], PendingWindowInDays=30))
        self.blob = served(self.one.kms("Encrypt", KeyId=self.keys["aes"], Plaintext="aGVsbG8=")).body["CiphertextBlob"]
        data_key = served(self.one.kms("GenerateDataKey", KeyId=self.keys["aes"]))
        self.orders = self.one.bss("QueryOrders").body["Data"]["OrderList"]["Order"]
        self.furnish_second()
        self.access, self.ram, self.foreign = AccessScene(self.one, self.instance), RamScene(self.one), self._foreign()
        ec, sm2 = ({"KeyId": self.keys[name], "KeyVersionId": self.versions[name]} for name in ("ec", "sm2"))
        signed = self.one.kms("AsymmetricSign", **ec, Algorithm="ECDSA_SHA_256", Digest=DIGEST).body["Value"]
        sealed = self.one.kms("AsymmetricEncrypt", **sm2, Algorithm="SM2PKE", Plaintext="aGVsbG8=").body["CiphertextBlob"]
        mac = self.one.kms("GenerateMac", KeyId=self.keys["mac"], Algorithm="HMAC_SHA_256", Message="aGVsbG8=").body["Mac"]
        waiting = {"KeyId": self.waiting}
        self.special: dict[str, dict[str, str]] = {
            "GetParametersForImport": waiting,
            "ImportKeyMaterial": waiting | wrapped(self.one, self.waiting) | {"KeyMaterialExpireUnix": "0"},
            "DeleteKeyMaterial": waiting,
            "AsymmetricSign": ec,
            "AsymmetricVerify": ec | {"Value": signed},
            "AsymmetricEncrypt": sm2 | {"Algorithm": "SM2PKE"},
            "AsymmetricDecrypt": sm2 | {"Algorithm": "SM2PKE", "CiphertextBlob": sealed},
            "GetPublicKey": ec,
            "GenerateMac": {"KeyId": self.keys["mac"], "Algorithm": "HMAC_SHA_256"},
            "VerifyMac": {"KeyId": self.keys["mac"], "Algorithm": "HMAC_SHA_256", "Mac": mac},
            "ExportDataKey": {"CiphertextBlob": data_key.body["CiphertextBlob"]},
            "CreateKey": {"DKMSInstanceId": self.instance},
            "CreateAlias": {"AliasName": "alias/fresh"},
            "CreateKeyVersion": {"KeyId": self.keys["ec"]},
            "CancelKeyDeletion": {"KeyId": self.keys["doomed"]},
            "SetDeletionProtection": {"KeyId": self.keys["aes"]},
            "TagResource": {"KeyId": self.keys["aes"]},
            "UntagResource": {"KeyId": self.keys["aes"]},
            "TagResources": {"ResourceId.1": self.keys["aes"], "Tag.1.Key": "a", "Tag.1.Value": "b"},
            "UntagResources": {"ResourceId.1": self.keys["aes"], "TagKey.1": "a"},
            "ListTagResources": {"ResourceId.1": self.keys["aes"]},
            "UpdateRotationPolicy": {"EnableAutomaticRotation": "true", "RotationInterval": "30d"},
            "CreateInstance": {"Period": "1", **numbered(PURCHASE)},
            "ModifyInstance": numbered({"VpcNum": "2"}),
            "RenewChangeInstance": numbered({"VpcNum": "3"}),
            "GetSubscriptionPrice": {
                "OrderType": "NewOrder",
                "ServicePeriodQuantity": "1",
                "ServicePeriodUnit": "Month",
                "ModuleList.1.ModuleCode": "Spec",
                "ModuleList.1.Config": "Spec:1000,ProductVersion:3,Region:ap-southeast-1",
            },
        }

    def furnish_second(self) -> None:
        """Buy the second instance, and make a key, an alias and a ciphertext in it."""
        self.second = self.one.instance(Spec="4000")
        self.in_second = self.one.key(self.second)
        served(self.one.kms("CreateAlias", AliasName="alias/second", KeyId=self.in_second))
        blob = served(self.one.kms("Encrypt", KeyId=self.in_second, Plaintext="aGVsbG8=")).body["CiphertextBlob"]
        arn = f"acs:kms:ap-southeast-1:{self.one.account_id}:key/{self.in_second}"
        self.second_things = [self.in_second, self.second, blob, "alias/second", arn, self.version(self.in_second)]

    def key(self, **shape: str) -> str:
        """Make a key in the first instance."""
        return str(served(self.one.kms("CreateKey", DKMSInstanceId=self.instance, **shape)).body["KeyMetadata"]["KeyId"])

    def version(self, key_id: str) -> str:
        """The one version of a key."""
        found = served(self.one.kms("ListKeyVersions", KeyId=key_id)).body["KeyVersions"]["KeyVersion"]
        return str(found[0]["KeyVersionId"])

    def _foreign(self) -> list[str]:
        instance_id = self.other.instance()
        key_id = self.other.key(instance_id)
        served(self.other.kms("CreateAlias", AliasName="alias/theirs", KeyId=key_id))
        blob = served(self.other.kms("Encrypt", KeyId=key_id, Plaintext="aGVsbG8=")).body["CiphertextBlob"]
        order_id = self.other.bss("QueryOrders").body["Data"]["OrderList"]["Order"][0]["OrderId"]
        client_key_id = AccessScene(self.other, instance_id).client_key_id
        account_id = self.other.account_id
        arn = f"acs:kms:ap-southeast-1:{account_id}:"
        version_id = base64.b64decode(blob)[:36].decode()
        return [
            key_id,
            instance_id,
            version_id,
            order_id,
            blob,
            f"{arn}key/{key_id}",
            f"{arn}alias/theirs",
            self.other.account_id,
            client_key_id,
        ]

    def named(self, action: Action, wire: str) -> str:
        """A good value of a parameter; empty where there is none to give."""
        ours = {
            "KeyId": self.keys["aes"],
            "DestinationKeyId": self.keys["aes"],
            "SourceKeyId": self.keys["aes"],
            "KeyVersionId": self.versions["aes"],
            "SourceKeyVersionId": self.versions["aes"],
            "CiphertextBlob": self.blob,
            "AliasName": "alias/mine",
            "ProtectedResourceArn": f"acs:kms:ap-southeast-1:{self.one.account_id}:key/{self.keys['aes']}",
            "KmsInstanceId": self.spare if action.name == "ConnectKmsInstance" else self.instance,
            "InstanceId": self.spare if "Refund" in action.name else self.instance,
            "InstanceIDs": self.instance,
            "DKMSInstanceId": self.instance,
            "OrderId": self.orders[0]["OrderId"],
            "ResourceId": self.keys["aes"],
            "Name": "mine",
            "AapName": "mine",
            "Policies": '["mine"]',
            "KmsInstance": self.instance,
            "ClientKeyId": self.access.client_key_id,
        }
        return ours.get(wire) or CONTEXT_FREE.get(wire, "")

    def sound(self, action: Action) -> dict[str, str]:
        """The action's parameters as they should be: the required ones, and what else a served call needs."""
        flat = {
            field.wire: self.named(action, field.wire) for field in action.plan if field.required and field.wire not in LISTED
        }
        if "Refund" in action.name:
            flat |= {"InstanceId": self.spare, "ProductCode": "kms"}
        if action.name in {"ModifyInstance", "RenewChangeInstance"}:
            flat["InstanceId"] = self.changing
        part = self.access if action.product.code == "kms" else self.ram
        special = self.special if action.product.code in {"kms", "bss"} else {}
        return flat | special.get(action.name, {}) | part.special.get(action.name, {})

    def _mend_keys(self) -> None:
        one, keys = self.one, self.keys
        if one.kms("DescribeKey", KeyId=self.in_second).status == 404:  # given back
            one.kms("DeleteAlias", AliasName="alias/second")
            self.furnish_second()
        for key_id in (*keys.values(), self.in_second):
            state = one.kms("DescribeKey", KeyId=key_id).body["KeyMetadata"]["KeyState"]
            if key_id == keys["doomed"]:
                if state != "PendingDeletion":
                    one.kms("SetDeletionProtection", KeyId=key_id, EnableDeletionProtection="false")
                    served(one.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=30))
                continue
            if state == "PendingDeletion":
                served(one.kms("CancelKeyDeletion", KeyId=key_id))
            served(one.kms("EnableKey", KeyId=key_id))
            served(one.kms("SetDeletionProtection", KeyId=key_id, EnableDeletionProtection="false"))

    def mend(self, flat: dict[str, str]) -> None:
        """Put back what a served call changed, so that the next one finds the scene as it was."""
        if NAMES & flat.keys():
            self.ram.mend()
            return
        if ABOUT_ACCESS & flat.keys():
            self.access.mend()
            return
        self._mend_keys()
        one, keys = self.one, self.keys
        if one.kms("DescribeKey", KeyId=self.waiting).body["KeyMetadata"]["KeyState"] != "PendingImport":
            one.kms("CancelKeyDeletion", KeyId=self.waiting)
            served(one.kms("DeleteKeyMaterial", KeyId=self.waiting))
        if one.kms("DescribeKey", KeyId="alias/mine").status == 404:
            served(one.kms("CreateAlias", AliasName="alias/mine", KeyId=keys["aes"]))
        served(one.kms("UpdateAlias", AliasName="alias/mine", KeyId=keys["aes"]))
        if flat.get("InstanceId") == self.changing:  # a change may be made once, or not while another is pending
            self.changing = one.buy()
        if flat.get("AliasName", "alias/mine") != "alias/mine":
            one.kms("DeleteAlias", AliasName=flat["AliasName"])
        there = one.kms("GetKmsInstance", KmsInstanceId=self.spare)
        if there.status != 200 or there.body["KmsInstance"]["Status"] != "Uninitialized":
            self.spare = one.buy()


def wrapped(tenant: Tenant, key_id: str, material: bytes = bytes(range(32))) -> dict[str, str]:
    """Get parameters for import, and wrap material as a customer would: what ImportKeyMaterial takes."""
    way = {"WrappingKeySpec": "RSA_2048", "WrappingAlgorithm": "RSAES_OAEP_SHA_256"}
    offer = served(tenant.kms("GetParametersForImport", KeyId=key_id, **way)).body
    public = load_der_public_key(base64.b64decode(offer["PublicKey"]))
    assert isinstance(public, RSAPublicKey)
    sealed = public.encrypt(material, padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))
    return {"ImportToken": offer["ImportToken"], "EncryptedKeyMaterial": base64.b64encode(sealed).decode()}


def key_of(tenant: Tenant, instance_id: str, **shape: str) -> dict[str, str]:
    """Make a key; gives KeyId and KeyVersionId."""
    key_id = served(tenant.kms("CreateKey", DKMSInstanceId=instance_id, **shape)).body["KeyMetadata"]["KeyId"]
    versions = served(tenant.kms("ListKeyVersions", KeyId=key_id)).body["KeyVersions"]["KeyVersion"]
    return {"KeyId": key_id, "KeyVersionId": versions[0]["KeyVersionId"]}


def served(reply: Reply) -> Reply:
    """The reply of a call that has to succeed."""
    assert reply.status == 200, reply.body
    assert reply.body.get("Success", True), reply.body
    return reply


def numbered(modules: dict[str, str]) -> dict[str, str]:
    """Modules as the numbered parameters of a purchase."""
    flat: dict[str, str] = {}
    for number, (code, value) in enumerate(modules.items(), 1):
        flat |= {f"Parameter.{number}.Code": code, f"Parameter.{number}.Value": value}
    return flat


def cases(scene: Scene, action: Action, field: Field) -> Iterator[Case]:
    """Every bad value of one parameter, in every form it can be written in."""
    good = scene.named(action, field.wire) or scene.sound(action).get(f"{field.wire}.1", "") or "Value"
    values = {
        "empty": ("", " ", "\t"),
        "too long": LONG,
        "wrong type": OF_OTHER_TYPES,
        "wrong case": (good.swapcase(), good.upper(), good.title()),
        "unicode": (*UNICODE, good + "\u0301", good + "\u200b"),
        "another account's": tuple(scene.foreign),
        "another instance's": tuple(scene.second_things),
        "path tricks": (*PATHS, f"{good}/../{good}", f"./{good}", f"{good}%00", f"{good}/", f" {good} "),
    }
    yield Case("missing", None)
    yield Case("wrong case", {field.wire.swapcase(): good})
    forms = [field.wire]
    if field.dotted:
        forms += [f"{field.wire}.1", f"{field.wire}.1.Key", f"{field.wire}.1.Code", f"{field.wire}.0", f"{field.wire}.x"]
    for kind, some in values.items():
        for value in some:
            for form in forms:
                yield Case(kind, {form: value})


def chosen(action: Action, field: Field, number: int, one_in: int) -> bool:
    """Whether a case belongs to a sample of one in so many; which, is fixed."""
    return zlib.crc32(f"{action.name} {field.wire} {number}".encode()) % one_in == 0


def without(flat: dict[str, str], wire: str) -> dict[str, str]:
    """The parameters but one, in whatever form it is there."""
    return {name: value for name, value in flat.items() if name != wire and not name.startswith(f"{wire}.")}


def of_others(scene: Scene, rows: dict[str, list[tuple[object, ...]]]) -> list[str]:
    """The rows that speak of the stranger: of its account, or of anything it owns where they are not the tenant's own words."""
    found = ((name, row) for name, those in rows.items() for row in those if scene.one.account_id not in row)
    return [repr((name, row)) for name, row in found if any(mark in row for mark in scene.foreign)]
