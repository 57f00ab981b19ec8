"""The command line: `keystead serve`, the operator's tools under `keystead admin`, `keystead doctor`, `keystead actions`.

What must always hold: an expected failure is one line on stderr, with status 2 for a wrong command line and 1 for a refusal,
never a traceback; with --json stdout holds one JSON document and nothing else.
Only people and scripts call it; it opens everything through `app`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (of this process unless given); gives the exit status."""
    from keystead.cli.commands import run  # the worker processes import this package without its parser

    return run(list(sys.argv[1:] if arguments is None else arguments))
