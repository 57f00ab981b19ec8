"""What there is of RAM on the stage of bad values, and how it is put back after a call that was served."""

from __future__ import annotations

import json

from tests.world import Reply, Tenant

RAM_VERSION = "2015-05-01"
NAMES = frozenset({"UserName", "GroupName", "RoleName", "PolicyName", "RoleArn", "NewUserName", "OIDCProviderName"})
DOCUMENT = json.dumps({"Version": "1", "Statement": [{"Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*"}]})
HELD = ({"UserName": "ann"}, {"GroupName": "held"}, {"RoleName": "app"})


class RamScene:
    """Ann with one access key, a group, a role, a policy of two versions; `held` is attached to all; `idle` has nothing."""

    def __init__(self, owner: Tenant) -> None:
        """Set it."""
        self.owner = owner
        trusted = {"RAM": [f"acs:ram::{owner.account_id}:root"]}
        trust = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": trusted}]}
        self.trust = json.dumps(trust)
        self.special: dict[str, dict[str, str]] = {
            "CreateUser": {"UserName": "fresh"},
            "DeleteUser": {"UserName": "idle"},
            "CreateGroup": {"GroupName": "fresh"},
            "DeleteGroup": {"GroupName": "idle"},
            "CreateRole": {"RoleName": "fresh", "AssumeRolePolicyDocument": self.trust},
            "DeleteRole": {"RoleName": "idle"},
            "CreatePolicy": {"PolicyName": "fresh"},
            "DeletePolicy": {"PolicyName": "idle"},
            "CreateAccessKey": {"UserName": "idle"},
            "ListAccessKeys": {"UserName": "ann"},
            "DeletePolicyVersion": {"VersionId": "v2"},
            "RemoveUserFromGroup": {"GroupName": "held"},
            **{f"DetachPolicyFrom{kind}": {"PolicyName": "held", **held} for kind, held in zip(KINDS, HELD, strict=True)},
            "CreateLoginProfile": {"UserName": "idle", "Password": "sesame-1234"},
            "CreateOIDCProvider": {"OIDCProviderName": "fresh", "IssuerUrl": "https://fresh.example.com"},
            "DeleteOIDCProvider": {"OIDCProviderName": "idle"},
            "AssumeRole": {"RoleArn": f"acs:ram::{owner.account_id}:role/app"},
        }
        self.mend()

    def call(self, action: str, **parameters: str) -> Reply:
        """Call RAM, whatever comes of it."""
        return self.owner.call(RAM_VERSION, action, dict(parameters))

    def mend(self) -> None:
        """Make what lacks and remove what is too much."""
        for name in ("ann", "idle"):
            self.call("CreateUser", UserName=name)
        for name in ("ops", "held", "idle"):
            self.call("CreateGroup", GroupName=name)
        for name in ("app", "idle"):
            self.call("CreateRole", RoleName=name, AssumeRolePolicyDocument=self.trust)
        for kind, held in zip(KINDS, ({"UserName": "ann"}, {"GroupName": "ops"}, {"RoleName": "app"}), strict=True):
            self.call(f"DetachPolicyFrom{kind}", PolicyName="some", PolicyType="Custom", **held)
        self._mend_policies()
        self.call("RemoveUserFromGroup", UserName="ann", GroupName="ops")
        self.call("CreateLoginProfile", UserName="ann", Password="sesame-1234")
        self.call("DeleteLoginProfile", UserName="idle")
        self.call("AddUserToGroup", UserName="ann", GroupName="held")
        for kind, held in zip(KINDS, HELD, strict=True):
            self.call(f"AttachPolicyTo{kind}", PolicyName="held", PolicyType="Custom", **held)
        self._mend_access_keys()
        self.call("DeleteUser", UserName="fresh")
        self.call("DeleteGroup", GroupName="fresh")
        self.call("DeleteRole", RoleName="fresh")
        self.call("DeletePolicy", PolicyName="fresh")
        for name in self._providers() - {"cluster", "idle"}:
            self.owner.call("2019-08-15", "DeleteOIDCProvider", {"OIDCProviderName": name})
        for name in ("cluster", "idle"):
            issuer = f"https://{name}.example.com"
            self.owner.call("2019-08-15", "CreateOIDCProvider", {"OIDCProviderName": name, "IssuerUrl": issuer})

    def _providers(self) -> set[str]:
        listed = self.owner.call("2019-08-15", "ListOIDCProviders", {"MaxItems": "100"}).body["OIDCProviders"]
        return {provider["OIDCProviderName"] for provider in listed["OIDCProvider"]}

    def _mend_policies(self) -> None:
        for name in ("held", "idle"):
            self.call("CreatePolicy", PolicyName=name, PolicyDocument=DOCUMENT)
        versions = self.call("ListPolicyVersions", PolicyName="some", PolicyType="Custom").body.get("PolicyVersions", {})
        listed = {version["VersionId"]: version["IsDefaultVersion"] for version in versions.get("PolicyVersion", [])}
        if listed != {"v1": True, "v2": False}:
            for version_id, default in listed.items():
                if not default:
                    self.call("DeletePolicyVersion", PolicyName="some", VersionId=version_id)
            self.call("DeletePolicy", PolicyName="some")
            self.call("CreatePolicy", PolicyName="some", PolicyDocument=DOCUMENT)
            self.call("CreatePolicyVersion", PolicyName="some", PolicyDocument=DOCUMENT)

    def _mend_access_keys(self) -> None:
        for name, kept in (("ann", 1), ("idle", 0)):
            found = self.call("ListAccessKeys", UserName=name).body["AccessKeys"]["AccessKey"]
            for key in found[kept:]:
                self.call("DeleteAccessKey", UserName=name, UserAccessKeyId=key["AccessKeyId"])
        keys = self.call("ListAccessKeys", UserName="ann").body["AccessKeys"]["AccessKey"]
        if not keys:
            self.call("CreateAccessKey", UserName="ann")
            keys = self.call("ListAccessKeys", UserName="ann").body["AccessKeys"]["AccessKey"]
        for name in ("UpdateAccessKey", "DeleteAccessKey", "GetAccessKeyLastUsed"):
            self.special[name] = {"UserName": "ann", "UserAccessKeyId": str(keys[0]["AccessKeyId"])}


KINDS = ("User", "Group", "Role")
