"""Kinds of keys, rotation, versions and deletion windows: the documentation's tables, written out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from keystead.faults import Fault, InvalidParameter
from keystead.keyring import faults, rules
from keystead.keyring.model import (
    Key,
    KeySpec,
    KeyState,
    KeyUsage,
    Origin,
    Page,
    Place,
    ProtectionLevel,
    Rotation,
    RotationStatus,
    Shape,
    Storage,
)
from keystead.keyring.specs import SPECS, allowed, default_usage

AT = datetime(2026, 1, 1, tzinfo=UTC)
DAY = 86_400
CRYPT, SIGN, MAC = KeyUsage.ENCRYPT_DECRYPT, KeyUsage.SIGN_VERIFY, KeyUsage.MAC
SOFTWARE, HSM = ProtectionLevel.SOFTWARE, ProtectionLevel.HSM
PLACE = Place("1234567890123456", "ap-southeast-1", "kst-asz6955b90000abcdefgh", "1234567890123456")


def key(spec: KeySpec = KeySpec.AES_256, origin: Origin = Origin.SERVICE, state: KeyState = KeyState.ENABLED) -> Key:
    """A key of a kind, made at AT."""
    shape = Shape(spec, default_usage(spec), origin, "")
    return Key("key-asz6955b90000abcdefgh", PLACE, shape, state, "key-asz6955b90000abcdefgh-0000000000", AT, AT)


# Key types and specifications, read 2026-11-22: default usage, other usages, software, hardware, beyond the cloud in software.
KINDS = [
    ("Aliyun_AES_256", CRYPT, set(), True, True, False),
    ("Aliyun_AES_192", CRYPT, set(), False, True, False),
    ("Aliyun_AES_128", CRYPT, set(), False, True, False),
    ("Aliyun_SM4", CRYPT, set(), False, True, True),
    ("RSA_2048", SIGN, {CRYPT}, True, True, False),
    ("RSA_3072", SIGN, {CRYPT}, True, True, False),
    ("RSA_4096", SIGN, {CRYPT}, True, True, False),
    ("EC_P256", SIGN, set(), True, True, False),
    ("EC_P256K", SIGN, set(), True, True, False),
    ("EC_SM2", SIGN, {CRYPT}, True, True, False),
    ("HMAC_SM3", MAC, set(), True, True, False),
    ("HMAC_SHA_256", MAC, set(), True, True, False),
    ("EC_P384", SIGN, set(), False, False, True),
    ("EC_ED25519", SIGN, set(), False, False, True),
    ("ML_DSA_65", SIGN, set(), False, False, True),
    ("ML_KEM_768", CRYPT, set(), False, False, True),
]


@pytest.mark.parametrize(("name", "default", "others", "software", "hardware", "beyond"), KINDS)
def test_kinds(name: str, default: KeyUsage, others: set[KeyUsage], software: bool, hardware: bool, beyond: bool) -> None:  # noqa: FBT001 - columns of a table
    """Which combinations of spec, usage and protection may be; nothing beyond the cloud unless it is switched on."""
    spec = KeySpec(name)
    assert default_usage(spec) is default
    for usage in KeyUsage:
        fits = usage is default or usage in others
        assert allowed(spec, usage, SOFTWARE) is (fits and software)
        assert allowed(spec, usage, HSM) is (fits and hardware)
        assert allowed(spec, usage, SOFTWARE, beyond=True) is (fits and (software or beyond))


def test_every_spec_has_its_facts() -> None:
    """None is forgotten."""
    assert set(SPECS) == set(KeySpec)


ROTATES = [
    (Shape(KeySpec.AES_256, CRYPT, Origin.SERVICE, ""), True),
    (Shape(KeySpec.AES_256, CRYPT, Origin.EXTERNAL, ""), False),
    (Shape(KeySpec.RSA_2048, SIGN, Origin.SERVICE, ""), False),
    (Shape(KeySpec.EC_SM2, CRYPT, Origin.SERVICE, ""), False),
    (Shape(KeySpec.HMAC_SHA_256, MAC, Origin.SERVICE, ""), False),
    (Shape(KeySpec.AES_256, CRYPT, Origin.SERVICE, "", HSM, Storage.HSM_INTERNAL), False),
    (Shape(KeySpec.AES_256, CRYPT, Origin.SERVICE, "", HSM, Storage.NONE), False),
    (Shape(KeySpec.AES_256, CRYPT, Origin.SERVICE, "", HSM, Storage.HSM_DATABASE), True),
    (Shape(KeySpec.RSA_2048, SIGN, Origin.SERVICE, "", HSM, Storage.HSM_DATABASE), False),
]


@pytest.mark.parametrize(("shape", "rotates"), ROTATES)
def test_what_rotates(shape: Shape, rotates: bool) -> None:  # noqa: FBT001 - a column of a table
    """Symmetric software keys with their own material; of hardware only those in HsmEncryptedDatabase."""
    if rotates:
        rules.rotatable(shape)
    else:
        with pytest.raises(faults.NotOffered):
            rules.rotatable(shape)


@pytest.mark.parametrize(
    ("interval", "seconds"),
    [("7d", 7 * DAY), ("365d", 365 * DAY), ("168h", 7 * DAY), ("10080m", 7 * DAY), ("604800s", 604_800), ("604801s", 604_801)],
)
def test_intervals(interval: str, seconds: int) -> None:
    """In d, h, m or s; kept in seconds."""
    assert rules.rotation_of(interval, enable=True) == Rotation(seconds)
    assert rules.rotation_of(interval, enable=False) == rules.rotation_of(interval, enable=None) == Rotation(None)


@pytest.mark.parametrize(
    "interval", ["", "6d", "604799s", "366d", "31536001s", "7", "d", "7D", "-7d", "07d", "7.5d", "7d ", "\u0667d"]
)
def test_other_intervals(interval: str) -> None:
    """Under 7 or over 365 days, or none."""
    with pytest.raises(InvalidParameter) as raised:
        rules.rotation_of(interval, enable=True)
    assert raised.value.name == "RotationInterval"


def test_rotation_as_it_is_shown() -> None:
    """Suspended unless the key can be used; the next date is the last rotation and the interval."""
    plain = key()
    assert rules.rotation_status(plain, expired=False) is RotationStatus.DISABLED
    assert rules.next_rotation_at(plain) is None
    wished = msgspec.structs.replace(plain, rotation=Rotation(30 * DAY))
    assert rules.next_rotation_at(wished) == AT + timedelta(days=30)
    assert rules.rotation_status(wished, expired=False) is RotationStatus.ENABLED
    assert rules.rotation_status(wished, expired=True) is RotationStatus.SUSPENDED
    for state in (KeyState.DISABLED, KeyState.PENDING_DELETION):
        assert rules.rotation_status(msgspec.structs.replace(wished, state=state), expired=False) is RotationStatus.SUSPENDED


def test_deletion_windows() -> None:
    """7 to 366 days."""
    assert rules.deletion_days(7) == timedelta(days=7)
    assert rules.deletion_days(366) == timedelta(days=366)
    for days in (-1, 0, 6, 367):
        with pytest.raises(InvalidParameter) as raised:
            rules.deletion_days(days)
        assert raised.value.name == "PendingWindowInDays"


def test_after_cancelling() -> None:
    """Enabled again; without material to use, PendingImport."""
    external = key(origin=Origin.EXTERNAL)
    assert rules.state_after_cancelling(key(), has_material=True) is KeyState.ENABLED
    assert rules.state_after_cancelling(external, has_material=True) is KeyState.ENABLED
    assert rules.state_after_cancelling(external, has_material=False) is KeyState.PENDING_IMPORT


def test_protected() -> None:
    """The reason is told."""
    rules.deletable(key())
    with pytest.raises(faults.DeletionProtected, match="the archive"):
        rules.deletable(msgspec.structs.replace(key(), deletion_protected=True, protected_because="the archive"))


@pytest.mark.parametrize(
    ("spec", "origin", "refused"),
    [
        (KeySpec.RSA_2048, Origin.SERVICE, None),
        (KeySpec.EC_P256K, Origin.SERVICE, None),
        (KeySpec.RSA_2048, Origin.EXTERNAL, faults.NotOffered),
        (KeySpec.AES_256, Origin.SERVICE, faults.NotOffered),
        (KeySpec.HMAC_SHA_256, Origin.SERVICE, faults.NotOffered),
    ],
)
def test_versions_by_hand_of_asymmetric_keys(spec: KeySpec, origin: Origin, refused: type[Fault] | None) -> None:
    """CreateKeyVersion is for those alone."""
    if refused is None:
        rules.versions_by_hand(key(spec, origin))
    else:
        with pytest.raises(refused):
            rules.versions_by_hand(key(spec, origin))


def test_seven_days_and_fifty_versions() -> None:
    """To the second, and to the fiftieth."""
    pair = key(KeySpec.RSA_2048)
    week = AT + timedelta(days=7)
    rules.version_addable(pair, 49, week)
    with pytest.raises(faults.TooManyVersions):
        rules.version_addable(pair, 50, week)
    with pytest.raises(faults.TooSoon, match="2026-01-08T00:00:00Z"):
        rules.version_addable(pair, 1, week - timedelta(seconds=1))


@pytest.mark.parametrize("spec", KeySpec)
def test_what_encrypt_takes(spec: KeySpec) -> None:
    """Symmetric keys alone: a key pair that encrypts does so by AsymmetricEncrypt, not quietly by another algorithm."""
    symmetric = spec.value.startswith("Aliyun_")
    for usage in SPECS[spec].usages:
        one = msgspec.structs.replace(key(spec), shape=Shape(spec, usage, Origin.SERVICE, ""))
        if symmetric:
            rules.seals(one)
        else:
            with pytest.raises(faults.NotOffered):
                rules.seals(one)


def test_wide_pages() -> None:
    """Where the text says 0 to 101: 0 is the default, 101 itself is taken, 102 is not."""
    assert rules.wide_page_of(None, 0) == rules.wide_page_of(None, None) == Page(1, 10)
    assert rules.wide_page_of(2, 101) == Page(2, 101)
    for size in (-1, 102):
        with pytest.raises(InvalidParameter):
            rules.wide_page_of(None, size)
    with pytest.raises(InvalidParameter):
        rules.wide_page_of(0, 101)
