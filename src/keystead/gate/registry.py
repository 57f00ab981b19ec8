"""The table of actions: one row each, made where the action is defined. A name taken twice stops the start.

@KMS.action("Encrypt", Effect.COMPUTE)
def encrypt(call: Call, request: EncryptRequest) -> EncryptResponse: ...
"""

from __future__ import annotations

import enum
import inspect
import typing
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final, NamedTuple

from keystead.faults import Fault
from keystead.gate.call import Call
from keystead.gate.parameters import Field, Request, Response, plan_of

Ahead = Callable[[Call, Any], AbstractContextManager[None]]
PRODUCTS: dict[str, Product] = {}


class Effect(enum.Enum):
    """What running an action may do."""

    READ = "read"
    """Reads rows in a snapshot."""
    WRITE = "write"
    """Changes rows, in one transaction with its claims and its record."""
    COMPUTE = "compute"
    """Touches no rows when what it needs is warm; runs on the event loop then."""


class FaultRow(NamedTuple):
    """How one fault looks on the wire. `message` None means the fault's own sentence."""

    fault: type[Fault]
    code: str
    status: int
    message: str | None = None


class Permission(NamedTuple):
    """What a caller needs for an action: `<product>:<Name>` on every one of `resources`.

    In a resource `{region}`, `{account}`, `{policies}` (the account, or `system` for PolicyType System) and the wire names of
    parameters that the action reads are filled in by the gate, which asks before the action runs. `{key}` is only known to the
    action (an alias, a ciphertext): it asks itself, with `permit_key`, before it does anything.
    """

    action: str
    resources: tuple[str, ...]
    also: str = ""
    """Another name of the same action in policies: a statement on either counts."""
    signed: bool = True
    """Whether the request must be signed; without, its parameters prove the caller, and it may write nothing."""


OPEN: Final = Permission("", ())
"""Authentication alone."""
ANONYMOUS: Final = Permission("", (), signed=False)
"""Not even that."""


class Action(NamedTuple):
    """An action's row."""

    product: Product
    name: str
    effect: Effect
    request: type[Request]
    response: type[Response]
    plan: tuple[Field, ...]
    handler: Callable[[Call, Any], Response]
    idempotent: bool
    ahead: Ahead | None
    """What a writing or reading action prepares before its transaction, because it takes long."""
    methods: frozenset[str]
    where: str
    permission: Permission
    for_services: bool = False
    """Whether a service of the deployment may call it too."""
    of_key: bool = False
    """Whether the action itself asks for a permission: `{key}` is in one of the resources."""


class Product:
    """A wire product: its version selects it; its fault table says what refusals look like."""

    def __init__(
        self,
        code: str,
        version: str,
        faults: tuple[FaultRow, ...],
        permissions: Mapping[str, Permission],
        *,
        business_status: int | None = None,
    ) -> None:
        """Register the product; `business_status` 200 makes its own faults answers with `Success: false`.

        `permissions` says by action name what a caller needs; an action that is not in it stops the start.
        """
        if version in PRODUCTS:
            message = f"version {version} is taken"
            raise ValueError(message)
        self.code = code
        self.version = version
        self.faults = faults
        self.permissions = permissions
        self.business_status = business_status
        self.actions: dict[str, Action] = {}
        PRODUCTS[version] = self

    def action(
        self,
        name: str,
        effect: Effect,
        *,
        idempotent: bool = False,
        methods: str = "GET POST",
        ahead: Ahead | None = None,
        for_services: bool = False,
    ) -> Callable[[Callable[[Call, Any], Response]], Callable[[Call, Any], Response]]:
        """Register the decorated function; its annotations name the request and response structs."""

        def register(handler: Callable[[Call, Any], Response]) -> Callable[[Call, Any], Response]:
            if name in self.actions:
                message = f"{self.code} has {name} twice: {self.actions[name].where}"
                raise ValueError(message)
            if name not in self.permissions:
                message = f"{self.code} {name} says nowhere what permission it needs"
                raise ValueError(message)
            hints = typing.get_type_hints(handler)
            where = f"{handler.__module__}:{inspect.getsourcelines(handler)[1]}"
            self.actions[name] = Action(
                self,
                name,
                effect,
                hints["request"],
                hints["return"],
                plan_of(hints["request"]),
                handler,
                idempotent,
                ahead,
                frozenset(methods.split()),
                where,
                self.permissions[name],
                for_services,
                any("{key}" in resource for resource in self.permissions[name].resources),
            )
            return handler

        return register
