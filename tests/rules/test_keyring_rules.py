"""The keyring's decisions: tables from the documentation, written out."""

import base64
import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.envelope.rules import data_key_bytes, plaintext_of
from keystead.faults import Fault, InvalidParameter
from keystead.hsm.algorithms.specs import SPECS as MADE_BY_KEY_STORE
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
    ProtectionLevel,
    Shape,
)
from keystead.keyring.rules import AskedShape
from keystead.keyring.specs import BEYOND, SPECS_MADE, offered

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

OK = None
FIXED = faults.KeyStateFixed
STATES = (KeyState.ENABLED, KeyState.DISABLED, KeyState.PENDING_DELETION, KeyState.PENDING_IMPORT)
# Impact of CMK states on API call, read 2026-11-22, in the columns of STATES. None: allowed. Rows with a star are ours (ADR 50).
CELLS = {
    Operation.USE: (OK, faults.KeyDisabled, faults.KeyPendingDeletion, faults.KeyPendingImport),
    Operation.DESCRIBE: (OK, OK, OK, OK),
    Operation.SWITCH: (OK, OK, FIXED, FIXED),
    Operation.SCHEDULE_DELETION: (OK, OK, FIXED, OK),
    Operation.CANCEL_DELETION: (FIXED, FIXED, OK, FIXED),
    Operation.CREATE_ALIAS: (OK, OK, FIXED, OK),
    Operation.UPDATE_ALIAS: (OK, OK, faults.KeyPendingDeletion, OK),
    Operation.DELETE_ALIAS: (OK, OK, OK, OK),
    Operation.IMPORT_PARAMETERS: (OK, OK, OK, OK),
    Operation.IMPORT_MATERIAL: (OK, OK, FIXED, OK),
    Operation.DELETE_MATERIAL: (OK, OK, OK, OK),
    Operation.SET_ROTATION: (OK, faults.KeyDisabled, faults.KeyPendingDeletion, faults.KeyPendingImport),
    Operation.CREATE_VERSION: (OK, faults.KeyDisabled, faults.KeyPendingDeletion, faults.KeyPendingImport),
    Operation.PROTECT: (OK, OK, faults.KeyPendingDeletion, OK),  # *
    Operation.EDIT: (OK, OK, OK, OK),  # *
}
STATE_TABLE = [(operation, state, row[column]) for operation, row in CELLS.items() for column, state in enumerate(STATES)]


@pytest.mark.parametrize(("operation", "state", "refusal"), STATE_TABLE)
def test_state_table(operation: Operation, state: KeyState, refusal: type[Fault] | None) -> None:
    """Each cell of the documented table, told as it is found."""
    key = msgspec.structs.replace(KEY, state=state)
    print(f"{operation.value:24} {state.value:16} {refusal.__name__ if refusal else 'allowed'}")  # noqa: T201 - shows the cells
    if refusal is None:
        rules.usable(key, operation, AT, expired=False)
        return
    with pytest.raises(refusal) as raised:
        rules.usable(key, operation, AT, expired=False)
    assert state.value in str(raised.value)


def test_every_operation_has_its_row() -> None:
    """No operation is left to chance, and the table says nothing of a state that is never stored."""
    assert set(CELLS) == set(Operation)
    assert {cell[1] for cell in rules.STATE_TABLE} == set(STATES)
    assert len(rules.STATE_TABLE) == len(STATE_TABLE) == 60


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("operation", Operation)
def test_expiry_comes_before_the_stored_state(operation: Operation, state: KeyState) -> None:
    """In an expired instance all is refused as Unavailable, whatever is stored, but looking and keeping a key from deletion."""
    key = msgspec.structs.replace(KEY, state=state)
    assert rules.shown_state(key, expired=True) is KeyState.UNAVAILABLE
    assert rules.shown_state(key, expired=False) is state
    if operation is Operation.DESCRIBE:
        rules.usable(key, operation, AT, expired=True)
        return
    if operation is Operation.CANCEL_DELETION:
        if state is KeyState.PENDING_DELETION:
            rules.usable(key, operation, AT, expired=True)
        else:
            with pytest.raises(FIXED):
                rules.usable(key, operation, AT, expired=True)
        return
    with pytest.raises(faults.KeyUnavailable) as raised:
        rules.usable(key, operation, AT, expired=True)
    assert str(raised.value) == "The request was rejected because the key state is Unavailable."


def test_a_key_is_gone_at_the_very_end_of_its_window() -> None:
    """One millisecond before it is PendingDeletion, at the instant it is not there, for every operation, job or no job."""
    end = AT + timedelta(days=7)
    key = msgspec.structs.replace(KEY, state=KeyState.PENDING_DELETION, delete_at=end)
    rules.usable(key, Operation.CANCEL_DELETION, end - timedelta(milliseconds=1), expired=False)
    for operation in Operation:
        for expired in (False, True):
            with pytest.raises(faults.KeyNotFound):
                rules.usable(key, operation, end, expired=expired)


@pytest.mark.parametrize(
    ("reference", "meant"),
    [
        (KEY.key_id, KEY.key_id),
        ("1234abcd-12ab-34cd-56ef-123456780000", "1234abcd-12ab-34cd-56ef-123456780000"),
        (f"acs:kms:{REGION}:{ACCOUNT}:key/{KEY.key_id}", KEY.key_id),
        (KEY.arn, KEY.key_id),
        ("alias/mine", "alias/mine"),
        (f"acs:kms:{REGION}:{ACCOUNT}:alias/mine", "alias/mine"),
    ],
)
def test_id_alias_and_arn_mean_the_key(reference: str, meant: str) -> None:
    """A plain id, an alias, and the caller's own ARN of either."""
    assert rules.meant_by(reference, ACCOUNT, REGION) == meant


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
        (f"acs:kms:{REGION}:6543210987654321:alias/mine", faults.KeyNotFound),
        (f"acs:kms:{REGION}:{ACCOUNT}:key/alias/mine", faults.KeyNotFound),
    ],
)
def test_other_references_are_not_found(reference: str, refusal: type[Fault]) -> None:
    """Another account's or region's name reads exactly like an absent one."""
    with pytest.raises(refusal):
        rules.meant_by(reference, ACCOUNT, REGION)


def test_alias_is_told_from_id() -> None:
    """EnableKey and its like refuse an alias by its own code, so it must be recognised in both spellings."""
    assert rules.names_alias("alias/mine")
    assert rules.names_alias(f"acs:kms:{REGION}:{ACCOUNT}:alias/mine")
    assert not rules.names_alias(KEY.key_id)
    assert not rules.names_alias(KEY.arn)


def test_default_shape() -> None:
    """CreateKey with nothing said makes an Aliyun_AES_256 key for ENCRYPT/DECRYPT with Origin Aliyun_KMS."""
    said = rules.shape_of(AskedShape("Aliyun_AES_256", "ENCRYPT/DECRYPT", "Aliyun_KMS", "for orders"))
    assert rules.shape_of(AskedShape(description="for orders")) == said
    assert (said.spec, said.usage, said.origin) == ("Aliyun_AES_256", "ENCRYPT/DECRYPT", "Aliyun_KMS")


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        (AskedShape("Aliyun_AES_128"), faults.NotOffered),
        (AskedShape("AES_256"), InvalidParameter),
        (AskedShape("aliyun_aes_256"), InvalidParameter),
        (AskedShape("rsa_2048"), InvalidParameter),
        (AskedShape("RSA_1024"), InvalidParameter),
        (AskedShape("HMAC_SHA_256", "SIGN/VERIFY"), InvalidParameter),
        (AskedShape("RSA_2048", "GENERATE/VERIFY"), InvalidParameter),
        (AskedShape("RSA_2048", origin="EXTERNAL"), faults.NotOffered),
        (AskedShape("HMAC_SM3", origin="EXTERNAL"), faults.NotOffered),
        (AskedShape(usage="SIGN/VERIFY"), InvalidParameter),
        (AskedShape("EC_P256", "ENCRYPT/DECRYPT"), InvalidParameter),
        (AskedShape(usage="encrypt/decrypt"), InvalidParameter),
        (AskedShape(origin="external"), InvalidParameter),
        (AskedShape(origin="aliyun_kms"), InvalidParameter),
        (AskedShape(storage="HsmInternal"), InvalidParameter),
        (AskedShape(storage="hsm", protection=ProtectionLevel.HSM), InvalidParameter),
    ],
)
def test_other_shapes_are_refused(asked: AskedShape, refused: type[Fault]) -> None:
    """What the cloud documents and this service does not make is unsupported; what nobody documents is invalid."""
    with pytest.raises(refused):
        rules.shape_of(asked)


def test_the_keyring_knows_what_the_key_store_makes() -> None:
    """SPECS_MADE is the key store's list, and what is beyond the cloud in software here is what it says the cloud lacks."""
    assert set(MADE_BY_KEY_STORE) == SPECS_MADE
    assert {name for name, spec in MADE_BY_KEY_STORE.items() if not spec.cloud} == BEYOND
    for spec in BEYOND:
        shape = rules.shape_of(AskedShape(spec))
        offered(shape, beyond=True)
        with pytest.raises(faults.NotOffered):
            offered(shape, beyond=False)
    for spec in SPECS_MADE - BEYOND:
        offered(rules.shape_of(AskedShape(spec)), beyond=False)


@pytest.mark.parametrize("spec", sorted(set(KeySpec) - SPECS_MADE))
def test_what_the_key_store_cannot_make_is_unsupported(spec: KeySpec) -> None:
    """Until it can, however it is asked for."""
    for protection in ProtectionLevel:
        with pytest.raises(faults.NotOffered):
            rules.shape_of(AskedShape(spec, protection=protection))


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
    assert rules.shape_of(AskedShape(spec)).usage == default
    for usage in [default, *others]:
        assert rules.shape_of(AskedShape(spec, usage)).usage == usage


def test_description_ends_at_8192_characters() -> None:
    """0 to 8,192 characters; what a database cannot keep is refused too."""
    assert len(rules.shape_of(AskedShape(description="é" * 8192)).description) == 8192
    for description in ("x" * 8193, "a\x00b", "\ud800"):
        with pytest.raises(InvalidParameter) as raised:
            rules.shape_of(AskedShape(description=description))
        assert raised.value.name == "Description"


@given(st.binary(min_size=1, max_size=64))
def test_the_text_itself_is_what_is_sealed(clear: bytes) -> None:
    """Plaintext is opaque base64: what is sealed is the text, not what it decodes to."""
    text = base64.b64encode(clear).decode()
    assert plaintext_of(text) == text.encode()


def test_plaintext_ends_at_6144_bytes() -> None:
    """6 KB are counted on the decoded bytes: 6,144 are 8,192 characters; 6,145 are refused, and so are 6,146 and 6,147."""
    assert len(plaintext_of(base64.b64encode(bytes(6144)).decode())) == 8192
    for length in (6145, 6146, 6147, 100_000):
        with pytest.raises(InvalidParameter) as raised:
            plaintext_of(base64.b64encode(bytes(length)).decode())
        assert raised.value.name == "Plaintext"


@pytest.mark.parametrize("text", ["", "=", "hello world", "aGVsbG8", "aGVsbG8=\n", "aGVs\nbG8=", "aGVsbG8_", "é", "\ud800"])
def test_plaintext_must_be_base64(text: str) -> None:
    """Standard alphabet, padded, in one line, not empty."""
    with pytest.raises(InvalidParameter) as raised:
        plaintext_of(text)
    assert raised.value.name == "Plaintext"


@pytest.mark.parametrize(
    ("spec", "number", "length"),
    [("", None, 32), ("AES_256", None, 32), ("AES_128", None, 16), ("", 1, 1), ("", 1024, 1024), ("AES_128", 64, 64)],
)
def test_data_key_length(spec: str, number: int | None, length: int) -> None:
    """AES_256 (the default) is 32 bytes, AES_128 16; NumberOfBytes from 1 to 1,024 wins over KeySpec."""
    assert data_key_bytes(spec, number) == length


@pytest.mark.parametrize(
    ("spec", "number", "name"),
    [("AES_192", None, "KeySpec"), ("aes_256", 32, "KeySpec"), ("", 0, "NumberOfBytes"), ("", 1025, "NumberOfBytes")],
)
def test_data_key_length_refused(spec: str, number: int | None, name: str) -> None:
    """The parameter that is wrong is named."""
    with pytest.raises(InvalidParameter) as raised:
        data_key_bytes(spec, number)
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


def test_a_page_is_taken_from_the_nearer_end() -> None:
    """Of 25 entries, 10 a page: 0-9 from the front; 10-19 from the back, behind 5; 20-24 from the back; a fourth is empty."""
    spans = [Page(number, 10).span(25) for number in (1, 2, 3, 4)]
    assert [(span.skipped, span.size, span.from_end) for span in spans] == [
        (0, 10, False),
        (5, 10, True),
        (0, 5, True),
        (0, 0, True),
    ]
    assert Page(1, 10).span(0).size == 0
