"""Decisions on access points: what patterns cover, what lists and validities are, when a reminder is due."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.access_points import rules
from keystead.access_points.faults import NotGranted
from keystead.access_points.model import SHARED_GATEWAY, ClientKey, Grant, Holder, NetworkRule, Passport, Permission, Policy
from keystead.faults import InvalidParameter

AT = datetime(2026, 1, 1, tzinfo=UTC)
letters = st.text("ab*/", max_size=8)


@given(st.text("ab*", max_size=8), st.text("ab", max_size=8))
def test_patterns_cover_what_a_regular_expression_says(pattern: str, name: str) -> None:
    """`*` stands for any characters, none too; everything else for itself."""
    expected = re.fullmatch(".*".join(map(re.escape, f"key/{pattern}".split("*"))), f"key/{name}") is not None
    grant = Grant("kst-1", frozenset({Permission.KEY_USER}), (f"key/{pattern}",), None)
    try:
        rules.permit(Passport((grant,), "127.0.0.1"), "kst-1", Permission.KEY_USER, f"key/{name}")
    except NotGranted:
        assert not expected
    else:
        assert expected


def test_a_pattern_takes_no_time() -> None:
    """Stars upon stars over a long name: what would keep a backtracking matcher busy for years is answered at once."""
    grant = Grant("kst-1", frozenset({Permission.SECRET_USER}), ("secret/" + "*a" * 120 + "b",), None)
    with pytest.raises(NotGranted):
        rules.permit(Passport((grant,), ""), "kst-1", Permission.SECRET_USER, "secret/" + "a" * 250)


def test_all_parts_of_a_policy_must_hold() -> None:
    """Gateway, permission, resource, address: one that does not is enough; another policy may."""
    policy = Policy("p", "", (Permission.KEY_USER,), ("key/k",), ("here", "gone"), "", AT)
    grant = rules.grant_of(policy, {"here": NetworkRule("here", "Private", "10.0.0.1,10.1.0.0/16", "", AT)})
    assert grant.instance_id == SHARED_GATEWAY
    rules.permit(Passport((grant,), "10.1.2.3"), SHARED_GATEWAY, Permission.KEY_USER, "key/k")
    rules.permit(Passport((grant,), "10.0.0.1"), SHARED_GATEWAY, Permission.KEY_USER)
    for source, gateway, permission, resource in (
        ("10.2.0.0", SHARED_GATEWAY, Permission.KEY_USER, "key/k"),
        ("10.1.2.3", "kst-1", Permission.KEY_USER, "key/k"),
        ("10.1.2.3", SHARED_GATEWAY, Permission.SECRET_USER, "key/k"),
        ("10.1.2.3", SHARED_GATEWAY, Permission.KEY_USER, "key/l"),
        ("", SHARED_GATEWAY, Permission.KEY_USER, "key/k"),
    ):
        with pytest.raises(NotGranted):
            rules.permit(Passport((grant,), source), gateway, permission, resource)
    only_gone = rules.grant_of(policy, {})
    with pytest.raises(NotGranted):
        rules.permit(Passport((only_gone,), "10.1.2.3"), SHARED_GATEWAY, Permission.KEY_USER, "key/k")
    with pytest.raises(NotGranted):
        rules.permit(Passport((), "10.1.2.3"), SHARED_GATEWAY, Permission.KEY_USER)


@pytest.mark.parametrize(
    ("text", "count"), [('["10.0.0.1","10.0.0.0/8"]', 2), ("10.0.0.1, 2001:db8::/32", 2), ("192.0.2.7/24", 1)]
)
def test_addresses_come_in_two_forms(text: str, count: int) -> None:
    """A JSON list, or a list with commas; a range by any address in it."""
    assert len(rules.networks_of(text)) == count


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "10.0.0.0/33",
        "10.0.0",
        "10.0.0.0/255.0.0.0",
        "::ffff:10.0.0.0/104",
        "host.example",
        '["10.0.0.1","10.0.0.1"]',
        "{}",
        "[1]",
    ],
)
def test_what_is_no_list_of_addresses(text: str) -> None:
    """Refused, naming the parameter."""
    with pytest.raises(InvalidParameter, match="SourcePrivateIp"):
        rules.networks_of(text)


def test_five_years_by_default() -> None:
    """The same date five years on; the 28th for a leap day, which that year has not."""
    leap = datetime(2028, 2, 29, 12, 0, 0, 500, tzinfo=UTC)
    assert rules.validity_of("", "", leap) == (leap.replace(microsecond=0), datetime(2033, 2, 28, 12, tzinfo=UTC))
    assert rules.validity_of("", "", AT) == (AT, datetime(2031, 1, 1, tzinfo=UTC))


def test_reminders() -> None:
    """180, 90, 30 and 7 days before; of a key that lives ten days only the last; after an outage the nearest; none after."""
    key = ClientKey("KAAP.x", Holder("1", "r"), "p", "", AT, AT + timedelta(days=365), AT)
    assert [(each - AT).days for each in rules.reminders(key, AT)] == [185, 275, 335, 358]
    short = ClientKey("KAAP.x", Holder("1", "r"), "p", "", AT, AT + timedelta(days=10), AT)
    assert [(each - AT).days for each in rules.reminders(short, AT)] == [3]
    for day, due in ((184, None), (185, 180), (274, 180), (275, 90), (340, 30), (364, 7), (365, None)):
        assert rules.reminder_due(key, AT + timedelta(days=day)) == due


@given(letters, letters)
def test_lists_are_read_as_they_are_written(one: str, other: str) -> None:
    """Compact JSON, which reads back; names twice are refused."""
    names = [f"key/x{one}", f"secret/y{other}"]
    assert rules.resources_of(rules.compact(names)) == tuple(names)
    with pytest.raises(InvalidParameter):
        rules.resources_of(rules.compact([names[0], names[0]]))
