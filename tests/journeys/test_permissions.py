"""Every action that is served by a user with every other action → refused; by a user with that one → not refused for permission.

The rows come from the registry: a new action is in the matrix by being registered, and does not start without a permission.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keystead.app import PRODUCTS_SERVED
from keystead.gate.registry import Action
from tests.journeys.test_cross_account import CONTEXT_FREE, Stage, _flat
from tests.journeys.test_cross_account import stage as stage_of_two
from tests.world import Tenant

RAM_VERSION, STS_VERSION = "2015-05-01", "2015-04-01"
REFUSALS = {"Forbidden.NoPermission", "NoPermission", "NotAuthorized"}
ROWS = [action for product in PRODUCTS_SERVED for action in product.actions.values() if action.permission.action]
NEEDS = {"ReEncrypt": ["kms:ReEncryptFrom", "kms:ReEncryptTo"]}


def ram(tenant: Tenant, action: str, **parameters: object) -> dict[str, Any]:
    """Call a RAM action that must do."""
    reply = tenant.call(RAM_VERSION, action, parameters)
    assert reply.status == 200, reply.body
    return reply.body


def user_with(owner: Tenant, name: str, *statements: dict[str, Any]) -> Tenant:
    """Make a user of the owner's that may what these statements say."""
    ram(owner, "CreateUser", UserName=name)
    document = json.dumps({"Version": "1", "Statement": [{"Resource": "*", **each} for each in statements]})
    ram(owner, "CreatePolicy", PolicyName=name, PolicyDocument=document)
    ram(owner, "AttachPolicyToUser", UserName=name, PolicyName=name, PolicyType="Custom")
    key = ram(owner, "CreateAccessKey", UserName=name)["AccessKey"]
    return Tenant(owner.world, owner.account_id, key["AccessKeyId"], key["AccessKeySecret"])


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One stage for all rows: refused calls change nothing, and allowed ones come after."""
    folder: Path = tmp_path_factory.mktemp("matrix")
    yield from stage_of_two.__wrapped__(f"sqlite:///{folder / 'keystead.db'}", folder)  # type: ignore[attr-defined]


def _parameters(stage: Stage, action: Action) -> dict[str, object]:
    if action.product.code in {"ram", "sts", "ims"}:
        flat: dict[str, object] = {
            field.wire: CONTEXT_FREE[field.wire] for field in action.plan if field.required and field.wire in CONTEXT_FREE
        }
        if action.name == "AssumeRole":
            flat["RoleArn"] = f"acs:ram::{stage.owner.account_id}:role/app"
        return flat
    resource = next((field.wire for field in action.plan if field.wire in {"ResourceId", "KeyId"}), "")
    value = stage.foreign[resource][0] if resource else ""
    return _flat(stage, action, resource, value)


@pytest.mark.parametrize("action", ROWS, ids=lambda action: f"{action.product.code}-{action.name}")
def test_one_permission_decides(stage: Stage, action: Action) -> None:
    """With everything but this action: refused, told by name. With this action alone: whatever is answered, it is not that."""
    needs = NEEDS.get(action.name, [action.permission.action])
    marker = f"{action.product.code}-{action.name}"
    for need in needs:
        names = [need, action.permission.also] if action.permission.also else [need]
        others = user_with(stage.owner, f"n-{marker}-{need[-4:].replace(':', '')}"[:64], {"Effect": "Allow", "NotAction": names})
        refused = others.call(action.product.version, action.name, _parameters(stage, action))
        assert refused.status == 403, refused.body
        assert refused.code in REFUSALS
        assert f"Action {need} on " in refused.body["Message"]
        assert "no statement allows it" in refused.body["Message"]
    only = user_with(stage.owner, f"y-{marker}"[:64], {"Effect": "Allow", "Action": needs})
    reply = only.call(action.product.version, action.name, _parameters(stage, action))
    assert reply.status != 500
    assert "forbidden by permission system" not in str(reply.body.get("Message", ""))
    if action.permission.also:
        by_console = user_with(stage.owner, f"c-{marker}"[:64], {"Effect": "Allow", "Action": action.permission.also})
        told = by_console.call(action.product.version, action.name, _parameters(stage, action)).body
        assert "forbidden by permission system" not in str(told.get("Message", ""))


def test_the_matrix_has_every_action() -> None:
    """All but those that need nothing; the count is shown."""
    served = sum(len(product.actions) for product in PRODUCTS_SERVED)
    open_to_all = [a.name for p in PRODUCTS_SERVED for a in p.actions.values() if not a.permission.action]
    assert len(ROWS) == served - len(open_to_all)
    assert sorted(open_to_all) == ["AssumeRoleWithOIDC", "DescribeRegions", "GetCallerIdentity"]
    cells = sum(1 + len(NEEDS.get(action.name, [""])) + bool(action.permission.also) for action in ROWS)
    print(f"permission matrix: {len(ROWS)} actions, {cells} cells")
