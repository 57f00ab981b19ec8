"""What each action needs. An action that is not here stops the start.

RAM authorization page of RAM (its beginning, read 2026-11-23): AddUserToGroup, and AttachPolicyToGroup with the resource
`acs:ram:*:system:policy/<name>` of a system policy. The rest follows their pattern; that it does is ours.
"""

from __future__ import annotations

from typing import Final

from keystead.gate.registry import Permission

_HOME: Final = "acs:ram::"
"""RAM has no regions, and statements leave the place empty or write a star: an empty one is matched by both."""
_USER, _GROUP, _ROLE = "user/{UserName}", "group/{GroupName}", "role/{RoleName}"
_CUSTOM, _POLICY = "policy/{PolicyName}", "{policies}:policy/{PolicyName}"  # without and with the parameter PolicyType
_NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "AddUserToGroup": (_USER, _GROUP),
    "AttachPolicyToGroup": (_GROUP, _POLICY),
    "AttachPolicyToRole": (_ROLE, _POLICY),
    "AttachPolicyToUser": (_USER, _POLICY),
    "CreateAccessKey": (_USER,),
    "CreateGroup": ("group/*",),
    "CreatePolicy": ("policy/*",),
    "CreatePolicyVersion": (_CUSTOM,),
    "CreateRole": ("role/*",),
    "CreateUser": ("user/*",),
    "DeleteAccessKey": (_USER,),
    "DeleteGroup": (_GROUP,),
    "DeletePolicy": (_CUSTOM,),
    "DeletePolicyVersion": (_CUSTOM,),
    "DeleteRole": (_ROLE,),
    "DeleteUser": (_USER,),
    "DetachPolicyFromGroup": (_GROUP, _POLICY),
    "DetachPolicyFromRole": (_ROLE, _POLICY),
    "DetachPolicyFromUser": (_USER, _POLICY),
    "CreateLoginProfile": (_USER,),
    "DeleteLoginProfile": (_USER,),
    "GetLoginProfile": (_USER,),
    "ListPolicies": ("policy/*",),
    "ListRoles": ("role/*",),
    "UpdateGroup": (_GROUP,),
    "UpdateLoginProfile": (_USER,),
    "UpdatePolicyDescription": (_CUSTOM,),
    "UpdateRole": (_ROLE,),
    "UpdateUser": (_USER,),
    "GetGroup": (_GROUP,),
    "GetPolicy": (_POLICY,),
    "GetPolicyVersion": (_POLICY,),
    "GetRole": (_ROLE,),
    "GetUser": (_USER,),
    "ListAccessKeys": (_USER,),
    "ListEntitiesForPolicy": (_POLICY,),
    "ListGroups": ("group/*",),
    "ListGroupsForUser": (_USER,),
    "ListPoliciesForGroup": (_GROUP,),
    "ListPoliciesForRole": (_ROLE,),
    "ListPoliciesForUser": (_USER,),
    "ListPolicyVersions": (_POLICY,),
    "ListUsers": ("user/*",),
    "ListUsersForGroup": (_GROUP,),
    "RemoveUserFromGroup": (_USER, _GROUP),
    "SetDefaultPolicyVersion": (_CUSTOM,),
    "UpdateAccessKey": (_USER,),
}
PERMISSIONS: Final[dict[str, Permission]] = {
    name: Permission(f"ram:{name}", tuple(_HOME + (item if item == _POLICY else "{account}:" + item) for item in items))
    for name, items in _NEEDED.items()
}
