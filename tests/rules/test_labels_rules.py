"""What aliases and tags may look like (CreateAlias, TagResource and UntagResource pages, read 2026-11-22)."""

from __future__ import annotations

import json

import pytest

from keystead.faults import InvalidParameter
from keystead.labels import rules
from keystead.labels.faults import TagsFull


@pytest.mark.parametrize("name", ["alias/a", "alias/Orders_2026-eu", "alias/team/orders", "alias/" + "x" * 249])
def test_aliases_users_may_have(name: str) -> None:
    """The prefix, then letters, digits, `/`, `_`, `-`; 255 characters in all (6 + 249)."""
    assert rules.checked_alias(name) == name


@pytest.mark.parametrize(
    "name",
    ["alias/", "mine", "Alias/mine", "alias/acs/oss", "alias/acs", "alias/acsx", "alias/" + "x" * 250, "alias/a b", "alias/é"],
)
def test_other_aliases_are_refused(name: str) -> None:
    """No prefix, too long, kept for cloud services, or a character no alias has."""
    with pytest.raises(InvalidParameter) as raised:
        rules.checked_alias(name)
    assert raised.value.name == "AliasName"


def test_tags_as_json() -> None:
    """The documented form; a value may be empty or absent; no text is no tag."""
    text = '[{"TagKey":"S1key1","TagValue":"S1val1"},{"TagKey":"a/\\\\_-.+=:@9","TagValue":""},{"TagKey":"c"}]'
    assert rules.tags_of_json(text) == {"S1key1": "S1val1", "a/\\_-.+=:@9": "", "c": ""}
    assert rules.tags_of_json("") == rules.tags_of_json("[]") == {}


@pytest.mark.parametrize(
    "text",
    [
        "a=b",
        "{}",
        '[{"TagValue":"b"}]',
        '[{"TagKey":""}]',
        '[{"TagKey":"aliyun-x"}]',
        '[{"TagKey":"acs:x"}]',
        '[{"TagKey":"a b"}]',
        '[{"TagKey":"a","TagValue":"b,c"}]',
        '[{"TagKey":"a"},{"TagKey":"a"}]',
        '[{"TagKey":"a","More":"b"}]',
        json.dumps([{"TagKey": "x" * 129}]),
        json.dumps([{"TagKey": "x", "TagValue": "y" * 129}]),
        json.dumps([{"TagKey": f"k{n}"} for n in range(21)]),
    ],
)
def test_other_tags_are_refused(text: str) -> None:
    """Another form, a reserved or malformed key, one twice, 21 of them."""
    with pytest.raises(InvalidParameter) as raised:
        rules.tags_of_json(text)
    assert raised.value.name == "Tags"


def test_longest_tags() -> None:
    """128 characters each, 20 of them."""
    tags = [{"TagKey": f"{n:03}" + "k" * 125, "TagValue": "v" * 128} for n in range(20)]
    assert len(rules.tags_of_json(json.dumps(tags))) == 20


@pytest.mark.parametrize("text", ["a,b", '["a","b"]', ' ["a","b"]', "a,b,a"])
def test_tag_keys_in_both_forms(text: str) -> None:
    """Text and sample of the page differ: a comma list and a JSON list."""
    assert rules.tag_keys_of(text) == ["a", "b"]


@pytest.mark.parametrize("text", ["", ",", "[]", '[""]', "[1]", "[", "a b", ",".join(f"k{n}" for n in range(21))])
def test_other_tag_keys_are_refused(text: str) -> None:
    """No key, or none that a tag can have."""
    with pytest.raises(InvalidParameter) as raised:
        rules.tag_keys_of(text)
    assert raised.value.name == "TagKeys"


def test_twenty_tags_a_resource() -> None:
    """New values for keys that are there take no room."""
    there = {f"k{n}": "" for n in range(19)}
    rules.room_for_tags("key-1", there, {"k0": "new", "k19": ""})
    with pytest.raises(TagsFull):
        rules.room_for_tags("key-1", there, {"k19": "", "k20": ""})
