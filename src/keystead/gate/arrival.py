"""What arrived: one request as plain values, and which product and action it names."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from keystead.faults import CallerFault, InvalidParameter

if TYPE_CHECKING:
    from keystead.gate.dispatch import Running

BODY_BYTES_MAX = 4 * 1024 * 1024
FORM_TYPE = "application/x-www-form-urlencoded"
MESSAGE_TYPE = "application/x-protobuf"
MESSAGE_BYTES_MAX = 3_000_000
"""The dedicated gateway's bound (instance API pages, read 2026-11-22)."""


class BodyTooLarge(CallerFault):
    """The body is over its bound."""

    def __init__(self, most: int = BODY_BYTES_MAX) -> None:
        """Say the bound."""
        super().__init__(f"The request body is larger than {most} bytes.")


def body_bytes_max(headers: dict[str, str]) -> int:
    """Give how large a body may be."""
    return MESSAGE_BYTES_MAX if is_dedicated(headers) else BODY_BYTES_MAX


def is_dedicated(headers: dict[str, str]) -> bool:
    """Whether a request speaks the dedicated gateway's protocol.

    Some JSON clients name their action in the same header; clients of the log service send such a content type, without it.
    """
    if "x-kms-apiname" in headers:
        return "x-acs-action" not in headers and "x-acs-bearer-token" not in headers
    return "x-kms-apiversion" in headers and headers.get("content-type", "").startswith(MESSAGE_TYPE)


class Arrival:
    """One HTTP request: header names in lower case, `query` and `form` as decoded pairs in the order they came.

    `begun` is the call it became, where that found something `Cold`: it goes on from there, it is not proven again.
    """

    __slots__ = (
        "_parameters",
        "begun",
        "body",
        "dedicated",
        "form",
        "headers",
        "holds_nul",
        "method",
        "nonce_taken",
        "path",
        "query",
        "secure",
        "source",
    )

    def __init__(self, method: str, target: tuple[str, str], headers: dict[str, str], body: bytes, source: str) -> None:
        """Decode what the transport gave; `target` is (path, raw query string), `source` the IP address it came from.

        `secure`, set afterwards, tells whether it came by TLS.
        """
        self.method = method
        self.path = target[0]
        self.query = decoded_pairs(target[1])
        self.headers = headers
        self.body = body
        self.source = source
        self.form: list[tuple[str, str]] = []
        if body and headers.get("content-type", "").split(";", 1)[0].strip().lower() == FORM_TYPE:
            self.form = decoded_pairs(body.decode("utf-8", "replace"))
        self.holds_nul = "%00" in target[1] or "\x00" in target[1] or b"%00" in body or b"\x00" in body
        self.nonce_taken = False
        self.dedicated = is_dedicated(headers)
        self.secure = False
        self.begun: Running | None = None
        self._parameters: dict[str, str] | None = None

    def parameter(self, name: str) -> str:
        """Give one parameter from query or form; empty when absent or given twice (binding then says so)."""
        for key, value in self.query:
            if key == name:
                return value
        for key, value in self.form:
            if key == name:
                return value
        return ""

    def parameters(self) -> dict[str, str]:
        """Merge query and form; a name given twice is refused, because two readers could each take another one."""
        if self._parameters is None:
            pairs = self.query + self.form if self.form else self.query
            merged = dict(pairs)
            if len(merged) != len(pairs):
                names = [name for name, _ in pairs]
                twice = next(name for name in names if names.count(name) > 1)
                raise InvalidParameter(twice, "It is given more than once.")
            if self.holds_nul:
                _refuse_nul(merged)
            self._parameters = merged
        return self._parameters

    @property
    def host(self) -> str:
        """The Host header as sent; empty when there is none."""
        return self.headers.get("host", "")


def _refuse_nul(parameters: dict[str, str]) -> None:
    for name, value in parameters.items():
        if "\x00" in value or "\x00" in name:
            raise InvalidParameter(name.replace("\x00", ""), "It holds a NUL character.")  # PostgreSQL keeps none


def decoded_pairs(raw: str) -> list[tuple[str, str]]:
    """Split and decode `a=b&c=d` (percent and plus forms); empty pieces are dropped, a missing value is empty."""
    if not raw:
        return []
    pairs = []
    for piece in raw.split("&"):
        if not piece:
            continue
        name, _, value = piece.partition("=")
        if "%" in name or "+" in name:
            name = _decoded(name)
        if "%" in value or "+" in value:
            value = _decoded(value)
        pairs.append((name, value))
    return pairs


def _decoded(text: str) -> str:
    # A third of what unquote_plus takes, which looks at stretches between the escapes one by one.
    return unquote_to_bytes(text.replace("+", " ")).decode("utf-8", "replace")


def region_of(arrival: Arrival, default: str) -> str:
    """Give the region: RegionId, else a host name `kms.<region>.…` or `kms-vpc.<region>.…`, else the deployment's own."""
    named = arrival.parameter("RegionId")
    if named:
        return named
    labels = arrival.host.split(":", 1)[0].split(".")
    if len(labels) > 2 and labels[0] in {"kms", "kms-vpc", "business"} and "-" in labels[1]:
        return labels[1]
    return default
