"""The product row of the dedicated gateway."""

from __future__ import annotations

from typing import Final

from keystead.api.dkms.faults import FAULTS
from keystead.gate.dedicated.wire import VERSION
from keystead.gate.registry import OPEN, Product

_NAMES: Final = (
    "AdvanceDecrypt", "AdvanceEncrypt", "AdvanceGenerateDataKey", "AdvanceGenerateDataKeyPair",
    "AdvanceGenerateDataKeyPairWithoutPlaintext", "Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext", "GenerateRandom", "GetPublicKey", "GetSecretValue", "Sign", "Verify",
)  # fmt: skip
DKMS: Final = Product("dkms", VERSION, FAULTS, dict.fromkeys(_NAMES, OPEN))
"""What a client key may do is in its access point's policies, not in RAM's (docs/adr/0095)."""
