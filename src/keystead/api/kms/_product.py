"""The product row of KMS."""

from __future__ import annotations

from typing import Final

from keystead.api.kms.faults import FAULTS
from keystead.api.kms.permissions import PERMISSIONS
from keystead.gate.registry import Product

KMS: Final = Product("kms", "2016-01-20", FAULTS, PERMISSIONS)
