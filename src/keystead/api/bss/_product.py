"""The product row of the billing API."""

from __future__ import annotations

from typing import Final

from keystead.api.bss.faults import FAULTS
from keystead.api.bss.permissions import PERMISSIONS
from keystead.gate.registry import Product

BSS: Final = Product("bss", "2017-12-14", FAULTS, PERMISSIONS, business_status=200)
