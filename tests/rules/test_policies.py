"""What a key policy may look like (overview of key policies, read 2026-11-22)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keystead.access import policies
from keystead.faults import InvalidParameter

ACCOUNT = "1000000000000001"


def document(**changes: Any) -> str:
    """A policy of one sound statement, or one that is not."""
    statement = {
        "Sid": "use",
        "Effect": "Allow",
        "Principal": {"RAM": [f"acs:ram::{ACCOUNT}:user/alice"]},
        "Action": ["kms:Encrypt"],
        "Resource": ["*"],
    }
    return json.dumps({"Version": "1", "Statement": [{**statement, **changes}]})


@pytest.mark.parametrize(
    "text",
    [
        document(),
        document(Effect="Deny"),
        document(Sid="kms default key policy"),
        document(Sid="x" * 128),
        document(Action=["kms:*", "kms:List*", "kms:ReEncryptFrom"]),
        document(Principal={"RAM": [f"acs:ram::{ACCOUNT}:*", f"acs:ram::{ACCOUNT}:root", f"acs:ram::{ACCOUNT}:role/app"]}),
        document(Condition={"StringEquals": {"kms:tag/Project": ["Apollo"]}}),
    ],
)
def test_sound_documents_are_kept_as_they_are(text: str) -> None:
    """Byte for byte."""
    assert policies.checked_document(text) == text


def test_the_default_policy_is_sound() -> None:
    """What GetKeyPolicy gives without a policy can be set: one Allow of kms:* for the account, with the documented Sid."""
    text = policies.default_document(ACCOUNT, policies.DEFAULT_KEY_SID)
    assert policies.checked_document(text) == text
    (statement,) = json.loads(text)["Statement"]
    assert statement == {
        "Sid": "kms default key policy",
        "Effect": "Allow",
        "Principal": {"RAM": [f"acs:ram::{ACCOUNT}:*"]},
        "Action": ["kms:*"],
        "Resource": ["*"],
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "{",
        json.dumps({"Version": "1", "Statement": []}),
        json.dumps({"Version": "2", "Statement": json.loads(document())["Statement"]}),
        document(Effect="allow"),
        document(Sid="x" * 129),
        document(Sid="a;b"),
        document(Action=[]),
        document(Action="kms:*"),
        document(Action=["oss:GetObject"]),
        document(Action=["*"]),
        document(Action=["kms:*Key"]),
        document(Resource=[]),
        document(Resource=["*", "*"]),
        document(Resource=["acs:kms:*:*:key/x"]),
        document(Resource="*"),
        document(Principal={"RAM": []}),
        document(Principal={"RAM": ["*"]}),
        document(Principal={"RAM": ["acs:ram::1:group/x"]}),
        document(Principal={"Service": ["oss"]}),
        document(Condition=[]),
        document(More="x"),
        document(Condition={"StringEquals": {"a": ["x" * 32_768]}}),
    ],
)
def test_other_documents_are_refused(text: str) -> None:
    """The parameter is named, and nothing is half taken."""
    with pytest.raises(InvalidParameter) as raised:
        policies.checked_document(text)
    assert raised.value.name == "Policy"


def test_size_counts_bytes() -> None:
    """32,768 bytes of UTF-8 are the most: two-byte characters count two."""
    room = 32_768 - len(document(Condition={"StringEquals": {"kms:tag/a": ""}}).encode())
    fits = document(Condition={"StringEquals": {"kms:tag/a": "x" * room}})
    assert len(fits.encode()) == 32_768
    assert policies.checked_document(fits) == fits
    with pytest.raises(InvalidParameter):
        policies.checked_document(document(Condition={"StringEquals": {"kms:tag/a": "x" * (room + 1)}}))


def test_the_one_name() -> None:
    """`default`, or nothing."""
    policies.checked_name("default")
    policies.checked_name("")
    with pytest.raises(InvalidParameter):
        policies.checked_name("Default")
