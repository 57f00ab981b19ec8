"""Messages: the numbers of the official descriptors, and bytes of any kind give a message or a refusal."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.api.dkms import DKMS
from keystead.api.dkms.symmetric import EncryptRequest, GenerateDataKeyRequest
from keystead.api.dkms.values import GetSecretValueRequest, GetSecretValueResponse
from keystead.faults import MissingParameter
from keystead.gate.dedicated import protobuf
from keystead.gate.dedicated.protobuf import ErrorReply, Garbled, decode, encode
from tests import messages

OPERATIONS: dict[str, Any] = messages.INVENTORY["operations"]


def test_every_operation_is_served() -> None:
    """Fifteen, no fewer and none made up."""
    assert set(DKMS.actions) == set(OPERATIONS)
    assert len(OPERATIONS) == 15


@pytest.mark.parametrize("operation", OPERATIONS)
def test_fields_have_the_numbers_of_the_descriptors(operation: str) -> None:
    """Names and numbers, of the message and of its answer."""
    action = DKMS.actions[operation]
    for struct, kind in ((action.request, "request"), (action.response, "response")):
        assert protobuf.numbers(struct) == {name: number for name, (number, _) in OPERATIONS[operation][kind].items()}
    assert protobuf.numbers(ErrorReply) == {name: number for name, (number, _) in messages.INVENTORY["error"].items()}


@given(st.text(min_size=1), st.binary(min_size=1), st.text(), st.binary())
def test_messages_read_as_they_were_written(key: str, text: bytes, algorithm: str, aad: bytes) -> None:
    """By the second writer."""
    body = messages.request("Encrypt", KeyId=key, Plaintext=text, Algorithm=algorithm, Aad=aad)
    assert decode(EncryptRequest, body) == EncryptRequest(key_id=key, plaintext=text, algorithm=algorithm, aad=aad)


@given(st.integers(-(2**31), 2**31 - 1))
def test_whole_numbers_have_32_bits_and_a_sign(number: int) -> None:
    """A negative one is sent in ten bytes."""
    body = messages.request("GenerateDataKey", KeyId="k", NumberOfBytes=number)
    assert decode(GenerateDataKeyRequest, body).number_of_bytes == number


@given(st.lists(st.text(min_size=1)), st.text(), st.integers(0, 2**31 - 1))
def test_answers_are_read_as_they_were_given(stages: list[str], name: str, status: int) -> None:
    """Lists repeat their field; what is empty is not sent."""
    found = messages.answer("GetSecretValue", encode(GetSecretValueResponse(secret_name=name, version_stages=stages)))
    assert found == ({"SecretName": name} if name else {}) | ({"VersionStages": stages} if stages else {})
    error = messages.error(encode(ErrorReply(status_code=status, error_code="a", error_message="b", request_id="c")))
    assert error.get("StatusCode", 0) == status


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(body: bytes) -> None:
    """Nothing else is raised, whatever comes."""
    for message in (EncryptRequest, GetSecretValueRequest, GenerateDataKeyRequest):
        try:
            decode(message, body)
        except (Garbled, MissingParameter):
            continue


@given(st.binary(min_size=1, max_size=60), st.integers(0, 59))
def test_a_message_cut_short_is_refused_or_lacks_something(text: bytes, at: int) -> None:
    """Cut anywhere inside its last field, it is garbled."""
    body = messages.request("Encrypt", KeyId="k", Plaintext=text)
    cut = body[: max(4, len(body) - 1 - at % len(text))]
    with pytest.raises((Garbled, MissingParameter)):
        decode(EncryptRequest, cut)
