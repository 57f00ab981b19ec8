"""What each action needs ("Use RAM to control access to KMS resources" page, read 2026-11-23).

The page has the key and alias actions and their containers. Those on instances, access points with what belongs to them,
OpenKmsService, DescribeAccountKmsStatus and the managed data keys are on no page that could be read; ours. An action that is
not here stops the start.
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
_ON_AN_INSTANCE: Final = (
    "ConnectKmsInstance", "GetKmsInstance", "GetKmsInstanceQuotaInfos", "ReleaseKmsInstance", "UpdateKmsInstance",
    "UpdateKmsInstanceBindVpc",
)  # fmt: skip
_CONTAINERS: Final = {
    "CreateKey": "key",
    "ListKeys": "key",
    "ListAliases": "alias",
    "ListTagResources": "key",
    "ListKmsInstances": "instance",
    "GetDefaultKmsInstance": "instance",
    "OpenKmsService": "*",
    "DescribeAccountKmsStatus": "*",
    "GetChallenge": "*",
    "GetManagedDataKey": "*",
    "ListManagedDataKeyVersions": "*",
}
_ACCESS: Final = {"ApplicationAccessPoint": "applicationaccesspoint", "Policy": "policy", "NetworkRule": "network"}
"""Of objects with a name: how their ARNs call them."""
PERMISSIONS: Final[dict[str, Permission]] = {
    "DescribeRegions": OPEN,
    **{name: Permission(f"kms:{name}", (f"{_HOME}key/{{key}}",)) for name in _ON_A_KEY},
    **{name: Permission(f"kms:{name}", (f"{_HOME}{item}",)) for name, item in _CONTAINERS.items()},
    **{
        name: Permission(f"kms:{name}", (f"{_HOME}{{AliasName}}", f"{_HOME}key/{{key}}"))
        for name in ("CreateAlias", "UpdateAlias", "DeleteAlias")
    },
    **{name: Permission(f"kms:{name}", (f"{_HOME}instance/{{KmsInstanceId}}",)) for name in _ON_AN_INSTANCE},
    **{
        f"{verb}{kind}": Permission(f"kms:{verb}{kind}", (f"{_HOME}{item}/{{Name}}",))
        for kind, item in _ACCESS.items()
        for verb in ("Create", "Update", "Delete", "Describe")
    },
    "ListApplicationAccessPoints": Permission("kms:ListApplicationAccessPoints", (f"{_HOME}applicationaccesspoint",)),
    "ListPolicies": Permission("kms:ListPolicies", (f"{_HOME}policy",)),
    "ListNetworkRules": Permission("kms:ListNetworkRules", (f"{_HOME}network",)),
    "CreateClientKey": Permission("kms:CreateClientKey", (f"{_HOME}applicationaccesspoint/{{AapName}}",)),
    "ListClientKeys": Permission("kms:ListClientKeys", (f"{_HOME}clientkey",)),
    **{name: Permission(f"kms:{name}", (f"{_HOME}clientkey/{{ClientKeyId}}",)) for name in ("GetClientKey", "DeleteClientKey")},
    # asked of the source as kms:ReEncryptFrom and of the destination as kms:ReEncryptTo
    "ReEncrypt": Permission("kms:ReEncryptFrom", (f"{_HOME}key/{{key}}",)),
}
