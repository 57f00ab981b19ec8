"""The product row of the dedicated gateway."""

from __future__ import annotations

from typing import Final

from keystead.api.dkms.faults import FAULTS
from keystead.gate.dedicated.wire import VERSION
from keystead.gate.registry import Product

DKMS: Final = Product("dkms", VERSION, FAULTS)
