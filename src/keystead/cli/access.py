"""`keystead access explain`: ask again what the gate asked, and see the statement that decides."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from keystead.cli.report import print_json
from keystead.cli.target import Target, open_target
from keystead.faults import CallerFault

access = App(name="access", help="Who may do what.", help_format="plaintext")
_HERE = Target()


class KeysOnly(CallerFault):
    """A context is given as KEY=VALUE."""


@access.command
def explain(
    action: str,
    resource: str,
    *,
    access_key: Annotated[str, Parameter(help="Id of the access key that calls.")],
    context: Annotated[tuple[str, ...], Parameter(negative=(), help="A condition key as KEY=VALUE; may be given again.")] = (),
    target: Target = _HERE,
) -> None:
    """Say whether a caller may do ACTION on RESOURCE by what is attached to it now, and which statement decides.

    ACTION and RESOURCE are as a refusal names them; --context acs:SourceIp=10.0.0.1 gives condition keys. A key's own policy is
    asked too where RESOURCE is a key.
    """
    from keystead.identity.grants import Asked, replay

    pairs = [one.partition("=") for one in context]
    if not all(name and mark for name, mark, _ in pairs):
        raise KeysOnly("--context is given as KEY=VALUE")
    with open_target(target) as service, service.store.read() as tx:
        found = replay(tx, Asked(access_key, action, resource, {name: value for name, _, value in pairs}))
    if target.json:
        print_json({"allowed": found.allowed, "ground": found.ground.value, "policy": found.policy, "statement": found.statement})
    else:
        print(
            f"{'allowed' if found.allowed else 'refused'}: {found.ground.value}"
            + (f", {found.decider}" if found.statement else "")
        )
