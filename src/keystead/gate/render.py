"""Answers on the wire: JSON (or XML when asked for), and one error body that satisfies every client at once.

GATEWAY_FAULTS is the table of what the gate itself refuses, in order of precedence: when several things are wrong with a
request, the first row that applies is answered. A product's own rows follow it. A fault no row knows is an internal failure.
Codes and texts: KMS common error codes page and the clients' own sources, read 2026-11-22; `Request…` codes of 4xx transport
limits are ours.
"""

from __future__ import annotations

import re
from typing import Any, Final
from xml.sax.saxutils import escape

import msgspec

from keystead.access.faults import NotForServices
from keystead.access_points.faults import ClientKeyNotValidNow, NotGranted
from keystead.faults import CallerFault, Fault, InvalidParameter, MissingParameter, NotFound, Unavailable
from keystead.gate.arrival import MESSAGE_TYPE, Arrival, BodyTooLarge
from keystead.gate.call import DryRun
from keystead.gate.dedicated.hosts import NotOfGateway
from keystead.gate.dedicated.protobuf import ErrorReply, encode
from keystead.gate.dispatch import TokenMismatch
from keystead.gate.parameters import Response
from keystead.gate.registry import FaultRow, Product
from keystead.gate.signature import (
    IncompleteSignature,
    NonceUsed,
    SignatureMismatch,
    SignaturePartMissing,
    TimestampExpired,
    TimestampInvalid,
)
from keystead.gate.throttle import Throttled
from keystead.identity.faults import TokenExpired
from keystead.networks.faults import OutsideNetwork


class UnknownVersion(CallerFault):
    """No product has this version."""


class UnknownAction(NotFound):
    """The product has no such action."""


class MethodRefused(CallerFault):
    """The action is not served under this HTTP method."""


class AccessKeyUnknown(NotFound):
    """No such access key."""


class AccessKeyDisabled(Fault):
    """The access key is disabled."""


class TokenMissing(CallerFault):
    """A temporary access key came without its security token."""


class TokenUnknown(Fault):
    """A security token came with the request, and none is valid here."""


GATEWAY_FAULTS: Final = (
    FaultRow(BodyTooLarge, "RequestEntityTooLarge", 413),
    FaultRow(MethodRefused, "UnsupportedHTTPMethod", 403, "This http method is not supported."),
    FaultRow(UnknownVersion, "InvalidVersion", 400),
    FaultRow(UnknownAction, "InvalidAction.NotFound", 404),
    FaultRow(IncompleteSignature, "IncompleteSignature", 400),
    FaultRow(SignaturePartMissing, "MissingParameter", 400),
    FaultRow(TimestampInvalid, "InvalidTimeStamp.Format", 400),
    FaultRow(TimestampExpired, "InvalidTimeStamp.Expired", 400),
    FaultRow(AccessKeyUnknown, "InvalidAccessKeyId.NotFound", 404, "The AccessKey ID provided does not exist in our records."),
    FaultRow(AccessKeyDisabled, "Forbidden.AccessKey", 403, "This AccessKey is not enabled."),
    FaultRow(ClientKeyNotValidNow, "Forbidden.AccessKey", 403),
    FaultRow(TokenMissing, "MissingSecurityToken", 400, "SecurityToken is mandatory for this action."),
    FaultRow(TokenExpired, "InvalidSecurityToken.Expired", 400),
    FaultRow(TokenUnknown, "InvalidSecurityToken.Malformed", 400, "The specified SecurityToken is malformed or not valid here."),
    FaultRow(SignatureMismatch, "SignatureDoesNotMatch", 400),
    FaultRow(NotGranted, "Forbidden.NoPermission", 403),
    FaultRow(OutsideNetwork, "Forbidden.NoPermission", 403),
    FaultRow(NotOfGateway, "UnsupportedOperation", 400),
    FaultRow(MissingParameter, "MissingParameter", 400),
    FaultRow(InvalidParameter, "InvalidParameter", 400),
    FaultRow(NotForServices, "Forbidden.NoPermission", 403),
    FaultRow(NonceUsed, "SignatureNonceUsed", 400),
    FaultRow(TokenMismatch, "IdempotentParameterMismatch", 400),
    FaultRow(DryRun, "DryRunOperationError", 400),
    FaultRow(Throttled, "Rejected.Throttling", 429),
    # the documented code, misspelt as the cloud misspells it
    FaultRow(Unavailable, "SerivceUnavailableTemporary", 503, "Service Unavailable Temporary."),
)
INTERNAL: Final = FaultRow(Fault, "InternalFailure", 500, "Internal Failure.")
RECOMMEND: Final = "docs/faults.md#"
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2
_ENCODER: Final = msgspec.json.Encoder()


class Answer(msgspec.Struct, frozen=True, gc=False):
    """An HTTP answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def row_of(product: Product | None, fault: BaseException) -> FaultRow:
    """Give the row of a fault: of its class or nearest ancestor, the product's own before the gateway's, else internal."""
    rows = (product.faults if product else ()) + GATEWAY_FAULTS
    for ancestor in type(fault).__mro__:
        for row in rows:
            if row.fault is ancestor:
                return row._replace(code=row.code.format_map(vars(fault))) if "{" in row.code else row
    return INTERNAL


def render(response: Response, arrival: Arrival, action_name: str) -> Answer:
    """Give a success; the response already carries its request id."""
    if arrival.parameter("Format").upper() == "XML":
        return _xml(200, msgspec.to_builtins(response), f"{action_name}Response", response.request_id, [])
    return Answer(200, _json_headers(response.request_id), _ENCODER.encode(response))


def render_fault(row: FaultRow, fault: BaseException, product: Product | None, arrival: Arrival, request_id: str) -> Answer:
    """Give a refusal as every client needs it: status, `Code`, non-empty `Message`, `x-acs-request-id`."""
    message = row.message or (fault.sentence if isinstance(fault, Fault) else "") or row.code
    if arrival.dedicated:
        error = ErrorReply(status_code=row.status, error_code=row.code, error_message=message, request_id=request_id)
        headers = [("content-type", MESSAGE_TYPE), ("x-acs-request-id", request_id), *_wait(fault)]
        return Answer(row.status, headers, encode(error))
    body: dict[str, Any] = {
        "RequestId": request_id,
        "HostId": arrival.host,
        "Code": row.code,
        "Message": message,
        "Recommend": RECOMMEND + row.code,
    }
    if product is not None and product.business_status is not None:
        body["Success"] = False
    extra = _wait(fault)
    if arrival.parameter("Format").upper() == "XML":
        return _xml(row.status, body, "Error", request_id, extra)
    return Answer(row.status, _json_headers(request_id) + extra, _ENCODER.encode(body))


def _wait(fault: BaseException) -> list[tuple[str, str]]:
    """Give the headers that tell when to come back: the cloud's in milliseconds, HTTP's (RFC 9110, 10.2.3) in whole seconds."""
    if not isinstance(fault, Throttled):
        return []
    milliseconds = fault.retry_after_ms
    return [("x-acs-retry-after", str(milliseconds)), ("retry-after", str(-(-milliseconds // 1000)))]


def unavailable(arrival: Arrival, request_id: str, reason: str) -> Answer:
    """Give the refusal of a call that cannot be served at all just now: no store, or no record of it (then no answer)."""
    fault = Fault(f"Service Unavailable Temporary. {reason}")
    row = FaultRow(Fault, "SerivceUnavailableTemporary", 503)  # the documented code, misspelt as the cloud misspells it
    return render_fault(row, fault, None, arrival, request_id)


def _json_headers(request_id: str) -> list[tuple[str, str]]:
    return [("content-type", "application/json;charset=utf-8"), ("x-acs-request-id", request_id)]


def _xml(status: int, value: dict[str, Any], root: str, request_id: str, extra: list[tuple[str, str]]) -> Answer:
    text = f'<?xml version="1.0" encoding="UTF-8"?><{root}>{_elements(value)}</{root}>'
    headers = [("content-type", "text/xml;charset=utf-8"), ("x-acs-request-id", request_id), *extra]
    return Answer(status, headers, text.encode())


def _elements(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        parts: list[str] = []
        for name, inner in value.items():
            items = inner if isinstance(inner, list) else [inner]
            parts.extend(f"<{name}>{_elements(item)}</{name}>" for item in items)
        return "".join(parts)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else escape(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", str(value)))
