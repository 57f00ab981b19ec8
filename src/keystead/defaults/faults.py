"""What is refused of default keys."""

from __future__ import annotations

from keystead.faults import LimitFault, Unsupported


class DefaultKeyThere(LimitFault):
    """The account has its default key in the region."""

    def __init__(self, key_id: str) -> None:
        """Name it."""
        super().__init__(
            "The request was rejected because user create resource limit was exceeded: an account has one default key in a"
            f" region, {key_id}. For more, name an instance with DKMSInstanceId."
        )
        self.key_id = key_id


class ServiceKeyFixed(Unsupported):
    """The key is a service's: the account may look at it."""

    def __init__(self, key_id: str, service: str) -> None:
        """Name the key and whose it is."""
        super().__init__(
            f"This action is not supported. The key is managed by the service {service}: it can be shown, not used or changed."
        )
        self.key_id = key_id


class DefaultKeyNotForApplications(Unsupported):
    """The account itself wants to use its default key."""

    def __init__(self, key_id: str) -> None:
        """Say what it is for."""
        super().__init__(
            "This action is not supported. A default key serves server-side encryption by services; applications use keys of an"
            " instance."
        )
        self.key_id = key_id


class NotForDefaultKeys(Unsupported):
    """A default key has no such thing."""

    def __init__(self, what: str) -> None:
        """Say what, in a sentence."""
        super().__init__(f"This action is not supported. {what}")
