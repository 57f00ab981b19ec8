"""What each action needs ("Use RAM to control access to KMS resources" page, read 2026-11-23).

The page has the key and alias actions and their containers. Those on instances, OpenKmsService, DescribeAccountKmsStatus,
application access points and the managed data keys are on no page that could be read; ours. An action that is not here stops
the start.
"""

from __future__ import annotations

from typing import Final

from keystead.gate.registry import OPEN, Permission

_HOME: Final = "acs:kms:{region}:{account}:"
_ON_A_KEY: Final = (
    "AsymmetricDecrypt", "AsymmetricEncrypt", "AsymmetricSign", "AsymmetricVerify", "CancelKeyDeletion", "CreateKeyVersion",
    "Decrypt",
    "DeleteKeyMaterial", "DescribeKey", "DescribeKeyVersion", "DisableKey", "EnableKey", "Encrypt", "ExportDataKey",
    "GenerateAndExportDataKey", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "GenerateMac", "GetKeyPolicy",
    "GetParametersForImport", "GetPublicKey", "ImportKeyMaterial", "ListAliasesByKeyId", "ListKeyVersions", "ListResourceTags",
    "ScheduleKeyDeletion", "SetDeletionProtection", "SetKeyPolicy", "TagResource", "TagResources", "UntagResource",
    "UntagResources",
    "UpdateKeyDescription", "UpdateRotationPolicy", "VerifyMac",
)  # fmt: skip
_OF_APPLICATIONS: Final = (
    *(f"{verb}{thing}" for verb in ("Create", "Delete", "Describe", "Update") for thing in ("NetworkRule", "Policy")),
    *(f"{verb}ApplicationAccessPoint" for verb in ("Create", "Delete", "Describe", "Update")),
    *("CreateClientKey", "DeleteClientKey", "GetClientKey", "ListApplicationAccessPoints", "ListClientKeys", "ListNetworkRules"),
    "ListPolicies",
)
_CONTAINERS: Final = {
    "CreateKey": "key",
    "ListKeys": "key",
    "ListAliases": "alias",
    "ListTagResources": "key",
    "ListKmsInstances": "instance",
    "GetKmsInstanceQuotaInfos": "instance",
    "OpenKmsService": "*",
    "DescribeAccountKmsStatus": "*",
    "GetChallenge": "*",
    **dict.fromkeys(_OF_APPLICATIONS, "*"),
    "GetManagedDataKey": "*",
    "ListManagedDataKeyVersions": "*",
}
PERMISSIONS: Final[dict[str, Permission]] = {
    "DescribeRegions": OPEN,
    **{name: Permission(f"kms:{name}", (f"{_HOME}key/{{key}}",)) for name in _ON_A_KEY},
    **{name: Permission(f"kms:{name}", (f"{_HOME}{item}",)) for name, item in _CONTAINERS.items()},
    **{
        name: Permission(f"kms:{name}", (f"{_HOME}{{AliasName}}", f"{_HOME}key/{{key}}"))
        for name in ("CreateAlias", "UpdateAlias", "DeleteAlias")
    },
    **{
        name: Permission(f"kms:{name}", (f"{_HOME}instance/{{KmsInstanceId}}",))
        for name in ("GetKmsInstance", "ConnectKmsInstance")
    },
    # asked of the source as kms:ReEncryptFrom and of the destination as kms:ReEncryptTo
    "ReEncrypt": Permission("kms:ReEncryptFrom", (f"{_HOME}key/{{key}}",)),
}
