"""The product row of RAM."""

from __future__ import annotations

from typing import Final

from keystead.api.ram.faults import FAULTS
from keystead.api.ram.permissions import PERMISSIONS
from keystead.gate.registry import Product

RAM: Final = Product("ram", "2015-05-01", FAULTS, PERMISSIONS)
