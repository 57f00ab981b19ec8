"""What the keyring refuses. Sentences of states: KMS common error codes page, read 2026-11-22."""

from __future__ import annotations

from datetime import datetime

from keystead.clock import iso_z
from keystead.faults import CallerFault, Fault, LimitFault, NotFound, StateFault, Unsupported


class KeyNotFound(NotFound):
    """No such key: never made, another account's, in another region, or gone with its instance (all look the same)."""

    def __init__(self, reference: str) -> None:
        """Keep what was asked for."""
        super().__init__("The specified Key is not found.")
        self.reference = reference


class AliasRefused(Unsupported):
    """The action takes a key id, and an alias was given."""

    def __init__(self, alias: str) -> None:
        """Say what to give instead."""
        super().__init__("This action does not take an alias: give the id of the key.")
        self.alias = alias


class NotOffered(Unsupported):
    """The request is a documented one, but asks for something this service does not do, or not here."""

    def __init__(self, what: str) -> None:
        """Say what, in a sentence."""
        super().__init__(f"This action is not supported. {what}")


class OriginRefused(Unsupported):
    """The key's material was made here: it is neither imported nor deleted by itself."""

    def __init__(self, key_id: str) -> None:
        """Name the key."""
        super().__init__("This action is for keys of Origin EXTERNAL: the material of this key was made by the service.")
        self.key_id = key_id


class ImportTokenExpired(CallerFault):
    """The import token is older than a day."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("The import token has expired: get new parameters for import.")


class OtherMaterial(CallerFault):
    """The key had other material before: only the same may come back."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("The key material is not the one that was imported before: only the same can be imported again.")


class KeyStateRefuses(StateFault):
    """The key's state does not allow cryptography; each state has a class of its own."""

    state = ""

    def __init__(self, key_id: str) -> None:
        """Name the key; the sentence names the state."""
        super().__init__(f"The request was rejected because the key state is {self.state}.")
        self.key_id = key_id


class KeyDisabled(KeyStateRefuses):
    """The key is Disabled."""

    state = "Disabled"


class KeyPendingDeletion(KeyStateRefuses):
    """The key waits for its deletion."""

    state = "PendingDeletion"


class KeyPendingImport(KeyStateRefuses):
    """The key has no material."""

    state = "PendingImport"


class KeyUnavailable(KeyStateRefuses):
    """The instance of the key is expired: the key is kept, and works again once the instance is renewed."""

    state = "Unavailable"


class KeyStateFixed(StateFault):
    """The key's state cannot be changed from what it is."""

    def __init__(self, key_id: str, state: str) -> None:
        """Name the key and its state."""
        super().__init__(f"Keystate modified failed. The key state is {state}.")
        self.key_id = key_id
        self.state = state


class DeletionProtected(StateFault):
    """The key is protected from deletion."""

    def __init__(self, key_id: str, because: str) -> None:
        """Name the key, and why it is protected if somebody said so."""
        reason = f" Its owner says: {because}" if because else ""
        super().__init__(f"The key is protected from deletion: end that with SetDeletionProtection first.{reason}")
        self.key_id = key_id


class TooSoon(LimitFault):
    """The last version of the key is not seven days old."""

    def __init__(self, key_id: str, not_before: datetime) -> None:
        """Name the key and when a version can be made."""
        super().__init__(f"Versions of a key are made at least seven days apart: the next from {iso_z(not_before)} on.")
        self.key_id = key_id
        self.not_before = not_before


class TooManyVersions(LimitFault):
    """The key has as many versions as it may."""

    def __init__(self, key_id: str, most: int) -> None:
        """Name the key and how many it may have."""
        super().__init__(
            f"The request was rejected because user create resource limit was exceeded: a key has {most} versions at most."
        )
        self.key_id = key_id


class InstanceKeyDestroyed(Fault):
    """A mistake of ours: somebody wants to make a key under an instance key that was destroyed."""

    def __init__(self, instance_id: str) -> None:
        """Name the instance."""
        super().__init__(f"The instance {instance_id} has lost its instance key: it was destroyed.")
        self.instance_id = instance_id
