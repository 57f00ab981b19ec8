"""System policies: the same for every account, never changed by one. Pure.

RAM system policy reference pages of KMS, RAM, STS and BSS, read 2026-11-22; the statements are written out for what is served
here.
"""

from __future__ import annotations

from typing import Final

import msgspec

_CRYPTO: Final = [
    "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:GenerateAndExportDataKey", "kms:ExportDataKey",
    "kms:Asymmetric*", "kms:GetPublicKey", "kms:GenerateMac", "kms:VerifyMac", "kms:DescribeKey", "kms:ListKeys",
    "kms:ListAliases*",
]  # fmt: skip
_SECRET_USE: Final = [
    "kms:GetSecretValue", "kms:BatchGetSecretValue", "kms:DescribeSecret", "kms:ListSecrets", "kms:ListSecretVersionIds",
    "kms:GetRandomPassword", "kms:Decrypt",
]  # fmt: skip
_READ: Final = [
    "kms:Describe*",
    "kms:List*",
    "kms:GetKeyPolicy",
    "kms:GetSecretPolicy",
    "kms:GetKmsInstance*",
    "kms:GetPublicKey",
]
_ALLOWED: Final[dict[str, tuple[str, list[str]]]] = {
    "AdministratorAccess": ("Everything in the account.", ["*"]),
    "AliyunBSSFullAccess": ("Orders, bills and payments.", ["bss:*", "bssapi:*"]),
    "AliyunBSSReadOnlyAccess": ("Reading orders and bills.", ["bssapi:Query*", "bssapi:Describe*", "bssapi:Get*",
    "bssapi:Inquiry*"]),
    "AliyunKMSCryptoAdminAccess": ("Managing keys.", [
        "kms:*Key*", "kms:*Alias*", "kms:*Tag*", "kms:*Deletion*", "kms:*Rotation*", "kms:ImportKeyMaterial",
        "kms:GetParametersForImport",
        "kms:DescribeRegions",
    ]),
    "AliyunKMSCryptoUserAccess": ("Using keys.", _CRYPTO),
    "AliyunKMSFullAccess": ("Everything in KMS.", ["kms:*"]),
    "AliyunKMSReadOnlyAccess": ("Reading about keys, secrets and instances, never their values.", _READ),
    "AliyunKMSSecretAdminAccess": ("Managing secrets.", ["kms:*Secret*", "kms:*Tag*", "kms:GetRandomPassword"]),
    "AliyunKMSSecretUserAccess": ("Reading the values of secrets.", _SECRET_USE),
    "AliyunRAMFullAccess": ("Managing users, groups, roles and policies.", ["ram:*"]),
    "AliyunRAMReadOnlyAccess": ("Reading about users, groups, roles and policies.", ["ram:Get*", "ram:List*"]),
    "AliyunSTSAssumeRoleAccess": ("Assuming roles.", ["sts:AssumeRole"]),
    "ReadOnlyAccess": ("Reading everything but secrets' values.", [
        *_READ, "bssapi:Query*", "bssapi:Describe*", "ram:Get*", "ram:List*",
    ]),
}  # fmt: skip
SYSTEM_POLICIES: Final[dict[str, tuple[str, str]]] = {
    name: (
        description,
        msgspec.json.encode(
            {"Version": "1", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]},
        ).decode(),
    )
    for name, (description, actions) in _ALLOWED.items()
}
"""Description and document by name."""
