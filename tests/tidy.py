"""The house's style as a checker: what ruff, mypy and the import contracts cannot say.

Each rule takes the project's files and gives findings, `path:line: what is wrong and what to do instead`. The rules
know nothing of pytest, so that test_tidy.py can plant violations and see them caught.
"""

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Final

LINES_FILE_MAX: Final = 400
LINES_FUNCTION_MAX: Final = 60
PARAMETERS_MAX: Final = 6
FILES_ROOM_MAX: Final = 8
FILES_ROOM_MAX_OF: Final = {"gate": 10, "store": 10}
ROOM_DOCSTRING_LINES_MIN: Final = 3

PACKAGE: Final = "src/keystead"
NAMES_SAYING_NOTHING: Final = {
    "common", "helper", "helpers", "manager", "managers", "misc", "util", "utils",
}  # fmt: skip
# Patterns as of fnmatch, from the package's root; a star spans folders.
CLOCK_READERS: Final = ("clock.py", "gate/life.py", "schedule/runner.py", "schedule/post.py", "cli/*.py")
AWAITERS: Final = ("gate/rsgi.py", "cli/serve*.py")
SQL_WRITERS: Final = ("*/rows.py", "store/*.py")

_SQL = re.compile(
    r"\s*(SELECT\s.+\sFROM\s|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|PRAGMA\s|BEGIN\b"
    r"|(CREATE|DROP|ALTER)\s+(TABLE|INDEX|UNIQUE|DATABASE)\s)",
    re.DOTALL,
)
_MARKER = re.compile(r"\b(TOD[O]|FIXM[E]|XX[X])\b(?!\(#\d+\))")
# Single letters in brackets keep this file from finding itself.
_OUTSIDE = re.compile(
    r"\.\./share[d]\b|\.librar[y]/|(?<![\w.$}])/(?:root|home|Users|wor[k])/\w"
    r"|\bpypi\.or[g]|registry\.(?:npmjs|yarnpkg)\.|index-ur[l]|\"resolve[d]\": *\"http"
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class File:
    """A file of the project: its path from the project's root, and its text."""

    path: PurePosixPath
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed Python."""
        return ast.parse(self.text, str(self.path))

    @property
    def in_package(self) -> PurePosixPath | None:
        """The path from the package's root, or None outside of it."""
        return self.path.relative_to(PACKAGE) if self.path.is_relative_to(PACKAGE) else None

    def among(self, patterns: Iterable[str]) -> bool:
        """Whether it is one of these files of the package."""
        inside = self.in_package
        return inside is not None and any(fnmatchcase(str(inside), p) for p in patterns)


def project_files(root: Path) -> list[File]:
    """Every text file git tracks or would track, as it lies there now."""
    # The folder may belong to somebody else than the tests' user, as in a container.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True).stdout.decode().split("\0")
    files = []
    for name in sorted(filter(None, listed)):
        try:
            files.append(File(PurePosixPath(name), (root / name).read_text(encoding="utf-8")))
        except (FileNotFoundError, IsADirectoryError, UnicodeDecodeError):  # deleted and not yet staged; a picture
            continue
    return files


def python_files(files: Iterable[File]) -> list[File]:
    """The Python among them, of the package and of the tests."""
    return [f for f in files if f.path.suffix == ".py" and f.path.parts[0] in {"src", "tests"}]


def findings(files: list[File]) -> list[str]:
    """All that is wrong with these files, in order of rules."""
    python = python_files(files)
    by_file = [finding for rule in FILE_RULES for file in python for finding in rule(file)]
    return [*by_file, *files_a_room(python), *stands_alone(files)]


# ---------------------------------------------------------------- size


def lines_a_file(file: File) -> Iterator[str]:
    """At most 400 lines."""
    count = len(file.text.splitlines())
    if count > LINES_FILE_MAX:
        yield f"{file.path}:1: {count} lines, {LINES_FILE_MAX} at most: part it by subject"


def lines_a_function(file: File) -> Iterator[str]:
    """At most 60 lines, from `def` to its end; a migration is a list of tables, and drafted by a tool."""
    if "migrations/versions" in str(file.path):
        return
    for function in _functions(file):
        count = (function.end_lineno or function.lineno) - function.lineno + 1
        if count > LINES_FUNCTION_MAX:
            yield f"{file.path}:{function.lineno}: {function.name} has {count} lines, {LINES_FUNCTION_MAX} at most"


def parameters_a_function(file: File) -> Iterator[str]:
    """At most six, `self` and `cls` not counted."""
    for function in _functions(file):
        a = function.args
        named = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg))]
        count = sum(parameter.arg not in {"self", "cls"} for parameter in named)
        if count > PARAMETERS_MAX:
            yield (
                f"{file.path}:{function.lineno}: {function.name} takes {count} parameters, {PARAMETERS_MAX} at most: "
                "there is a struct missing"
            )


def files_a_room(files: Iterable[File]) -> Iterator[str]:
    """At most eight, ten in the gate and in the store; an api package has a file a family of actions instead.

    The `__init__`, which is the room's three lines of prose, is not counted.
    """
    inside = [f.in_package for f in files if f.in_package and f.in_package.name != "__init__.py"]
    count = Counter(path.parts[0] for path in inside if len(path.parts) == 2)
    for room, number in sorted(count.items()):
        most = FILES_ROOM_MAX_OF.get(room, FILES_ROOM_MAX)
        if number > most:
            yield f"{PACKAGE}/{room}:1: {number} files, {most} at most: there are two rooms in it"


# ---------------------------------------------------------------- words


def telling_name(file: File) -> Iterator[str]:
    """No module or folder is named for being useful."""
    for part in file.path.parts:
        if NAMES_SAYING_NOTHING & set(part.removesuffix(".py").split("_")):
            yield f"{file.path}:1: a name that says nothing: name the subject"
            return


def marker_with_issue(file: File) -> Iterator[str]:
    """Leftover markers name an issue, as in `TO` + `DO(#12)`."""
    for number, line in enumerate(file.text.splitlines(), 1):
        if _MARKER.search(line):
            yield f"{file.path}:{number}: a marker without an issue: do it, or write (#number) behind it"


def room_docstring(file: File) -> Iterator[str]:
    """A room says in three lines what it is for, what must always hold, and who may call it."""
    inside = file.in_package
    if inside is None or len(inside.parts) != 2 or inside.name != "__init__.py":
        return
    docstring = ast.get_docstring(file.tree) or ""
    if sum(bool(line.strip()) for line in docstring.splitlines()) < ROOM_DOCSTRING_LINES_MIN:
        yield f"{file.path}:1: say in {ROOM_DOCSTRING_LINES_MIN} lines: what for, what must hold, who may call"


# ---------------------------------------------------------------- laws


def clock_read_in_two_places(file: File) -> Iterator[str]:
    """The clock is read in the gate and the scheduler only (and by the command line that makes it)."""
    if file.in_package is None or file.among(CLOCK_READERS):
        return
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "read":
            owner = node.func.value.func if isinstance(node.func.value, ast.Call) else node.func.value
            if "clock" in _last_name(owner).lower():
                yield f"{file.path}:{node.lineno}: the clock is read here: take `now` from the caller"


def aware_datetimes(file: File) -> Iterator[str]:
    """Every datetime that is made has a zone."""
    for node in ast.walk(file.tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        zoned = any(k.arg in {"tzinfo", "tz", None} for k in node.keywords)
        if name in {"datetime", "datetime.datetime", "dt.datetime"} and not zoned and len(node.args) < 8:
            yield f"{file.path}:{node.lineno}: a datetime without a zone: pass tzinfo=UTC"
        if name.endswith(("datetime.utcnow", "datetime.utcfromtimestamp")):
            yield f"{file.path}:{node.lineno}: a datetime without a zone: use the clock module"
        if name.endswith("datetime.fromtimestamp") and not zoned and len(node.args) < 2:
            yield f"{file.path}:{node.lineno}: a datetime without a zone: pass tz=UTC"


def sql_in_rows(file: File) -> Iterator[str]:
    """SQL stands in rows.py and in the store, nowhere else in the package."""
    if file.in_package is None or file.among(SQL_WRITERS):
        return
    prose = _docstrings(file.tree)
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _SQL.match(node.value) and id(node) not in prose:
            yield f"{file.path}:{node.lineno}: SQL outside rows.py"


def await_in_gate(file: File) -> Iterator[str]:
    """Only the server's edge awaits; everything else is a plain function."""
    if file.in_package is None or file.among(AWAITERS):
        return
    for node in ast.walk(file.tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield f"{file.path}:{node.lineno}: async outside {AWAITERS[0]}: write a plain function"


def ledger_only_grows(file: File) -> Iterator[str]:
    """Money rows are never updated or deleted."""
    if file.in_package != PurePosixPath("ledger/rows.py"):
        return
    prose = _docstrings(file.tree)
    for node in ast.walk(file.tree):
        said = ""
        if isinstance(node, ast.Name | ast.Attribute):
            said = _last_name(node)
        elif isinstance(node, ast.alias):
            said = node.name
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            said = node.value.strip().partition(" ")[0] if _SQL.match(node.value) else ""
        if said.lower() in {"update", "delete", "on_conflict_do_update"}:
            yield f"{file.path}:{getattr(node, 'lineno', 1)}: {said} in the ledger: post a balancing entry"


def stands_alone(files: Iterable[File]) -> Iterator[str]:
    """No file names a place of one machine, a neighbouring folder or a package index."""
    for file in files:
        for number, line in enumerate(file.text.splitlines(), 1):
            found = _OUTSIDE.search(line)
            if found:
                yield f"{file.path}:{number}: {found.group()!r} is outside the project"


FILE_RULES: Final[tuple[Callable[[File], Iterator[str]], ...]] = (
    lines_a_file,
    lines_a_function,
    parameters_a_function,
    telling_name,
    marker_with_issue,
    room_docstring,
    clock_read_in_two_places,
    aware_datetimes,
    sql_in_rows,
    await_in_gate,
    ledger_only_grows,
)


# ---------------------------------------------------------------- reading the tree


def _functions(file: File) -> Iterator[Function]:
    return (node for node in ast.walk(file.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _last_name(node: ast.expr) -> str:
    """`clock` of `self.service.clock`."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _docstrings(tree: ast.Module) -> set[int]:
    """The identities of the strings that stand as statements: prose, not code."""
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
