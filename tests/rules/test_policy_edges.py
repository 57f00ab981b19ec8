"""What a policy document can do to its reader: everybody as a principal, numbers without end, patterns that take for ever."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.access import policies as key_policies
from keystead.faults import InvalidParameter
from keystead.policy.conditions import wildcard
from keystead.policy.faults import PolicyMalformed
from keystead.policy.model import Ground, Question
from keystead.policy.reading import Kind, read
from keystead.policy.rules import RESOURCE_CHARS_MAX, PolicySet


def document(**statement: Any) -> str:
    """Make a document of one statement."""
    return json.dumps({"Version": "1", "Statement": [statement]})


def test_a_trust_policy_names_somebody() -> None:
    """`"Principal": {}` names nobody: it was read as a statement about everyone."""
    with pytest.raises(PolicyMalformed) as raised:
        read(document(Effect="Allow", Action="sts:AssumeRole", Principal={}), Kind.TRUST)
    assert "(Statement[1].Principal): it is empty" in str(raised.value)


@pytest.mark.parametrize("digits", [65, 4301, 6000])
def test_numbers_without_end_are_mistakes(digits: int) -> None:
    """Python refuses to read a whole number of more than 4,300 digits with an error of another kind."""
    text = document(Effect="Allow", Action="*", Resource="*", Condition={"NumericEquals": {"kms:tag/x": "N"}})
    with pytest.raises(PolicyMalformed) as raised:
        read(text.replace('"N"', "9" * digits))
    assert "a number has 64 characters at most" in str(raised.value)


@pytest.mark.parametrize(
    "pattern", ["acs:" + "*a" * 40 + "b", "*" + "?*a" * 30 + "b", "a*" * 60 + "b"], ids=["stars", "with questions", "letters"]
)
def test_patterns_take_no_time(pattern: str) -> None:
    """With backtracking each star more doubles the time on such a text: these would not come to an end.

    As a resource, and as the value of a condition; the texts are what a caller sends.
    """
    text = "acs:" + "a" * 3000
    assert wildcard(pattern).fullmatch(text) is None
    assert wildcard(pattern[:-1] + "*").fullmatch(text) is not None


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_patterns_mean_what_they_meant(pattern: str, text: str) -> None:
    """Against the definition: `*` is any run, `?` one character, of the whole text."""

    def matches(left: str, rest: str) -> bool:
        if not left:
            return not rest
        if left[0] == "*":
            return any(matches(left[1:], rest[taken:]) for taken in range(len(rest) + 1))
        return bool(rest) and left[0] in {"?", rest[0]} and matches(left[1:], rest[1:])

    assert (wildcard(pattern).fullmatch(text) is not None) is matches(pattern, text)


@pytest.mark.parametrize(
    ("network", "address", "holds"),
    [
        ("::ffff:10.0.0.0/104", "10.1.2.3", True),  # 96 bits of clothes and 8 of 10.0.0.0/8
        ("::ffff:10.0.0.0/104", "11.1.2.3", False),
        ("::ffff:10.0.0.7", "::ffff:10.0.0.7", True),
        ("::/0", "10.1.2.3", False),
        ("2001:db8::/32", "2001:DB8:0::7", True),
        ("2001:db8::/32", "2001:db9::7", False),
    ],
)
def test_addresses_in_clothes(network: str, address: str, holds: bool) -> None:  # noqa: FBT001
    """A network written as IPv4 in IPv6 means the IPv4 addresses: a Deny of one let them pass."""
    policy = read(document(Effect="Allow", Action="*", Resource="*", Condition={"IpAddress": {"acs:SourceIp": network}}))
    verdict = PolicySet([("p", policy)]).judge(Question("a:B", "r", {"acs:SourceIp": address}))
    assert (verdict.ground is Ground.ALLOWED) is holds


def test_nobody_may_on_a_name_without_end() -> None:
    """A caller may send megabytes as the name of a resource: they are neither matched nor remembered."""
    policies = PolicySet([("p", read(document(Effect="Allow", Action="*", Resource="*")))])
    longest = "x" * RESOURCE_CHARS_MAX
    assert [policies.judge(Question("a:B", text, {})).allowed for text in (longest, f"{longest}x")] == [True, False]
    kept = [*policies._verdicts, *policies._known]  # noqa: SLF001 - what is kept shows nowhere else
    assert {asked[:2] for asked in kept} == {("a:B", longest)}


@pytest.mark.parametrize("value", ["{}", '{"a":1}', "[[]]", "null", "[null]", "9" * 5000, "[" + "9" * 5000 + "]"])
def test_condition_values_of_key_policies_are_plain(value: str) -> None:
    """Neither an object nor nothing is a text to compare with; it was taken as Python writes it."""
    principal = {"RAM": ["acs:ram::1:user/ann"]}
    condition = {"NumericEquals" if "9" in value else "StringEquals": {"acs:SourceIp": "V"}}
    text = document(Effect="Deny", Principal=principal, Action=["kms:*"], Resource=["*"], Condition=condition)
    with pytest.raises(InvalidParameter) as raised:
        key_policies.checked_document(text.replace('"V"', value))
    assert raised.value.name == "Policy"
