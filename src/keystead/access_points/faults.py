"""What access points refuse. Sentences: KMS common error codes page, read 2026-11-22."""

from __future__ import annotations

from keystead.faults import LimitFault, NotFound, Refused, StateFault


class AccessObjectNotFound(NotFound):
    """No such access point, policy, network rule or client key in the account and region."""

    def __init__(self, name: str) -> None:
        """Keep what was asked for."""
        super().__init__("The resource is not found.")
        self.name = name


class AccessObjectExists(StateFault):
    """The name is taken by another of its kind."""

    def __init__(self, name: str) -> None:
        """Name it."""
        super().__init__(f"The resource {name} is there already.")
        self.name = name


class AccessObjectInUse(StateFault):
    """Something else names what is to be deleted."""

    def __init__(self, name: str, users: str) -> None:
        """Name it and who uses it."""
        super().__init__(f"{name} is in use by {users}: end that first.")
        self.name = name


class TooManyClientKeys(LimitFault):
    """The access point has as many client keys as it may."""

    def __init__(self, name: str, most: int) -> None:
        """Name it and the bound."""
        super().__init__(
            f"The request was rejected because user create resource limit was exceeded: {name} has {most} client keys."
        )
        self.name = name


class ClientKeyUnknown(NotFound):
    """No such client key: never made, or deleted with its access point or by itself."""

    def __init__(self, client_key_id: str) -> None:
        """Keep the id."""
        super().__init__("The client key does not exist.")
        self.client_key_id = client_key_id


class ClientKeyNotValidNow(Refused):
    """The client key's time has not come, or is over."""

    def __init__(self, client_key_id: str, sentence: str) -> None:
        """Say which."""
        super().__init__(sentence)
        self.client_key_id = client_key_id


class NotGranted(Refused):
    """No policy of the client key's access point permits this."""

    def __init__(self) -> None:
        """Say no more: what is there and what is not is nobody's business who may not use it."""
        super().__init__("This operation is forbidden by permission system.")
