"""Loading the catalogue: once, when a process starts."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, TypeVar

import msgspec

from keystead.catalog.faults import CatalogueBroken
from keystead.catalog.model import Address, Catalogue, Policies, PriceList, Product, Region
from keystead.catalog.soundness import problems_of

PRODUCT_FILE: Final = "products.toml"
PRICES_FILE: Final = "kms-international.toml"
REGIONS_FILE: Final = "regions.toml"
ADDRESSES_FILE: Final = "addresses.toml"
POLICIES_FILE: Final = "policies.toml"

_File = TypeVar("_File")


class _Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    price_lists: tuple[PriceList, ...]


class _Regions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    regions: tuple[Region, ...]


class _Addresses(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    read: str
    addresses: tuple[Address, ...]


def load_catalogue(folder: Traversable | None = None) -> Catalogue:
    """Read the four files of `folder` (the package's own by default); CatalogueBroken names every file or rule that is wrong."""
    source = files("keystead.catalog") / "data" if folder is None else folder
    catalogue = Catalogue(
        product=_read(source, PRODUCT_FILE, Product),
        price_lists=_read(source, PRICES_FILE, _Prices).price_lists,
        regions=_read(source, REGIONS_FILE, _Regions).regions,
        policies=_read(source, POLICIES_FILE, Policies),
    )
    problems = problems_of(catalogue)
    if problems:
        raise CatalogueBroken(problems)
    return catalogue


def load_addresses() -> tuple[Address, ...]:
    """Read where the cloud's endpoints are; CatalogueBroken."""
    return _read(files("keystead.catalog") / "data", ADDRESSES_FILE, _Addresses).addresses


def _read(source: Traversable, name: str, kind: type[_File]) -> _File:
    try:
        return msgspec.toml.decode((source / name).read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError) as error:
        raise CatalogueBroken([f"{name}: {error}"]) from None
