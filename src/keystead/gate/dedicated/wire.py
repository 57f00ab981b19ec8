"""The life of a dedicated call, where it differs from a JSON one: which operation, who, the message, the answer."""

from __future__ import annotations

from typing import Final

from keystead.access_points import commands as access_points
from keystead.access_points.model import ClientKey
from keystead.faults import CallerFault, NotFound
from keystead.gate.arrival import MESSAGE_TYPE, Arrival
from keystead.gate.call import Call, Principal
from keystead.gate.dedicated import hosts, protobuf, signature
from keystead.gate.dedicated.protobuf import Message, Reply
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import PRODUCTS, Action, Product
from keystead.gate.render import Answer
from keystead.gate.signature import Proof
from keystead.identity.model import PrincipalKind

VERSION: Final = "dkms-gcs-0.2"
VERSION_HEADER: Final = "x-kms-migrationkeyversionid"
_OK: Final = 200


class ContentTypeInvalid(CallerFault):
    """The body is said to be something else than a message."""

    def __init__(self) -> None:
        """Say what it must be."""
        super().__init__(f"The content-type must be {MESSAGE_TYPE}.")


class ApiVersionInvalid(CallerFault):
    """No such version of the protocol."""

    def __init__(self) -> None:
        """Say which is served."""
        super().__init__(f"The x-kms-apiversion must be {VERSION}.")


class ApiNameInvalid(NotFound):
    """No such operation."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("The x-kms-apiname is not that of an operation.")


class ApiMethodInvalid(CallerFault):
    """Not a POST to `/`."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("An operation is a POST to /.")


def identify(arrival: Arrival) -> tuple[Product, Action]:
    """Find the operation that the headers name."""
    product = PRODUCTS[VERSION]
    content_type = arrival.headers.get("content-type", "")
    if content_type != MESSAGE_TYPE and content_type.split(";", 1)[0].strip().lower() != MESSAGE_TYPE:
        raise ContentTypeInvalid
    if arrival.headers.get("x-kms-apiversion") != VERSION:
        raise ApiVersionInvalid
    action = product.actions.get(arrival.headers.get("x-kms-apiname", ""))
    if action is None:
        raise ApiNameInvalid
    if arrival.method != "POST" or arrival.path != "/":
        raise ApiMethodInvalid
    return product, action


def prove(call: Call, arrival: Arrival) -> Proof:
    """Find out whose application calls; what it may do is judged where what it is about is known."""
    proof = signature.read_proof(arrival)
    call.record.access_key_id = proof.access_key_id[:128]
    signature.check_date(proof, call.instant.wall)
    credential = access_points.credential_of(call.warm, proof.access_key_id, call.instant)
    signature.check_signature(proof, credential.public_key)
    enter(call, arrival, credential.key)
    hosts.enter_dedicated(call, arrival.host)
    call.key_version = arrival.headers.get(VERSION_HEADER, "")
    arrival.nonce_taken = True  # there is none in this protocol
    return proof


def enter(call: Call, arrival: Arrival, key: ClientKey) -> None:
    """Have the call be that of a client key, proved; its access point's region is the call's."""
    holder = key.holder
    passport = access_points.passport_of(call.warm, key, arrival.source)
    call.principal = Principal(holder.account_id, key.client_key_id, PrincipalKind.APPLICATION, passport=passport)
    call.region = holder.region
    call.record.account_id, call.record.region_id = holder.account_id, holder.region


def bind(action: Action, arrival: Arrival) -> Request:
    """Read the message."""
    message = action.request
    assert issubclass(message, Message)  # noqa: S101 - what is registered for this protocol is one
    return protobuf.decode(message, arrival.body)


def render(response: Response, call: Call) -> Answer:
    """Write the answer, with the header that tells which version of a key was used."""
    assert isinstance(response, Reply)  # noqa: S101 - same
    headers = [("content-type", MESSAGE_TYPE), ("x-acs-request-id", response.request_id)]
    if call.record.key_version_id:
        headers.append((VERSION_HEADER, call.record.key_version_id))
    return Answer(_OK, headers, protobuf.encode(response))
