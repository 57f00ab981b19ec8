"""Our actions against the inventory of the official SDKs: names, parameters, required flags, answer fields."""

from __future__ import annotations

import json
import typing
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from keystead.app import PRODUCTS_SERVED
from keystead.gate.registry import Action

INVENTORY = json.loads((Path(__file__).parents[1] / "vectors" / "inventory.json").read_text())["products"]
OURS = {"SetOIDCProviderKeys"}  # of no SDK: the issuer is never called, so its keys must come by some way
ACTIONS = [action for product in PRODUCTS_SERVED for action in product.actions.values() if action.name not in OURS]

# Where we ask for less than the metadata marks required, and why.
OPTIONAL_HERE = {
    ("CreateInstance", "RenewPeriod"): "needed only with AutoRenewal, as the operation's page says",
}


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_action_has_exactly_the_parameters_of_the_sdk(action: Action) -> None:
    """Every parameter an official client can send is declared, so none can be ignored unseen, and none is made up."""
    known = INVENTORY[action.product.code][action.name]["request"]
    declared = {field.wire for field in action.plan}
    assert declared - {"RegionId"} == set(known) - {"RegionId"}


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_required_parameters_are_required(action: Action) -> None:
    """What the public metadata marks required is required here, but for the exceptions named above."""
    known = INVENTORY[action.product.code][action.name]["request"]
    must = {name for name, need in known.items() if need == "required" and (action.name, name) not in OPTIONAL_HERE}
    required = {field.wire for field in action.plan if field.required}
    assert must <= required


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_answers_only_with_fields_the_sdk_knows(action: Action) -> None:
    """Every field we answer with is one the SDK's model has at that place, in that spelling."""
    known = set(INVENTORY[action.product.code][action.name]["response"]) | {"RequestId"}
    assert set(_paths(action.response)) <= known


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_methods_are_those_of_the_metadata(action: Action) -> None:
    """GET-only and POST-only operations are so here."""
    assert action.methods == set(INVENTORY[action.product.code][action.name]["methods"].split("|"))


def _paths(struct: type[Any], prefix: str = "") -> list[str]:
    hints = typing.get_type_hints(struct)
    found = []
    for info in msgspec.structs.fields(struct):
        path = prefix + info.encode_name
        found.append(path)
        for inner in _structs(hints[info.name]):
            found.extend(_paths(inner, f"{path}."))
    return found


def _structs(hint: Any) -> list[type[Any]]:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return [hint]
    return [inner for argument in get_args(hint) for inner in _structs(argument)]
