"""The documentation against the code: what is generated is fresh, what is named exists."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def _pages() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: dict[str, str] = module.pages()
    return found


def test_generated_pages_are_fresh() -> None:
    """Every action, fault, setting and job stands in docs/ as the code has it; `make docs` repairs a failure."""
    stale = [path for path, text in _pages().items() if (ROOT / path).read_text() != text]
    assert stale == []


def test_links_in_the_documentation_lead_somewhere() -> None:
    """A relative link in README or docs names a file that is there."""
    broken = []
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.name}: {target}")
    assert broken == []


def test_every_room_is_on_the_architecture_page() -> None:
    """docs/ARCHITECTURE.md names each package of the source."""
    page = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
    rooms = [path.parent.name for path in (ROOT / "src" / "keystead").glob("*/__init__.py")]
    assert rooms
    assert [room for room in rooms if f"`{room}`" not in page] == []


def test_every_decision_is_listed() -> None:
    """docs/adr/README.md lists every decision, and only decisions that exist."""
    folder = ROOT / "docs" / "adr"
    files = {path.name for path in folder.glob("[0-9]*.md")}
    listed = set(re.findall(r"\((\d{4}-[^)]+\.md)\)", (folder / "README.md").read_text()))
    assert files == listed
