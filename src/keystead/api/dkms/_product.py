"""The product row of the dedicated gateway."""

from __future__ import annotations

from typing import Final

from keystead.api.dkms.faults import FAULTS
from keystead.gate.dedicated.wire import VERSION
from keystead.gate.registry import OPEN, Product

NAMES: Final = (
    "AdvanceDecrypt", "AdvanceEncrypt", "AdvanceGenerateDataKey", "AdvanceGenerateDataKeyPair",
    "AdvanceGenerateDataKeyPairWithoutPlaintext", "Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext", "GenerateRandom", "GetPublicKey", "GetSecretValue", "Sign", "Verify",
)  # fmt: skip
# Who has a client key is granted what its access point's policies say; RAM is not asked.
DKMS: Final = Product("dkms", VERSION, FAULTS, dict.fromkeys(NAMES, OPEN))
