"""Every parameter of every action with values nobody should send: a documented code or success, never a failure of ours.

Generated from the inventory of the official SDKs, for what is served of it; `make test` tries a fixed sample on both databases,
`make test-long` all. What was refused has changed nothing, and nothing that was served has touched another account.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from keystead.app import PRODUCTS_SERVED
from keystead.gate.registry import Action, Effect, FaultRow
from keystead.gate.render import GATEWAY_FAULTS
from tests.conftest import DATABASES
from tests.databases import DIALECTS
from tests.journeys.bad_values import Scene, cases, chosen, contents, of_others, without
from tests.world import Reply, World

INVENTORY = json.loads((Path(__file__).parents[1] / "vectors" / "inventory.json").read_text())["products"]
ACTIONS = [product.actions[name] for product in PRODUCTS_SERVED for name in INVENTORY[product.code] if name in product.actions]
SAMPLE = 23
# What a sound call is refused with here, because its time has not come or it asks for what is there.
NOT_NOW = {
    "CreateKeyVersion": "Rejected.UnsupportedOperation",
    "OpenKmsService": "Forbidden.Opened",
    "CancelOrder": "ResourceStatusError",
    "GetManagedDataKey": "Forbidden.ResourceNotFound",
    "ListManagedDataKeyVersions": "Forbidden.ResourceNotFound",
    "GetChallenge": "UnsupportedOperation",
    "AssumeRole": "NoPermission",  # the account's own key begins no session
    "ReleaseKmsInstance": "Rejected.UnsupportedOperation",
    "AssumeRoleWithOIDC": "AuthenticationFail.NoPermission",
}


@pytest.fixture(scope="module", params=DIALECTS)
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The scene, on each database."""
    with request.config.stash[DATABASES].fresh(request.param) as url:
        world = World(url, tmp_path_factory.mktemp("fuzzed") / "var")
        yield Scene(world)
        world.close()


def documented(action: Action, reply: Reply) -> bool:
    """Whether the refusal is a row of the product's table or the gate's, with that row's status."""
    rows = (*action.product.faults, *GATEWAY_FAULTS)
    return reply.status < 500 and any(_is_of(row, reply) for row in rows)


def _is_of(row: FaultRow, reply: Reply) -> bool:
    """RAM's codes end in the kind of thing: `EntityNotExist.{kind}`."""
    pattern = re.sub(r"\\{\w+\\}", r"[A-Za-z.]+", re.escape(row.code))
    return row.status == reply.status and re.fullmatch(pattern, reply.code) is not None


def refused(reply: Reply) -> bool:
    """Whether the call was not served."""
    return reply.status != 200 or reply.body.get("Success") is False


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_sound_call(scene: Scene, action: Action) -> None:
    """What is spoilt below is sound before: else nothing would come further than the first check."""
    flat = scene.sound(action)
    reply = scene.one.call(action.product.version, action.name, dict(flat))
    scene.mend(flat)
    expected = NOT_NOW.get(action.name)
    assert (reply.code if refused(reply) else None) == expected, (flat, reply.body)


def tried(scene: Scene, action: Action, one_in: int) -> Counter[str]:
    """Try the action's cases, one in so many; gives how many came to what."""
    world = scene.world
    codes: Counter[str] = Counter()
    before = contents(world)
    theirs = of_others(scene, before)
    for field in action.plan:
        for number, case in enumerate(cases(scene, action, field)):
            if not chosen(action, field, number, one_in):
                continue
            flat = without(scene.sound(action), field.wire) | (case.sent or {})
            reply = scene.one.call(action.product.version, action.name, dict(flat))
            told = (case.kind, {name: value[:80] for name, value in (case.sent or {}).items()}, reply.status, reply.body)
            codes[reply.code if refused(reply) else "served"] += 1
            if refused(reply):
                assert documented(action, reply), told
                assert reply.body["Message"], told
            if action.effect is Effect.WRITE and refused(reply):
                assert contents(world) == before, told
            elif action.effect is Effect.WRITE:
                assert of_others(scene, contents(world)) == theirs, told
                scene.mend(flat)
                before = contents(world)
            if case.kind == "missing" and field.required:
                assert (reply.status, reply.code) == (400, "MissingParameter"), told
                assert f'"{field.wire}"' in reply.body["Message"], told
    assert contents(world) == before
    return codes


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_some_bad_values(scene: Scene, action: Action) -> None:
    """A fixed sample."""
    codes = tried(scene, action, SAMPLE)
    print(f"{action.name}: {codes.total()} tried, {dict(codes)}")


@pytest.mark.long
@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_all_bad_values(scene: Scene, action: Action) -> None:
    """All of them, every required parameter missed by name among them."""
    codes = tried(scene, action, 1)
    print(f"{action.name}: {codes.total()} tried, {dict(codes)}")


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_every_required_parameter_is_missed_by_name(scene: Scene, action: Action) -> None:
    """Left out or empty, a required parameter is MissingParameter, and named."""
    for field in action.plan:
        if field.required:
            for flat in (without(scene.sound(action), field.wire), without(scene.sound(action), field.wire) | {field.wire: ""}):
                reply = scene.one.call(action.product.version, action.name, dict(flat))
                assert (reply.status, reply.code) == (400, "MissingParameter"), (action.name, field.wire, reply.body)
                assert f'"{field.wire}"' in reply.body["Message"]
