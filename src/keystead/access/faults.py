"""What the access room refuses."""

from __future__ import annotations

from keystead.faults import CallerFault, NotFound, Refused, StateFault


class AccountUnknown(NotFound):
    """No account has this id or name."""

    def __init__(self, account: str) -> None:
        """Name the id or name that was looked for."""
        super().__init__(f'The account "{account}" does not exist.')
        self.account = account


class AccountExists(StateFault):
    """An account of this name is there already."""

    def __init__(self, name: str) -> None:
        """Name the taken name."""
        super().__init__(f'The account name "{name}" is already in use.')
        self.name = name


class AccountNameInvalid(CallerFault):
    """The name of a new account is not acceptable."""

    def __init__(self, name: str) -> None:
        """Say what a name may look like."""
        super().__init__(f'The account name "{name}" is not valid: 1 to 64 letters, digits and . _ - @ are allowed.')
        self.name = name


class ServiceNameInvalid(CallerFault):
    """The name of a new service is not acceptable."""

    def __init__(self, name: str) -> None:
        """Say what a name may look like."""
        super().__init__(f'The service name "{name}" is not valid: 2 to 32 lower-case letters, digits and -, a letter first.')
        self.name = name


class ServiceUnknown(NotFound):
    """No service of this name is registered."""

    def __init__(self, name: str) -> None:
        """Name the name that was looked for."""
        super().__init__(f'The service "{name}" is not registered.')
        self.name = name


class NotForServices(Refused):
    """The caller may not call this action."""

    def __init__(self) -> None:
        """Say it in the cloud's words (KMS common error codes page, read 2026-11-22)."""
        super().__init__("This operation is forbidden by permission system.")


class AccessKeyNotFound(NotFound):
    """No access key has this id (or it is not the account's: the two look the same)."""

    def __init__(self, access_key_id: str) -> None:
        """Name the key; the sentence is the cloud's and does not repeat what the caller sent."""
        super().__init__("The AccessKey ID provided does not exist in our records.")
        self.access_key_id = access_key_id


class AccessKeyInactive(Refused):
    """The access key has been disabled."""

    def __init__(self, access_key_id: str) -> None:
        """Name the key; the sentence is the cloud's (KMS common error codes page, read 2026-11-22)."""
        super().__init__("This AccessKey is not enabled.")
        self.access_key_id = access_key_id
