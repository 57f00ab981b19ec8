"""The dedicated gateway's refusals on the wire (instance API error page and official clients' sources, read 2026-11-22).

Official transfer clients compare codes and two of the sentences. `InvalidParam` has those two only: with another sentence they
fail themselves, so everything else that is wrong with a parameter is `InvalidParameter`. What KMS refuses has KMS's codes.
"""

from __future__ import annotations

from typing import Final

from keystead.access_points.faults import ClientKeyNotValidNow, ClientKeyUnknown
from keystead.api.kms.faults import FAULTS as KMS_FAULTS
from keystead.gate.dedicated.protobuf import Garbled
from keystead.gate.dedicated.signature import (
    AuthorizationInvalid,
    ClientSignatureMismatch,
    DateInvalid,
    DateSkewed,
    HeaderMissing,
)
from keystead.gate.dedicated.wire import ApiMethodInvalid, ApiNameInvalid, ApiVersionInvalid, ContentTypeInvalid
from keystead.gate.registry import FaultRow

FAULTS: Final = (
    FaultRow(ContentTypeInvalid, "InvalidContentType", 415),
    FaultRow(ApiVersionInvalid, "InvalidApiVersion", 400),
    FaultRow(ApiNameInvalid, "InvalidApiName", 400),
    FaultRow(ApiMethodInvalid, "UnsupportedOperation", 400),
    FaultRow(HeaderMissing, "MissingParameter", 400),
    FaultRow(AuthorizationInvalid, "InvalidParam", 400),
    FaultRow(DateInvalid, "InvalidParam", 400),
    FaultRow(DateSkewed, "RequestTimeTooSkewed", 400),
    FaultRow(ClientKeyUnknown, "Unauthorized", 404),
    FaultRow(ClientKeyNotValidNow, "Unauthorized", 404),
    FaultRow(ClientSignatureMismatch, "SignatureNotMatch", 401),
    FaultRow(Garbled, "InvalidParameter", 400),
    *KMS_FAULTS,
)
