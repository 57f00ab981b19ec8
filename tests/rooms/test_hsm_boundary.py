"""Clear key bytes have one home: who may go there, and that they do not leave it by accident."""

import ast
import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from keystead.hsm.clear_material import ClearMaterial

PACKAGE = Path(__file__).parents[2] / "src" / "keystead"
HOME = "keystead.hsm.clear_material"
MAY_IMPORT = {"hsm/importing.py", "hsm/making.py", "hsm/software.py"}
CIPHERS = "cryptography.hazmat.primitives.ciphers"


def _importers(module: str) -> set[str]:
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
            else:
                continue
            if any(name == module or name.startswith(f"{module}.") for name in names):
                found.add(path.relative_to(PACKAGE).as_posix())
    return found


def test_only_key_stores_import_clear_material() -> None:
    """Whoever is to be on this list has been looked at: add it here on purpose or not at all."""
    assert _importers(HOME) == MAY_IMPORT


def test_ciphers_are_made_in_key_stores_only() -> None:
    """Who could make a cipher could hold a key: none outside hsm does."""
    assert {path.partition("/")[0] for path in _importers(CIPHERS)} == {"hsm"}


def test_material_cannot_be_printed() -> None:
    """No way of writing it shows a byte of it."""
    material = ClearMaterial(bytearray(b"canary-canary-canary-canary-1234"))
    for text in (repr(material), str(material), f"{material}", f"{[material]!r}"):
        assert "canary" not in text
    encoders: list[Callable[[Any], object]] = [json.dumps, msgspec.json.encode, bytes, list]
    for encode in encoders:
        with pytest.raises(TypeError):
            encode(material)


def test_material_cannot_be_copied_compared_or_pickled() -> None:
    """Each way of doubling it by accident is closed, and equality, which would take telling time, too."""
    material = ClearMaterial(bytearray(32))
    with pytest.raises(TypeError):
        pickle.dumps(material)
    with pytest.raises(TypeError):
        copy.copy(material)
    with pytest.raises(TypeError):
        copy.deepcopy(material)
    with pytest.raises(TypeError):
        hash(material)
    with pytest.raises(TypeError):
        _ = material == ClearMaterial(bytearray(32))


def test_leaving_the_block_wipes_the_buffer() -> None:
    """The buffer that was handed over is zero afterwards, also when the block raised."""
    buffer = bytearray(b"\xff" * 32)
    with ClearMaterial(buffer):
        assert buffer == b"\xff" * 32
    assert buffer == bytes(32)
    buffer = bytearray(b"\xff" * 32)
    with pytest.raises(RuntimeError, match="in the block"), ClearMaterial(buffer):
        raise RuntimeError("in the block")
    assert buffer == bytes(32)


def test_randomness_is_injected_for_tests_and_drawn_otherwise() -> None:
    """Two draws differ; an injected source is used for every byte. AAEC… is the base64 of 00 01 02."""
    assert ClearMaterial.generated().base64_text() != ClearMaterial.generated().base64_text()
    assert ClearMaterial.generated(3, lambda length: bytes(range(length))).base64_text() == b"AAEC"
