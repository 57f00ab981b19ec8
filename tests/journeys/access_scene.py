"""The part of the scene of bad values that is about applications: an access point with a client key, policies and network rules.

`mine` of each is in use; `spare` is one that nothing has and that can be deleted.
"""

from __future__ import annotations

from tests.journeys.test_cross_account import CONTEXT_FREE
from tests.world import Reply, Tenant

GRANT = {name: CONTEXT_FREE[name] for name in ("Permissions", "Resources")}
LISTED = {
    "Policy": ("ListPolicies", "Policies", "Policy"),
    "NetworkRule": ("ListNetworkRules", "NetworkRules", "NetworkRule"),
    "ApplicationAccessPoint": ("ListApplicationAccessPoints", "ApplicationAccessPoints", "ApplicationAccessPoint"),
}
ABOUT_ACCESS = frozenset({"Name", "AapName", "ClientKeyId"})


class AccessScene:
    """What one tenant has."""

    def __init__(self, tenant: Tenant, instance_id: str) -> None:
        """Set it."""
        self.tenant, self.instance_id = tenant, instance_id
        self.client_key_id = ""
        self.mend()
        mine = {"AccessControlRules": '{"NetworkRules":["mine"]}'}
        self.special: dict[str, dict[str, str]] = {
            "CreatePolicy": {"Name": "fresh", "KmsInstance": instance_id, **mine},
            "CreateNetworkRule": {"Name": "fresh", "SourcePrivateIp": "10.0.0.0/8"},
            "UpdateNetworkRule": {"SourcePrivateIp": "10.0.0.0/8"},
            "CreateApplicationAccessPoint": {"Name": "fresh"},
            "DeletePolicy": {"Name": "spare"},
            "DeleteNetworkRule": {"Name": "spare"},
            "ListClientKeys": {"AapName": "mine"},
        }

    def mend(self) -> None:
        """Have all that belongs, and nothing else."""
        points = self._names("ApplicationAccessPoint")
        for name in points - {"mine"}:
            self._call("DeleteApplicationAccessPoint", Name=name)
        self._have("NetworkRule", Type="Private", SourcePrivateIp="10.0.0.1")
        self._have("Policy", KmsInstance=self.instance_id, **GRANT)
        if "mine" not in points:
            self._call("CreateApplicationAccessPoint", Name="mine", Policies='["mine"]')
        self._call("UpdatePolicy", Name="mine", AccessControlRules='{"NetworkRules":["mine"]}', **GRANT)
        self._call("UpdateApplicationAccessPoint", Name="mine", Policies='["mine"]')
        kept = False
        for shown in self._call("ListClientKeys", AapName="mine").body["ClientKeys"]:
            kept = kept or shown["ClientKeyId"] == self.client_key_id
            if shown["ClientKeyId"] != self.client_key_id:
                self._call("DeleteClientKey", ClientKeyId=shown["ClientKeyId"])
        if not kept:
            made = self._call("CreateClientKey", AapName="mine", Password=CONTEXT_FREE["Password"])
            self.client_key_id = made.body["ClientKeyId"]

    def _have(self, kind: str, **shape: str) -> None:
        there = self._names(kind)
        for name in ("mine", "spare"):
            if name not in there:
                self._call(f"Create{kind}", Name=name, **shape)
        for name in there - {"mine", "spare"}:
            self._call(f"Delete{kind}", Name=name)

    def _names(self, kind: str) -> set[str]:
        action, outer, inner = LISTED[kind]
        return {shown["Name"] for shown in self._call(action, PageSize=100).body[outer][inner]}

    def _call(self, action: str, **flat: object) -> Reply:
        reply = self.tenant.kms(action, **flat)
        assert reply.status == 200, (action, flat, reply.body)
        return reply
