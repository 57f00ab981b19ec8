"""The policy language: what decides, what matches, and where a mistake is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.policy.faults import PolicyMalformed
from keystead.policy.model import Ground, Question
from keystead.policy.reading import read
from keystead.policy.rules import SILENT, PolicySet, both, either


def judged(statements: list[dict[str, Any]], action: str, resource: str, **context: str) -> Ground:
    """Judge one question; underscores in condition keys stand for colons."""
    document = read(json.dumps({"Version": "1", "Statement": statements}))
    keys = {name.replace("_", ":"): value for name, value in context.items()}
    return PolicySet([("p", document)]).judge(Question(action, resource, keys)).ground


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Action": "kms:Encrypt"}, Ground.ALLOWED),
        ({"Action": "KMS:encrypt".replace("KMS", "kms")}, Ground.ALLOWED),
        ({"Action": "kms:Enc*"}, Ground.ALLOWED),
        ({"Action": "kms:Encryp?"}, Ground.ALLOWED),
        ({"Action": "kms:Encrypt?"}, Ground.SILENT),
        ({"Action": "kms:Decrypt"}, Ground.SILENT),
        ({"NotAction": "kms:Decrypt"}, Ground.ALLOWED),
        ({"NotAction": "kms:*"}, Ground.SILENT),
        ({"Action": "*", "Resource": "acs:kms:*:1:key/k"}, Ground.ALLOWED),
        ({"Action": "*", "Resource": "acs:kms:*:1:key/?"}, Ground.ALLOWED),
        ({"Action": "*", "Resource": "acs:kms:*:1:key/K"}, Ground.SILENT),
        ({"Action": "*", "Resource": "acs:kms:*:1:key/k?"}, Ground.SILENT),
        ({"Action": "*", "NotResource": "acs:kms:*:1:key/k"}, Ground.SILENT),
        ({"Action": "*", "NotResource": "acs:kms:*:2:*"}, Ground.ALLOWED),
        ({"Action": "*", "Effect": "Deny"}, Ground.DENIED),
    ],
)
def test_what_matches(statement: dict[str, Any], expected: Ground) -> None:
    """Actions whatever their case, resources to the letter; NotResource takes Resource's place."""
    whole = {"Effect": "Allow"} | statement
    if "NotResource" not in whole:
        whole.setdefault("Resource", "*")
    assert judged([whole], "kms:Encrypt", "acs:kms:r:1:key/k") is expected


@pytest.mark.parametrize(
    ("operator", "value", "given_value", "holds"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", "a", "A", False),
        ("StringEqualsIgnoreCase", "a", "A", True),
        ("StringLike", "a*c", "abc", True),
        ("StringNotEquals", "a", "a", False),
        ("StringNotEquals", "a", None, True),
        ("StringEquals", "a", None, False),
        ("NumericLessThan", "10", "9", True),
        ("NumericLessThan", "10", "ten", False),
        ("DateLessThan", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", True),
        ("DateLessThan", "2026-01-01T00:00:00+08:00", "2025-12-31T16:00:00Z", False),
        ("Bool", True, "true", True),
        ("Bool", "false", "true", False),
        ("IpAddress", "10.0.0.0/8", "10.255.0.1", True),
        ("IpAddress", "10.0.0.0/8", "11.0.0.1", False),
        ("IpAddress", "10.0.0.0/8", "::ffff:10.0.0.1", True),
        ("NotIpAddress", ["10.0.0.0/8", "11.0.0.0/8"], "11.0.0.1", False),
    ],
)
def test_conditions(operator: str, value: Any, given_value: str | None, holds: bool) -> None:  # noqa: FBT001
    """16:00Z is midnight in UTC+8; an IPv4 address in IPv6 clothes is IPv4; an absent key makes only a negation true."""
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {operator: {"kms:tag/x": value}}}
    context = {} if given_value is None else {"kms:tag/x": given_value}
    assert (judged([statement], "a:B", "r", **context) is Ground.ALLOWED) is holds


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1, column 1 (the document): a JSON value is expected here"),
        ('{"Version":"1"', 'line 1, column 15 (the document): a "," or "}" is expected here'),
        ('{"Version":"2","Statement":[]}', 'line 1, column 12 (Version): it must be "1"'),
        ('{"Version":"1","Version":"1","Statement":[]}', "line 1, column 16 (Version): this name is given twice"),
        (
            '{"Version":"1","Statement":\n {"Effect":"Allow","Action":"x","Resource":"*"}}',
            "line 2, column 29 (Statement[1].Action): 'x' is neither",
        ),
        ("[" * 50, "line 1, column 10 (the document): it is nested more than 8 deep"),
    ],
)
def test_mistakes_have_places(text: str, told: str) -> None:
    """Line and column count from 1."""
    with pytest.raises(PolicyMalformed) as raised:
        read(text)
    assert told in str(raised.value)


STATEMENTS = st.lists(
    st.fixed_dictionaries(
        {
            "Effect": st.sampled_from(["Allow", "Deny"]),
            "Action": st.sampled_from(["kms:Encrypt", "kms:*", "*", "kms:Decrypt"]),
            "Resource": st.sampled_from(["*", "acs:kms:r:1:key/a", "acs:kms:r:1:key/*", "acs:kms:r:1:secret/*"]),
        },
    ),
    min_size=1,
    max_size=6,
)


@given(STATEMENTS, st.randoms(use_true_random=False))
def test_order_never_matters_and_deny_wins(statements: list[dict[str, str]], random: Any) -> None:
    """Against a reference that knows these few patterns by hand."""
    action, resource = "kms:Encrypt", "acs:kms:r:1:key/a"
    about = {one["Effect"] for one in statements if one["Action"] != "kms:Decrypt" and one["Resource"] != "acs:kms:r:1:secret/*"}
    expected = Ground.DENIED if "Deny" in about else Ground.ALLOWED if about else Ground.SILENT
    assert judged(statements, action, resource) is expected
    random.shuffle(statements)
    assert judged(statements, action, resource) is expected


@given(st.text(max_size=60))
def test_reading_never_fails_otherwise(text: str) -> None:
    """Whatever the text: a document or PolicyMalformed."""
    with pytest.raises(PolicyMalformed) as raised:  # no text of these letters is a policy: one needs more than 60
        read(text)
    assert raised.value.mistakes


def test_two_sets_together() -> None:
    """One account: either; two accounts: both; a Deny of any in any case."""
    texts = {effect: read(json.dumps({"Version": "1", "Statement": {"Effect": effect, "Action": "*", "Resource": "*"}}))
             for effect in ("Allow", "Deny")}  # fmt: skip
    yes, no = (PolicySet([("p", texts[effect])]).judge(Question("a:B", "r", {})) for effect in ("Allow", "Deny"))
    assert [either(yes, SILENT).allowed, either(SILENT, yes).allowed, either(yes, no).allowed] == [True, True, False]
    assert [both(yes, SILENT).allowed, both(SILENT, yes).allowed, both(yes, yes).allowed, both(no, yes).allowed] == [
        False,
        False,
        True,
        False,
    ]
