"""`keystead admin instance …`: what the operator allows an instance."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from keystead.cli.report import print_facts, print_json
from keystead.cli.target import Target, open_target

instance = App(name="instance", help="Instances.")
_HERE = Target()


@instance.command
def specs(
    instance_id: Annotated[str, Parameter(help="The instance's id, such as kst-….")],
    /,
    *,
    beyond_cloud: Annotated[
        bool | None, Parameter(help="Allow key specs that the cloud lacks, or forbid them again. Without it, only show.")
    ] = None,
    target: Target = _HERE,
) -> None:
    """Show and set which key specs CreateKey takes in an instance; keys that were made go on."""
    from keystead.instances import commands as instances
    from keystead.keyring.specs import offered_names

    with open_target(target) as service:
        now = service.clock.read().now
        with service.store.write() as tx:
            found = instances.set_specs_beyond(tx, now, instance_id, allowed=beyond_cloud)
    names = offered_names(beyond=found.specs_beyond)
    if target.json:
        print_json({"instance_id": instance_id, "beyond_cloud": found.specs_beyond, "key_specs": names})
    else:
        state = "on" if found.specs_beyond else "off"
        print_facts({"instance_id": instance_id, "beyond_cloud": state, "key_specs": " ".join(names)})
