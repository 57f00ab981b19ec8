"""What a mistake on the command line is told: one line that names it, a status that is not 0, and nothing left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from keystead.cli import main


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["serve", "--listen", "here"], "listen: Expected HOST:PORT, such as 127.0.0.1:8080"),
        (["serve", "--workers", "0"], "workers: Expected `int` >= 1"),
        (["serve", "--database", "mysql://x"], "database: 'mysql' is not known: postgresql://user@host/name, or none for SQLite"),
        (["admin", "jobs", "--database", "x"], "database: 'x' is not known: postgresql://user@host/name, or none for SQLite"),
    ],
)
def test_flags_that_are_wrong(words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The flag is named, and how it is written."""
    assert main([*words, "--data", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"keystead: {told}\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("lisen = 'x'", "lisen: there is no such setting; docs/settings.md has all of them"),
        ("workers = 'x'", "workers: Expected `int`, got `str`"),
        (
            "payment_provider = 'paypal'",
            "payment_provider: Invalid enum value 'paypal', expected '' or 'stripe' or 'sandbox'",
        ),
    ],
)
def test_settings_that_are_wrong(line: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The key is named, and what it takes."""
    (tmp_path / "settings.toml").write_text(line)
    assert main(["serve", "--config", str(tmp_path / "settings.toml")]) == 2
    assert capsys.readouterr().err == f"keystead: {told}\n"


def test_explaining_where_no_deployment_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`access explain` says so as the other commands do, and makes no database that they would then take for one."""
    asked = ["access", "explain", "kms:Encrypt", "*", "--access-key", "LTAI", "--data", str(tmp_path)]
    assert main(asked) == 1
    assert capsys.readouterr().err.startswith(f"keystead: there is no deployment in {tmp_path}: start it once with")
    assert not list(tmp_path.iterdir())


def test_a_data_folder_that_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not `File exists`."""
    (tmp_path / "var").touch()
    assert main(["serve", "--data", str(tmp_path / "var")]) == 2
    assert capsys.readouterr().err == f"keystead: data: {tmp_path / 'var'} is not a folder\n"
