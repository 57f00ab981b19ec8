"""Who may do what with default keys, by the rule: also for actions that are not served yet."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from keystead.access.faults import ServiceNameInvalid
from keystead.access.rules import checked_service
from keystead.defaults.faults import DefaultKeyNotForApplications, ServiceKeyFixed
from keystead.defaults.rules import SERVICE_SHAPE, account_in, permitted
from keystead.keyring.faults import KeyNotFound
from keystead.keyring.model import Key, KeyState, Operation, Place

AT = datetime(2026, 1, 1, tzinfo=UTC)
ACCOUNT, HERE = "1234567890123456", "ap-southeast-1"


def key(creator: str = ACCOUNT, instance_id: str = "") -> Key:
    """A key made at AT."""
    place = Place(ACCOUNT, HERE, instance_id, creator)
    return Key("86a9efd9-3d16-4894-b4f5-000000000000", place, SERVICE_SHAPE, KeyState.ENABLED, "", AT, AT)


@pytest.mark.parametrize("operation", Operation)
def test_an_account_may_look_at_a_service_key(operation: Operation) -> None:
    """And nothing else."""
    if operation is Operation.DESCRIBE:
        permitted(key("OSS"), operation, "")
    else:
        with pytest.raises(ServiceKeyFixed):
            permitted(key("OSS"), operation, "")


@pytest.mark.parametrize("operation", Operation)
def test_an_account_manages_its_default_key(operation: Operation) -> None:
    """It may do anything with it but use it; of a key in an instance the rule says nothing."""
    permitted(key(instance_id="kst-1"), operation, "")
    if operation is Operation.USE:
        with pytest.raises(DefaultKeyNotForApplications):
            permitted(key(), operation, "")
    else:
        permitted(key(), operation, "")


def test_a_service_has_its_own_keys_and_default_keys() -> None:
    """Others are not there; the name is compared whole."""
    permitted(key("OSS"), Operation.USE, "oss")
    permitted(key(), Operation.USE, "oss")
    for other in (key("RDS"), key("OSS2"), key("OS"), key(instance_id="kst-1"), key("OSS", "kst-1")):
        with pytest.raises(KeyNotFound):
            permitted(other, Operation.USE, "oss")


def test_what_seals_default_keys() -> None:
    """One key an account, whatever the region and whoever made the key; an instance's by its id."""
    assert (key().place.sealing_id, key("OSS").place.sealing_id) == ("default-1234567890123456",) * 2
    assert key(instance_id="kst-1").place.sealing_id == "kst-1"


@pytest.mark.parametrize(
    "reference",
    ["", "alias/acs/oss", "acs:kms", f"acs:kms:cn-hangzhou:{ACCOUNT}:key/1", f"acs:ram:{HERE}:{ACCOUNT}:key/1", "x" * 999],
)
def test_only_an_arn_of_the_region_says_whose_a_key_is(reference: str) -> None:
    """Anything else is not found, whatever its length."""
    with pytest.raises(KeyNotFound):
        account_in(reference, HERE)
    assert account_in(f"acs:kms:{HERE}:{ACCOUNT}:alias/acs/oss", HERE) == ACCOUNT


@pytest.mark.parametrize("name", ["", "o", "Oss", "1oss", "o ss", "oss/x", "oß", "o" * 33])
def test_names_of_services(name: str) -> None:
    """2 to 32 lower-case letters, digits and -, a letter first."""
    with pytest.raises(ServiceNameInvalid):
        checked_service(name)
    assert checked_service("o" * 32) == "o" * 32
    assert checked_service("table-store2") == "table-store2"
