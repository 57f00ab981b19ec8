"""Ciphertext layout and canonical contexts: promises for ever, so the bytes stand here."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.envelope.faults import CiphertextNotValid, ContextNotValid
from keystead.envelope.rules import OVERHEAD_BYTES, associated_data, pack, unpack

VERSION_ID = "key-hzz62f1cb66fa42qo0000-20v29b0000"  # the published form: 25 characters, a dash, ten
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def test_layout_is_id_then_iv_then_ciphertext() -> None:
    """36 bytes version id, 12 bytes IV, then ciphertext and tag (published samples begin with the base64 of the id)."""
    assert len(VERSION_ID) == 36
    iv, ciphertext, tag = bytes(range(12)), b"\xff", b"t" * 16
    blob = pack(VERSION_ID, iv + ciphertext + tag)
    assert blob[:36] == VERSION_ID.encode()
    assert blob[36:48] == iv
    assert blob[48:49] == ciphertext
    assert blob[49:] == tag
    assert unpack(blob) == (VERSION_ID, iv + ciphertext + tag)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=36, max_size=36), st.binary(min_size=29))
def test_unpack_undoes_pack(version_id: str, sealed: bytes) -> None:
    """Whatever is packed comes apart into the same pieces; 12 IV + 16 tag + 1 byte of text is the least there can be."""
    assert unpack(pack(version_id, sealed)) == (version_id, sealed)


@pytest.mark.parametrize("length", [0, 1, 36, 48, 63, 64])
def test_what_cannot_hold_a_text_is_refused(length: int) -> None:
    """36 + 12 + 16 = 64 bytes hold no text: up to there nothing is a ciphertext; one byte more may be."""
    assert OVERHEAD_BYTES == 64
    with pytest.raises(CiphertextNotValid):
        unpack((VERSION_ID.encode() * 2)[:length])
    assert unpack(VERSION_ID.encode() + bytes(29)).version_id == VERSION_ID


@pytest.mark.parametrize("stray", [b"\x00", b"\n", b"\x7f", b"\x80", b"\xff"])
def test_version_id_must_be_printable_ascii(stray: bytes) -> None:
    """A header that is not an id is refused before any look-up."""
    with pytest.raises(CiphertextNotValid):
        unpack(stray + VERSION_ID[1:].encode() + bytes(29))


def test_refusal_names_the_parameter() -> None:
    """Clients see which parameter is wrong, and nothing that tells short, changed and foreign apart."""
    fault = CiphertextNotValid()
    assert fault.name == "CiphertextBlob"
    assert str(fault).startswith('The specified parameter "CiphertextBlob" is not valid.')


@pytest.mark.parametrize("wrong", ["", "short", VERSION_ID + "x", "é" * 36])
def test_pack_takes_only_ids_of_36_ascii_characters(wrong: str) -> None:
    """A version id of another length would shift every byte behind it: a mistake of ours, stopped at once."""
    with pytest.raises(ValueError, match=r"36|ascii"):
        pack(wrong, bytes(29))


def test_no_context_and_an_empty_one_are_the_same() -> None:
    """Clients send an empty EncryptionContext and mean none (oss2 does)."""
    assert associated_data(None) == associated_data({}) == b""


@pytest.mark.parametrize(
    ("context", "canonical"),
    [
        ({"a": "b"}, b'{"a":"b"}'),
        ({"x": "y z", "a": "b"}, b'{"a":"b","x":"y z"}'),
        ({"": ""}, b'{"":""}'),
        # U+00E9 is C3 A9 in UTF-8; only quote, backslash and control characters are escaped.
        ({"é": '"\\/\x01\n\x7f'}, b'{"\xc3\xa9":"\\"\\\\/\\u0001\\n\x7f"}'),
        # By code point U+FFFF comes before U+1F600, by UTF-16 unit it would come after.
        ({"\U0001f600": "2", "\uffff": "1"}, b'{"\xef\xbf\xbf":"1","\xf0\x9f\x98\x80":"2"}'),
    ],
)
def test_canonical_bytes(context: dict[str, str], canonical: bytes) -> None:
    """Compact JSON, keys sorted by code point, UTF-8: written out by hand, for old ciphertext depends on each byte."""
    assert associated_data(context) == canonical


@given(st.dictionaries(TEXTS, TEXTS, max_size=8))
def test_another_encoder_writes_the_same(context: dict[str, str]) -> None:
    """The canonical form is plain JSON and not one library's taste: the standard library's encoder writes the same bytes."""
    expected = json.dumps(context, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() if context else b""
    assert associated_data(context) == expected


@given(st.dictionaries(TEXTS, TEXTS, max_size=8))
def test_order_does_not_matter_and_content_does(context: dict[str, str]) -> None:
    """Contexts are equal as sets of pairs; any other pair gives other bytes."""
    assert associated_data(dict(reversed(context.items()))) == associated_data(context)
    assert associated_data({**context, "one more than the strategy writes": ""}) != associated_data(context)


def test_context_ends_at_8192_characters() -> None:
    """8,192 characters of canonical text, counted as characters: {"k":"…"} spends 8 on itself."""
    assert len(associated_data({"k": "é" * 8184})) == 8 + 2 * 8184
    with pytest.raises(ContextNotValid):
        associated_data({"k": "é" * 8185})


def test_half_a_surrogate_pair_is_no_text() -> None:
    """What UTF-8 cannot write is the caller's fault, not an internal one."""
    with pytest.raises(ContextNotValid):
        associated_data({"k": "\ud800"})
