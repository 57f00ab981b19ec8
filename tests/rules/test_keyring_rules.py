"""The keyring's decisions: tables from the documentation, written out."""

import base64
import json
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.faults import Fault, InvalidParameter
from keystead.keyring import faults, rules
from keystead.keyring.model import (
    Key,
    KeySpec,
    KeyState,
    KeyUsage,
    Operation,
    Origin,
    Page,
    Place,
    Shape,
)

AT = datetime(2026, 1, 1, tzinfo=UTC)
REGION = "ap-southeast-1"
ACCOUNT = "1234567890123456"
KEY = Key(
    "key-asz6955b90000abcdefgh",
    Place(ACCOUNT, REGION, "kst-asz6955b90000abcdefgh", ACCOUNT),
    Shape(KeySpec.AES_256, KeyUsage.ENCRYPT_DECRYPT, Origin.SERVICE, ""),
    KeyState.ENABLED,
    "key-asz6955b90000abcdefgh-0000000000",
    AT,
    AT,
)

# "Impact of CMK states on API call", read 2026-11-22. None: allowed.
STATE_TABLE = [
    (Operation.USE, KeyState.ENABLED, None),
    (Operation.USE, KeyState.DISABLED, faults.KeyDisabled),
    (Operation.USE, KeyState.PENDING_DELETION, faults.KeyPendingDeletion),
    (Operation.USE, KeyState.PENDING_IMPORT, faults.KeyPendingImport),
    (Operation.DESCRIBE, KeyState.ENABLED, None),
    (Operation.DESCRIBE, KeyState.DISABLED, None),
    (Operation.DESCRIBE, KeyState.PENDING_DELETION, None),
    (Operation.DESCRIBE, KeyState.PENDING_IMPORT, None),
    (Operation.SWITCH, KeyState.ENABLED, None),
    (Operation.SWITCH, KeyState.DISABLED, None),
    (Operation.SWITCH, KeyState.PENDING_DELETION, faults.KeyStateFixed),
    (Operation.SWITCH, KeyState.PENDING_IMPORT, faults.KeyStateFixed),
]


@pytest.mark.parametrize(("operation", "state", "refusal"), STATE_TABLE)
def test_state_table(operation: Operation, state: KeyState, refusal: type[Fault] | None) -> None:
    """Each cell of the documented table."""
    key = msgspec.structs.replace(KEY, state=state)
    if refusal is None:
        rules.usable(key, operation, expired=False)
        return
    with pytest.raises(refusal) as raised:
        rules.usable(key, operation, expired=False)
    assert state.value in str(raised.value)


@pytest.mark.parametrize("state", [state for state in KeyState if state is not KeyState.UNAVAILABLE])
@pytest.mark.parametrize("operation", [Operation.USE, Operation.SWITCH])
def test_expiry_comes_before_the_stored_state(operation: Operation, state: KeyState) -> None:
    """In an expired instance every use is refused as Unavailable, whatever is stored; describing goes on."""
    key = msgspec.structs.replace(KEY, state=state)
    with pytest.raises(faults.KeyUnavailable) as raised:
        rules.usable(key, operation, expired=True)
    assert str(raised.value) == "The request was rejected because the key state is Unavailable."
    rules.usable(key, Operation.DESCRIBE, expired=True)
    assert rules.shown_state(key, expired=True) is KeyState.UNAVAILABLE
    assert rules.shown_state(key, expired=False) is state


@pytest.mark.parametrize(
    ("reference", "meant"),
    [
        (KEY.key_id, KEY.key_id),
        ("1234abcd-12ab-34cd-56ef-123456780000", "1234abcd-12ab-34cd-56ef-123456780000"),
        (f"acs:kms:{REGION}:{ACCOUNT}:key/{KEY.key_id}", KEY.key_id),
        (KEY.arn, KEY.key_id),
    ],
)
def test_id_and_arn_mean_the_key(reference: str, meant: str) -> None:
    """A plain id and the caller's own ARN."""
    assert rules.key_id_of(reference, ACCOUNT, REGION) == meant


@pytest.mark.parametrize(
    ("reference", "refusal"),
    [
        (f"acs:kms:{REGION}:6543210987654321:key/{KEY.key_id}", faults.KeyNotFound),
        (f"acs:kms:cn-hangzhou:{ACCOUNT}:key/{KEY.key_id}", faults.KeyNotFound),
        (f"acs:oss:{REGION}:{ACCOUNT}:key/{KEY.key_id}", faults.KeyNotFound),
        (f"acs:kms:{REGION}:{ACCOUNT}:secret/x", faults.KeyNotFound),
        ("acs:", faults.KeyNotFound),
        ("a\x00b", faults.KeyNotFound),
        ("k" * 10_000, faults.KeyNotFound),
        ("\ud800", faults.KeyNotFound),
        ("alias/mine", faults.AliasNotFound),
        (f"acs:kms:{REGION}:{ACCOUNT}:alias/mine", faults.AliasNotFound),
    ],
)
def test_other_references_are_not_found(reference: str, refusal: type[Fault]) -> None:
    """Another account's or region's name reads exactly like an absent one; no alias exists yet."""
    with pytest.raises(refusal):
        rules.key_id_of(reference, ACCOUNT, REGION)


def test_alias_is_told_from_id() -> None:
    """EnableKey and its like refuse an alias by its own code, so it must be recognised in both spellings."""
    assert rules.names_alias("alias/mine")
    assert rules.names_alias(f"acs:kms:{REGION}:{ACCOUNT}:alias/mine")
    assert not rules.names_alias(KEY.key_id)
    assert not rules.names_alias(KEY.arn)


def test_default_shape() -> None:
    """CreateKey with nothing said makes an Aliyun_AES_256 key for ENCRYPT/DECRYPT with Origin Aliyun_KMS."""
    said = rules.shape_of("Aliyun_AES_256", "ENCRYPT/DECRYPT", "Aliyun_KMS", "for orders")
    assert rules.shape_of("", "", "", "for orders") == said
    assert (said.spec, said.usage, said.origin) == ("Aliyun_AES_256", "ENCRYPT/DECRYPT", "Aliyun_KMS")


@pytest.mark.parametrize(
    ("spec", "usage", "origin", "refused"),
    [
        ("RSA_1024", "", "", InvalidParameter),
        ("EC_P256", "ENCRYPT/DECRYPT", "", InvalidParameter),
        ("EC_P256K", "ENCRYPT/DECRYPT", "", InvalidParameter),
        ("HMAC_SHA_256", "SIGN/VERIFY", "", InvalidParameter),
        ("RSA_2048", "GENERATE/VERIFY", "", InvalidParameter),
        ("Aliyun_SM4", "", "", faults.NotOffered),
        ("AES_256", "", "", InvalidParameter),
        ("aliyun_aes_256", "", "", InvalidParameter),
        ("", "SIGN/VERIFY", "", InvalidParameter),
        ("", "encrypt/decrypt", "", InvalidParameter),
        ("", "", "EXTERNAL", faults.NotOffered),
        ("", "", "external", InvalidParameter),
        ("", "", "aliyun_kms", InvalidParameter),
    ],
)
def test_other_shapes_are_refused(spec: str, usage: str, origin: str, refused: type[Fault]) -> None:
    """What the cloud documents and this service does not make is unsupported; what nobody documents is invalid."""
    with pytest.raises(refused):
        rules.shape_of(spec, usage, origin, "")


@pytest.mark.parametrize(
    ("spec", "default", "others"),
    [
        ("RSA_2048", "SIGN/VERIFY", ["ENCRYPT/DECRYPT"]),
        ("RSA_4096", "SIGN/VERIFY", ["ENCRYPT/DECRYPT"]),
        ("EC_P256", "SIGN/VERIFY", []),
        ("EC_SM2", "SIGN/VERIFY", ["ENCRYPT/DECRYPT"]),
        ("HMAC_SM3", "GENERATE/VERIFY", []),
    ],
)
def test_a_spec_that_can_sign_signs_unless_told_otherwise(spec: str, default: str, others: list[str]) -> None:
    """CreateKey page: KeyUsage defaults to SIGN/VERIFY where the spec can sign."""
    assert rules.shape_of(spec, "", "", "").usage == default
    for usage in [default, *others]:
        assert rules.shape_of(spec, usage, "", "").usage == usage


def test_description_ends_at_8192_characters() -> None:
    """0 to 8,192 characters; what a database cannot keep is refused too."""
    assert len(rules.shape_of("", "", "", "é" * 8192).description) == 8192
    for description in ("x" * 8193, "a\x00b", "\ud800"):
        with pytest.raises(InvalidParameter) as raised:
            rules.shape_of("", "", "", description)
        assert raised.value.name == "Description"


@given(st.binary(min_size=1, max_size=64))
def test_the_text_itself_is_what_is_sealed(clear: bytes) -> None:
    """Plaintext is opaque base64: what is sealed is the text, not what it decodes to."""
    text = base64.b64encode(clear).decode()
    assert rules.plaintext_of(text) == text.encode()


def test_plaintext_ends_at_6144_bytes() -> None:
    """6 KB are counted on the decoded bytes: 6,144 are 8,192 characters; 6,145 are refused, and so are 6,146 and 6,147."""
    assert len(rules.plaintext_of(base64.b64encode(bytes(6144)).decode())) == 8192
    for length in (6145, 6146, 6147, 100_000):
        with pytest.raises(InvalidParameter) as raised:
            rules.plaintext_of(base64.b64encode(bytes(length)).decode())
        assert raised.value.name == "Plaintext"


@pytest.mark.parametrize("text", ["", "=", "hello world", "aGVsbG8", "aGVsbG8=\n", "aGVs\nbG8=", "aGVsbG8_", "é", "\ud800"])
def test_plaintext_must_be_base64(text: str) -> None:
    """Standard alphabet, padded, in one line, not empty."""
    with pytest.raises(InvalidParameter) as raised:
        rules.plaintext_of(text)
    assert raised.value.name == "Plaintext"


@pytest.mark.parametrize(
    ("spec", "number", "length"),
    [("", None, 32), ("AES_256", None, 32), ("AES_128", None, 16), ("", 1, 1), ("", 1024, 1024), ("AES_128", 64, 64)],
)
def test_data_key_length(spec: str, number: int | None, length: int) -> None:
    """AES_256 (the default) is 32 bytes, AES_128 16; NumberOfBytes from 1 to 1,024 wins over KeySpec."""
    assert rules.data_key_bytes(spec, number) == length


@pytest.mark.parametrize(
    ("spec", "number", "name"),
    [("AES_192", None, "KeySpec"), ("aes_256", 32, "KeySpec"), ("", 0, "NumberOfBytes"), ("", 1025, "NumberOfBytes")],
)
def test_data_key_length_refused(spec: str, number: int | None, name: str) -> None:
    """The parameter that is wrong is named."""
    with pytest.raises(InvalidParameter) as raised:
        rules.data_key_bytes(spec, number)
    assert raised.value.name == name


def test_pages() -> None:
    """Page 1 with 10 keys unless said otherwise; sizes 1 to 100."""
    assert rules.page_of(None, None) == Page(1, 10)
    assert rules.page_of(7, 100) == Page(7, 100)
    for number, size, name in ((0, 10, "PageNumber"), (-1, 10, "PageNumber"), (1, 0, "PageSize"), (1, 101, "PageSize")):
        with pytest.raises(InvalidParameter) as raised:
            rules.page_of(number, size)
        assert raised.value.name == name


def test_filters_of_one_key_are_joined() -> None:
    """The documented example: (Enabled or Disabled or PendingDeletion) and Aliyun_AES_256 (ListKeys page, read 2026-11-22)."""
    text = (
        '[{"Key":"KeyState","Values":["Enabled","Disabled"]},{"Key":"KeyState","Values":["PendingDeletion"]},'
        '{"Key":"KeySpec","Values":["Aliyun_AES_256"]}]'
    )
    assert rules.filters_of(text) == {
        "KeyState": {"Enabled", "Disabled", "PendingDeletion"},
        "KeySpec": {"Aliyun_AES_256"},
    }


def test_filters_that_ask_for_nothing() -> None:
    """No text, no entry, an entry without values (documented length 0 to 10): every key."""
    assert rules.filters_of("") == rules.filters_of("[]") == rules.filters_of('[{"Key":"keyId","Values":[]}]') == {}


def test_ten_filters_of_ten_values_are_read() -> None:
    """The documented ceiling itself is allowed."""
    text = json.dumps([{"Key": "keyId", "Values": [f"{entry}-{value}" for value in range(10)]} for entry in range(10)])
    assert len(rules.filters_of(text)["keyId"]) == 100


@pytest.mark.parametrize(
    "text",
    [
        "KeyState=Enabled",
        "{}",
        '{"Key":"KeyState","Values":["Enabled"]}',
        '[{"Key":"KeyState"}]',
        '[{"Key":"KeyState","Values":"Enabled"}]',
        '[{"Key":"KeyState","Values":["Enabled"],"Not":true}]',
        '[{"Key":"KeyState","Values":["enabled"]}]',
        '[{"Key":"Nonsense","Values":["x"]}]',
        '[{"Key":"keyId","Values":["a\\u0000b"]}]',
        "\ud800",
        json.dumps([{"Key": "keyId", "Values": ["x"]}] * 11),
        json.dumps([{"Key": "keyId", "Values": ["x"] * 11}]),
    ],
)
def test_bad_filters_are_refused(text: str) -> None:
    """Another form, an unknown key or value, too many: refused, never ignored."""
    with pytest.raises(InvalidParameter) as raised:
        rules.filters_of(text)
    assert raised.value.name == "Filters"
