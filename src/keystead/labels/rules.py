"""Pure decisions on aliases and tags (CreateAlias, TagResource, UntagResource, TagResources pages, read 2026-11-22)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from keystead.faults import InvalidParameter
from keystead.labels.faults import TagsFull

ALIAS_CHARS_MAX: Final = 255
ALIAS_PREFIX: Final = "alias/"
RESERVED_PREFIX: Final = "alias/acs"
TAGS_MAX: Final = 20
TAG_CHARS_MAX: Final = 128
# Which characters an alias may have is said by the console alone: letters, digits, `_`, `-` and `/`.
_ALIAS: Final = re.compile(r"alias/[A-Za-z0-9/_-]+", re.ASCII)
_TAG: Final = re.compile(r"[\w/\\.+=:@-]*")
_RESERVED_TAGS: Final = ("aliyun", "acs:")


class _JsonTag(msgspec.Struct, rename="pascal", forbid_unknown_fields=True):
    tag_key: str
    tag_value: str = ""


_TAGS: Final = msgspec.json.Decoder(list[_JsonTag])
_KEYS: Final = msgspec.json.Decoder(list[str])


def checked_alias(name: str) -> str:
    """Give back the name of an alias to be made or changed; InvalidParameter unless it is one users may have."""
    if len(name) > ALIAS_CHARS_MAX or not _ALIAS.fullmatch(name):
        raise InvalidParameter(
            "AliasName",
            f"It has {ALIAS_CHARS_MAX} characters at most: the prefix {ALIAS_PREFIX}, then letters, digits, '/', '_' and '-'.",
        )
    if name.startswith(RESERVED_PREFIX):
        raise InvalidParameter("AliasName", f"The prefix {RESERVED_PREFIX} is kept for cloud services.")
    return name


def tags_of_json(text: str) -> dict[str, str]:
    """Read `[{"TagKey":…,"TagValue":…}]` of CreateKey and TagResource; InvalidParameter names `Tags`."""
    if not text:
        return {}
    try:
        found = _TAGS.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        raise InvalidParameter("Tags", 'It must be a JSON list of {"TagKey":"…","TagValue":"…"}.') from None
    return checked_tags("Tags", ((tag.tag_key, tag.tag_value) for tag in found))


def checked_tags(parameter: str, pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Give tags as a mapping; InvalidParameter for one that is malformed, reserved or named twice, or more than 20."""
    tags: dict[str, str] = {}
    for key, value in pairs:
        if not key or key.startswith(_RESERVED_TAGS) or not _is_word(key) or not _is_word(value):
            raise InvalidParameter(
                parameter,
                f"Keys and values have {TAG_CHARS_MAX} characters at most, letters, digits and any of / \\ _ - . + = : @;"
                " a key is not empty and does not begin with aliyun or acs:.",
            )
        if key in tags:
            raise InvalidParameter(parameter, f"The key {key} is there twice.")
        tags[key] = value
    if len(tags) > TAGS_MAX:
        raise InvalidParameter(parameter, f"There are more than {TAGS_MAX}.")
    return tags


def tag_keys_of(text: str) -> list[str]:
    """Read UntagResource's TagKeys, JSON list or comma list: text and sample of the page differ; InvalidParameter otherwise."""
    if text.lstrip().startswith("["):
        try:
            keys = _KEYS.decode(text)
        except (msgspec.DecodeError, UnicodeEncodeError):
            raise InvalidParameter("TagKeys", "It must be a comma list or a JSON list of keys.") from None
    else:
        keys = text.split(",")
    return checked_keys("TagKeys", keys)


def checked_keys(parameter: str, keys: Iterable[str]) -> list[str]:
    """Give the keys of tags to take off, each once; InvalidParameter for one that no tag can have, none, or more than 20."""
    found = list(dict.fromkeys(keys))
    if not found or not all(key and _is_word(key) for key in found):
        raise InvalidParameter(parameter, "It must name keys of tags.")
    if len(found) > TAGS_MAX:
        raise InvalidParameter(parameter, f"There are more than {TAGS_MAX}.")
    return found


def room_for_tags(resource_id: str, there: Mapping[str, str], added: Mapping[str, str]) -> None:
    """Raise TagsFull if the resource would have more than 20 tags; a key that is there only changes its value."""
    if len({*there, *added}) > TAGS_MAX:
        raise TagsFull(resource_id, TAGS_MAX)


def _is_word(text: str) -> bool:
    return len(text) <= TAG_CHARS_MAX and _TAG.fullmatch(text) is not None
