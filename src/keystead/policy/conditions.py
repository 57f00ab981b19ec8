"""The operators of condition blocks. Pure.

A key that the request does not have makes a condition false, and a negated one true: `StringNotEquals` then says what it reads.
"Conditional operators" page of RAM, read 2026-11-23; the rule for absent keys is ours (docs/adr/0080).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final

from keystead.policy.model import Condition

Test = Callable[[Mapping[str, str]], bool]
_NUMBER: Final = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_CLOTHES: Final = ipaddress.IPv6Network("::ffff:0:0/96")
"""IPv4 addresses as IPv6 writes them: `_address` undresses them, so networks are undressed too."""
_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "Equals": lambda given, written: bool(given == written),
    "LessThan": lambda given, written: bool(given < written),
    "LessThanEquals": lambda given, written: bool(given <= written),
    "GreaterThan": lambda given, written: bool(given > written),
    "GreaterThanEquals": lambda given, written: bool(given >= written),
}
_NEGATED: Final = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
}
OPERATORS: Final = frozenset(
    {"StringEquals", "StringEqualsIgnoreCase", "StringLike", "Bool", "IpAddress"}
    | {f"{family}{name}" for family in ("Numeric", "Date") for name in _COMPARISONS}
    | _NEGATED.keys()
)

GLOBAL_KEYS: Final = frozenset({"acs:CurrentTime", "acs:SecureTransport", "acs:SourceIp", "acs:SourceVpc", "acs:VpcSourceIp"})
"""What a condition may look at in any policy. No call comes from a VPC yet: the last two are absent (docs/adr/0080)."""
TRUST_KEYS: Final = frozenset({"sts:ExternalId", "oidc:iss", "oidc:sub", "oidc:aud"})
_TAGS: Final = re.compile(r"(kms:tag|acs:RequestTag)/\S{1,128}")


def key_served(key: str, *, trust: bool = False) -> bool:
    """Tell whether a condition key is one that calls have; one that they never have would let a Deny pass unseen."""
    return key in GLOBAL_KEYS or (key in TRUST_KEYS if trust else _TAGS.fullmatch(key) is not None)


def value_sound(operator: str, value: str) -> bool:
    """Tell whether the operator can compare with the value as written."""
    try:
        _written(_NEGATED.get(operator, operator), value)
    except (ValueError, InvalidOperation):
        return False
    return True


def compiled(condition: Condition) -> Test:
    """Give the condition as a function of the request's condition keys."""
    key, positive = condition.key, _NEGATED.get(condition.operator, condition.operator)
    holds = _any_of(positive, condition.values)
    if positive is not condition.operator and positive != condition.operator:
        return lambda context: key not in context or not holds(context[key])
    return lambda context: key in context and holds(context[key])


@lru_cache(maxsize=4096)
def wildcard(pattern: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """Give `*` (any run) and `?` (one character) as a regular expression of a whole text.

    What stands between two stars is taken where it is found first and never looked for again (an atomic group): with backtracking
    every star more would multiply the time, and tenants write the patterns.
    """
    first, *further = [re.escape(part).replace(r"\?", ".") for part in pattern.split("*")]
    if further:
        *between, last = further
        first += "".join(f"(?>.*?{part})" for part in between if part) + f".*{last}"
    return re.compile(first, re.DOTALL | (re.IGNORECASE if ignore_case else re.NOFLAG))


def _any_of(operator: str, values: tuple[str, ...]) -> Callable[[str], bool]:
    written = [_written(operator, value) for value in values]
    family = next((name for name in ("Numeric", "Date") if operator.startswith(name)), "")
    if family:
        compare = _COMPARISONS[operator.removeprefix(family)]
        return lambda given: _compares(operator, given, written, compare)
    if operator == "IpAddress":
        return lambda given: _within(given, written)
    if operator == "StringLike":
        return lambda given: any(pattern.fullmatch(given) for pattern in written)
    plain = frozenset(written)
    if operator == "StringEquals":
        return lambda given: given in plain
    return lambda given: given.lower() in plain


def _compares(operator: str, given: str, written: list[Any], compare: Callable[[Any, Any], bool]) -> bool:
    try:
        value = _written(operator, given)
    except (ValueError, InvalidOperation):
        return False
    return any(compare(value, one) for one in written)


def _within(given: str, networks: list[Any]) -> bool:
    version, address = _address(given)
    for known, base, mask in networks:  # noqa: SIM110 - any() over a generator costs as much again
        if version == known and address & mask == base:
            return True
    return False


@lru_cache(maxsize=4096)
def _address(text: str) -> tuple[int, int]:
    """Give an address as (4 or 6, number); an IPv4 address in IPv6 clothes is IPv4; version 0 is none."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return 0, 0
    inner = getattr(address, "ipv4_mapped", None) or address
    return inner.version, int(inner)


def _written(operator: str, value: str) -> Any:  # noqa: ANN401 - what the operator's family compares
    if operator.startswith("Numeric"):
        if not _NUMBER.fullmatch(value):
            raise ValueError(value)
        return Decimal(value)
    if operator.startswith("Date"):
        if not _DATE.fullmatch(value):
            raise ValueError(value)
        return datetime.fromisoformat(value)
    if operator == "IpAddress":
        network = ipaddress.ip_network(value, strict=False)
        if network.version == 6 and network.subnet_of(_CLOTHES):
            bits = network.prefixlen - _CLOTHES.prefixlen
            network = ipaddress.ip_network((int(network.network_address) & 0xFFFF_FFFF, bits))
        return network.version, int(network.network_address), int(network.netmask)
    if operator == "Bool":
        if value.lower() not in {"true", "false"}:
            raise ValueError(value)
        return value.lower()
    if operator == "StringLike":
        return wildcard(value)
    return value.lower() if operator == "StringEqualsIgnoreCase" else value
