"""System policies: the same for every account, never changed by one. Pure.

Statements as on each policy's own page under "System policy reference" of the RAM documentation (read 2026-11-23):
AliyunKMSFullAccess v3, AliyunKMSReadOnlyAccess v3, AliyunKMSCryptoAdminAccess v2, AliyunKMSCryptoUserAccess v2,
AliyunKMSSecretAdminAccess v5, AliyunKMSSecretUserAccess v1, AliyunBSSReadOnlyAccess v3, AliyunRAMReadOnlyAccess v3,
AliyunSTSAssumeRoleAccess v1. Left out of them are the statements on ram:CreateServiceLinkedRole, whose condition key is not
served here. No page found; ours: AdministratorAccess, ReadOnlyAccess, AliyunBSSFullAccess, AliyunBSSOrderAccess and
AliyunRAMFullAccess.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

Said = tuple[str, ...]


def _allow(actions: Said, resources: Said = ("*",)) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


_KMS_READ: Final = (
    "kms:List*", "kms:Describe*", "kms:GetPublicKey", "kms:GetUploadBackupDataInfo", "kms:GetKmsInstanceSharedAccounts",
    "kms:GetKmsInstanceQuotaInfos", "kms:GetCheckAssociateResourceTaskResults", "kms:GetKeyPolicy", "kms:GetKeyDefaultPolicy",
    "kms:GetSecretPolicy", "kms:GetSecretDefaultPolicy", "kms:GetKmsInstance", "kms:GetDefaultKmsInstance",
)  # fmt: skip
_BSS_READ: Final = (
    "bss:Describe*", "bssapi:Describe*", "bssapi:Query*", "bss:ListTechSolutionTokenBills", "bss:GetTechSolutionTokenOverview",
)  # fmt: skip
_RAM_READ: Final = ("ram:Get*", "ram:List*", "ram:GenerateCredentialReport")
_ANALYSER: Final = ("accessanalyzer:Get*", "accessanalyzer:List*")
_CRYPTO: Final = (
    "kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:AsymmetricDecrypt",
    "kms:AsymmetricEncrypt", "kms:AsymmetricSign", "kms:AsymmetricVerify", "kms:GetPublicKey", "kms:GenerateMac", "kms:VerifyMac",
)  # fmt: skip
_ORDERS: Final = (
    "bssapi:CreateInstance", "bssapi:RenewInstance", "bssapi:ModifyInstance", "bssapi:RenewChangeInstance", "bssapi:CancelOrder",
    "bssapi:SetRenewal", "bssapi:QueryOrders", "bssapi:GetOrderDetail", "bssapi:QueryAvailableInstances",
    "bssapi:GetSubscriptionPrice", "bssapi:QueryProductList", "bssapi:DescribePricingModule",
)  # fmt: skip
_RDS: Final = (
    "rds:DescribeDBInstances", "rds:DescribeDBInstanceAttribute", "rds:DescribeDatabases", "rds:DescribeAccounts",
    "rds:DescribeDBInstanceNetInfo", "rds:CreateAccount", "rds:GrantAccountPrivilege",
)  # fmt: skip
_TAGS: Final = _allow(
    ("ecs:TagResources", "ecs:UntagResources", "ecs:ListTagResources"), ("acs:kms:*:*:key/*", "acs:kms:*:*:secret/*")
)
_STATEMENTS: Final[dict[str, tuple[str, list[dict[str, Any]]]]] = {
    "AdministratorAccess": ("Everything in the account.", [_allow(("*",))]),
    "AliyunBSSFullAccess": ("Orders, bills and payments.", [_allow(("bss:*", "bssapi:*"))]),
    "AliyunBSSOrderAccess": ("Orders.", [_allow(_ORDERS)]),
    "AliyunBSSReadOnlyAccess": ("Reading orders and bills.", [_allow(_BSS_READ)]),
    "AliyunKMSCryptoAdminAccess": (
        "Managing and using keys.",
        [_allow(("kms:*",), ("acs:kms:*:*:key*", "acs:kms:*:*:alias*")), _TAGS],
    ),
    "AliyunKMSCryptoUserAccess": ("Using keys.", [_allow(_CRYPTO)]),
    "AliyunKMSFullAccess": ("Everything in KMS.", [_allow(("kms:*",))]),
    "AliyunKMSReadOnlyAccess": ("Reading about keys, secrets and instances, never their values.", [_allow(_KMS_READ)]),
    "AliyunKMSSecretAdminAccess": (
        "Managing and reading secrets.",
        [
            _allow(("kms:*",), ("acs:kms:*:*:secret*",)),
            _allow(("kms:GetRandomPassword",)),
            _allow(_RDS),
            _allow(("ecs:DescribeInstances",), ("acs:ecs:*:*:instance/*",)),
            _TAGS,
        ],
    ),
    "AliyunKMSSecretUserAccess": (
        "Reading the values of secrets.",
        [_allow(("kms:GetSecretValue",)), _allow(("kms:DescribeSecret", "kms:ListSecretVersionIds"))],
    ),
    "AliyunRAMFullAccess": ("Managing users, groups, roles and policies.", [_allow(("ram:*",))]),
    "AliyunRAMReadOnlyAccess": ("Reading about users, groups, roles and policies.", [_allow(_RAM_READ), _allow(_ANALYSER)]),
    "AliyunSTSAssumeRoleAccess": ("Assuming roles.", [_allow(("sts:AssumeRole",))]),
    "ReadOnlyAccess": (
        "Reading everything but secrets' values.",
        [_allow(_KMS_READ), _allow(_BSS_READ), _allow(_RAM_READ)],
    ),
}
SYSTEM_POLICIES: Final[dict[str, tuple[str, str]]] = {
    name: (description, msgspec.json.encode({"Version": "1", "Statement": statements}).decode())
    for name, (description, statements) in _STATEMENTS.items()
}
"""Description and document by name."""
