"""What aliases and tags refuse."""

from __future__ import annotations

from keystead.faults import LimitFault, NotFound, StateFault


class AliasNotFound(NotFound):
    """No such alias in this account and region."""

    def __init__(self, alias: str) -> None:
        """Keep what was asked for."""
        super().__init__("The specified Alias is not found.")
        self.alias = alias


class AliasTaken(StateFault):
    """The account has an alias of this name in this region."""

    def __init__(self, alias: str) -> None:
        """Name it."""
        super().__init__(f"The alias {alias} exists already.")
        self.alias = alias


class TagsFull(LimitFault):
    """The resource would have more tags than it may."""

    def __init__(self, resource_id: str, most: int) -> None:
        """Name the resource and how many it may have."""
        super().__init__(
            f"The request was rejected because user create resource limit was exceeded: {resource_id} may have {most} tags."
        )
        self.resource_id = resource_id


class ResourceNotFound(NotFound):
    """The thing to be tagged is not there; of a kind that does not exist yet, nothing is."""

    def __init__(self, resource_id: str) -> None:
        """Keep what was asked for."""
        super().__init__("The resource is not found.")
        self.resource_id = resource_id
