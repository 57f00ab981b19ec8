"""The project keeps its own style; and the checker that says so catches what it is there to catch."""

import subprocess
from pathlib import Path, PurePosixPath

import pytest

from tests import tidy
from tests.outside_world import OutsideWorldError, is_here

ROOT = Path(__file__).parents[1]

# Spelled so that this file has none of them.
MARKER = "TO" + "DO"
NEIGHBOUR = "../" + "shared/design.md"
HOME = "/ro" + "ot/keystead"
INDEX = "https://pypi." + "org/simple"

ROOM = '"""What for.\n\nWhat holds.\nWho may call.\n"""\n'
LONG_FUNCTION = "def f():\n" + "    x = 1\n" * 60

PLANTED = {
    "file of 401 lines": ("src/keystead/orders/rules.py", "x = 1\n" * 401, "401 lines"),
    "test of 401 lines": ("tests/test_orders.py", "x = 1\n" * 401, "401 lines"),
    "function of 61 lines": ("src/keystead/orders/rules.py", LONG_FUNCTION, "f has 61 lines"),
    "seven parameters": ("src/keystead/money.py", "def f(a, b, /, c, *, d, e, f, g): ...\n", "7 parameters"),
    "seven of a method": ("src/keystead/ids.py", "class C:\n def f(self, a, b, c, d, e, *f, **g): ...\n", "7 param"),
    "module of utils": ("src/keystead/orders/utils.py", "", "says nothing"),
    "module of key_helpers": ("src/keystead/orders/key_helpers.py", "", "says nothing"),
    "folder of managers": ("tests/managers/test_x.py", "", "says nothing"),
    "bare marker": ("src/keystead/ids.py", f"# {MARKER}: later\n", "without an issue"),
    "room without a word": ("src/keystead/orders/__init__.py", "", "what must hold"),
    "room with one line": ("src/keystead/orders/__init__.py", '"""Orders."""\n', "what must hold"),
    "clock read in a room": ("src/keystead/orders/commands.py", "now = clock.read().now\n", "clock is read"),
    "clock of a service": ("src/keystead/api/kms/keys.py", "now = call.service.clock.read()\n", "clock is read"),
    "clock made and read": ("src/keystead/gate/signature.py", "now = SystemClock().read()\n", "clock is read"),
    "naive datetime": ("tests/test_orders.py", "at = datetime(2026, 1, 1)\n", "without a zone"),
    "naive timestamp": ("src/keystead/ids.py", "at = datetime.fromtimestamp(0)\n", "without a zone"),
    "naive now": ("src/keystead/ids.py", "at = datetime.utcnow()\n", "without a zone"),
    "raw SQL in a command": ("src/keystead/orders/commands.py", 'q = "SELECT a FROM b"\n', "SQL outside"),
    "raw SQL made up": ("src/keystead/cli/jobs.py", 'q = f"DELETE FROM {t}"\n', "SQL outside"),
    "pragma in the gate": ("src/keystead/gate/life.py", 'q = "PRAGMA data_version"\n', "SQL outside"),
    "coroutine in an action": ("src/keystead/api/kms/keys.py", "async def f(): ...\n", "async outside"),
    "await in the gate": ("src/keystead/gate/life.py", "async def f():\n    await g()\n", "life.py:2: async outside"),
    "ledger imports update": ("src/keystead/ledger/rows.py", "from sqlalchemy import update\n", "in the ledger"),
    "ledger table updated": ("src/keystead/ledger/rows.py", "q = postings.update()\n", "in the ledger"),
    "ledger rows deleted": ("src/keystead/ledger/rows.py", "q = sqlalchemy.delete(postings)\n", "in the ledger"),
    "ledger deleted by text": ("src/keystead/ledger/rows.py", 'q = text("DELETE FROM posting")\n', "in the ledger"),
    "neighbour folder": ("docs/ARCHITECTURE.md", f"see {NEIGHBOUR}\n", "outside the project"),
    "machine path": ("Makefile", f"run:\n\tcd {HOME}\n", "outside the project"),
    "package index": ("constraints.txt", f"-i {INDEX}\n", "outside the project"),
}

INNOCENT = {
    "room": ("src/keystead/orders/__init__.py", ROOM),
    "400 lines": ("src/keystead/orders/rules.py", "x = 1\n" * 400),
    "60 lines": ("src/keystead/orders/rules.py", LONG_FUNCTION.removesuffix("    x = 1\n")),
    "six parameters": ("src/keystead/money.py", "class C:\n def f(self, a, b, c, d, e, f): ...\n"),
    "marker with its issue": ("src/keystead/ids.py", f"# {MARKER}(#12): later\n"),
    "clock read in the gate": ("src/keystead/gate/life.py", "instant = self.clock.read()\n"),
    "file read": ("src/keystead/settings.py", "text = stream.read()\n"),
    "datetime with a zone": ("src/keystead/clock.py", "at = datetime(2026, 1, 1, tzinfo=UTC)\n"),
    "SQL in rows": ("src/keystead/orders/rows.py", 'q = text("SELECT a FROM b")\n'),
    "SQL in a migration": ("src/keystead/store/migrations/versions/one.py", 'q = "DROP TABLE a "\n'),
    "SQL in prose": ("src/keystead/orders/rules.py", '"""SELECT a FROM b is what rows.py does."""\n'),
    "words like SQL": ("src/keystead/orders/rules.py", 'q = "Update the order first"\n'),
    "await at the edge": ("src/keystead/gate/rsgi.py", "async def f():\n    await g()\n"),
    "update elsewhere": ("src/keystead/orders/rows.py", "q = orders.update()\n"),
    "path of a URL": ("docs/walks/buy.md", "GET https://127.0.0.1/home/page and ./var/home/x\n"),
}


def planted(root: Path, path: str, text: str) -> list[str]:
    """What the checker finds in a project of this one file, not yet added to git."""
    subprocess.run(["git", "init", "--quiet", root], check=True)
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)
    return tidy.findings(tidy.project_files(root))


def test_the_project_is_tidy() -> None:
    """No file of the project breaks a rule of the house."""
    files = tidy.project_files(ROOT)
    assert PurePosixPath("tests/test_tidy.py") in {file.path for file in files}, "the checker sees no files"
    assert not tidy.findings(files)


@pytest.mark.parametrize(("path", "text", "finding"), PLANTED.values(), ids=PLANTED)
def test_a_planted_violation_is_caught(tmp_path: Path, path: str, text: str, finding: str) -> None:
    """Each rule finds the violation it is for, and names its file."""
    found = planted(tmp_path, path, text)
    assert any(finding in line for line in found), found
    assert all(line.startswith(path) for line in found), found


@pytest.mark.parametrize(("path", "text"), INNOCENT.values(), ids=INNOCENT)
def test_what_is_allowed_passes(tmp_path: Path, path: str, text: str) -> None:
    """The rules stop at their limit, and at the places made for what they forbid elsewhere."""
    assert planted(tmp_path, path, text) == []


@pytest.mark.parametrize(("room", "most"), [("orders", 8), ("gate", 10), ("store", 10)])
def test_a_room_holds_so_many_files(room: str, most: int) -> None:
    """One file more than a room may hold is found; `api` packages and folders within a room are not rooms."""
    init = tidy.File(PurePosixPath(f"src/keystead/{room}/__init__.py"), ROOM)
    files = [init, *(tidy.File(PurePosixPath(f"src/keystead/{room}/part_{n}.py"), "") for n in range(most))]
    families = [tidy.File(PurePosixPath(f"src/keystead/api/kms/family_{n}.py"), "") for n in range(20)]
    assert list(tidy.files_a_room([*files, *families])) == []
    one_more = tidy.File(PurePosixPath(f"src/keystead/{room}/one_more.py"), "")
    assert [f"src/keystead/{room}:1: {most + 1} files"] == [
        finding.partition(",")[0] for finding in tidy.files_a_room([*files, one_more])
    ]


def test_ignored_files_are_not_judged(tmp_path: Path) -> None:
    """What git ignores is not of the project."""
    (tmp_path / ".gitignore").write_text("*.py\n")
    assert planted(tmp_path, "src/keystead/utils.py", "") == []


@pytest.mark.parametrize("host", [None, "", "localhost", "127.0.0.1", "127.8.8.8", "::1", b"localhost", "0.0.0.0"])  # noqa: S104
def test_this_machine_may_be_talked_to(host: object) -> None:
    """Loopback and unspecified addresses are here."""
    assert is_here(host)


def test_another_machine_may_not_be_talked_to() -> None:
    """A name or an address elsewhere is refused before a packet leaves."""
    import socket  # noqa: PLC0415 - the one test that tries

    with pytest.raises(OutsideWorldError, match=r"example\.invalid"):
        socket.getaddrinfo("example.invalid", 443)
    with socket.socket() as sock, pytest.raises(OutsideWorldError, match=r"192\.0\.2\.1"):
        sock.connect(("192.0.2.1", 443))  # TEST-NET-1, RFC 5737
