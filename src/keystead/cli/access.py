"""`keystead access explain`: ask again what the gate asked, and see the statement that decides."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from keystead.cli.report import print_json
from keystead.faults import CallerFault

access = App(name="access", help="Who may do what.", help_format="plaintext")


class KeysOnly(CallerFault):
    """A context is given as KEY=VALUE."""


@access.command
def explain(
    action: str,
    resource: str,
    *,
    access_key: str,
    data: Path = Path("var"),
    context: tuple[str, ...] = (),
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Say whether a caller may do ACTION on RESOURCE by what is attached to it now, and which statement decides.

    ACTION and RESOURCE are as a refusal names them; --context acs:SourceIp=10.0.0.1 gives condition keys. A key's own policy is
    asked too where RESOURCE is a key.
    """
    from keystead import app
    from keystead.identity.grants import Asked, replay
    from keystead.settings import Settings

    pairs = [one.partition("=") for one in context]
    if not all(name and mark for name, mark, _ in pairs):
        raise KeysOnly("--context is given as KEY=VALUE")
    store = app.store_of(Settings(data=str(data)))
    try:
        with store.read() as tx:
            found = replay(tx, Asked(access_key, action, resource, {name: value for name, _, value in pairs}))
    finally:
        store.close()
    if json:
        print_json({"allowed": found.allowed, "ground": found.ground.value, "policy": found.policy, "statement": found.statement})
    else:
        print(
            f"{'allowed' if found.allowed else 'refused'}: {found.ground.value}"
            + (f", {found.decider}" if found.statement else "")
        )
