"""Pure decisions on access points: what names, policies, rules and passwords must look like, and what is granted.

Pages of CreateApplicationAccessPoint, CreatePolicy, CreateNetworkRule and CreateClientKey, read 2026-11-22.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

import msgspec

from keystead.access_points.faults import ClientKeyNotValidNow, NotGranted
from keystead.access_points.model import (
    AUTHENTICATION_METHOD,
    SHARED_GATEWAY,
    ClientKey,
    Grant,
    Network,
    NetworkRule,
    Passport,
    Permission,
    Policy,
)
from keystead.clock import iso_z, parse_iso_z
from keystead.faults import InvalidParameter
from keystead.networks.rules import address_of, network_of

POLICIES_MAX: Final = 3
CLIENT_KEYS_MAX: Final = 100
RESOURCES_MAX: Final = 100
NETWORK_RULES_MAX: Final = 100
ADDRESSES_MAX: Final = 100
DESCRIPTION_CHARS_MAX: Final = 8192
NOTICE_DAYS: Final = (180, 90, 30, 7)
YEARS_DEFAULT: Final = 5
PRIVATE: Final = "Private"
_YEAR_MIN: Final = 1970
_NAME: Final = re.compile(r"[A-Za-z0-9_/+=.@-]{1,64}", re.ASCII).fullmatch
_NAME_SHAPE: Final = "has 1 to 64 letters, digits and any of _ / + = . @ -."
_TOLD_CHARS_MAX: Final = 120
_RESOURCE: Final = re.compile(r"(key|secret)/[A-Za-z0-9_/+=.@*-]{1,255}", re.ASCII).fullmatch
_CLIENT_KEY_ID: Final = re.compile(r"KAAP\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII).fullmatch
_PASSWORD: Final = re.compile(r"[A-Za-z0-9~!@#$%^&*?_-]{8,64}", re.ASCII).fullmatch
_CLASSES: Final = (re.compile(r"[0-9]"), re.compile(r"[A-Za-z]"), re.compile(r"[~!@#$%^&*?_-]"))
_NAMES: Final = msgspec.json.Decoder(list[str])


class _Rules(msgspec.Struct, forbid_unknown_fields=True, rename="pascal"):
    network_rules: list[str] = []


_RULES: Final = msgspec.json.Decoder(_Rules)


def checked_name(parameter: str, name: str) -> str:
    """Give a name back; InvalidParameter unless it has 1 to 64 letters, digits and `_/+=.@-`."""
    if not _NAME(name):
        raise InvalidParameter(parameter, f"It {_NAME_SHAPE}")
    return name


def checked_method(method: str) -> None:
    """Raise InvalidParameter unless applications are to prove themselves by a client key; empty text means that."""
    if method not in {"", AUTHENTICATION_METHOD}:
        raise InvalidParameter("AuthenticationMethod", f"It must be {AUTHENTICATION_METHOD}.")


def checked_description(text: str) -> str:
    """Give a description back; InvalidParameter unless a database keeps its 0 to 8,192 characters."""
    if len(text) > DESCRIPTION_CHARS_MAX:
        raise InvalidParameter("Description", f"It has more than {DESCRIPTION_CHARS_MAX} characters.")
    return text


def policies_of(text: str) -> tuple[str, ...]:
    """Read the Policies of an access point, `["p1","p2"]`: 1 to 3 names, each once."""
    names = _names("Policies", text)
    if not 1 <= len(names) <= POLICIES_MAX:
        raise InvalidParameter("Policies", f"It names 1 to {POLICIES_MAX} policies.")
    return _checked_names("Policies", names)


def permissions_of(text: str) -> tuple[str, ...]:
    """Read the Permissions of a policy: one of the two templates, or both."""
    names = _names("Permissions", text)
    if not names:
        raise InvalidParameter("Permissions", "It lists nothing.")
    for at, name in enumerate(names):
        if name not in set(Permission):
            raise InvalidParameter("Permissions", f"At $[{at}]: it lists {' and/or '.join(Permission)}.")
    return names


def resources_of(text: str) -> tuple[str, ...]:
    """Read the Resources of a policy: `key/…` and `secret/…`, in which `*` stands for any characters."""
    names = _names("Resources", text)
    if not 1 <= len(names) <= RESOURCES_MAX:
        raise InvalidParameter("Resources", f"It lists 1 to {RESOURCES_MAX} resources.")
    for at, name in enumerate(names):
        if not _RESOURCE(name):
            raise InvalidParameter("Resources", f"At $[{at}]: a resource is key/<id>, key/*, secret/<name> or secret/*.")
    return names


def network_rules_of(text: str) -> tuple[str, ...]:
    """Read the AccessControlRules of a policy, `{"NetworkRules":["r1"]}`; without any, calls may come from anywhere."""
    if not text:
        return ()
    try:
        names = _RULES.decode(text).network_rules
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise InvalidParameter(
            "AccessControlRules", f'It must be a JSON object {{"NetworkRules":["…"]}}: {_told(error)}.'
        ) from None
    if len(names) > NETWORK_RULES_MAX:
        raise InvalidParameter("AccessControlRules", f"It names {NETWORK_RULES_MAX} rules at most.")
    return _checked_names("AccessControlRules", _each_once("AccessControlRules", names, "$.NetworkRules"), "$.NetworkRules")


def checked_rule(kind: str, addresses: str) -> None:
    """Raise InvalidParameter unless a rule is of type Private and names at least one address or range."""
    if kind != PRIVATE:
        raise InvalidParameter("Type", f"It must be {PRIVATE}.")
    networks_of(addresses)


def networks_of(text: str) -> tuple[Network, ...]:
    """Read SourcePrivateIp: a JSON list, or a list with commas, of addresses and ranges such as 10.0.0.0/8."""
    if text.lstrip().startswith("["):
        names: Sequence[str] = _names("SourcePrivateIp", text)
    else:
        names = [name.strip() for name in text.split(",", ADDRESSES_MAX + 1) if name.strip()]
    if not 1 <= len(names) <= ADDRESSES_MAX:
        raise InvalidParameter("SourcePrivateIp", f"It lists 1 to {ADDRESSES_MAX} addresses or ranges.")
    return tuple(_network(at, name) for at, name in enumerate(names))


def checked_password(password: str) -> bytes:
    """Give a client key's password; InvalidParameter unless it has 8 to 64 characters of at least two of the three classes."""
    if not _PASSWORD(password) or sum(bool(each.search(password)) for each in _CLASSES) < 2:
        raise InvalidParameter("Password", "It has 8 to 64 characters, of at least two of: digits, letters, ~!@#$%^&*?_-.")
    return password.encode("ascii")


def validity_of(not_before: str, not_after: str, wall: datetime) -> tuple[datetime, datetime]:
    """Read from when until when a client key is to be good; by default five years from `wall`. Whole seconds."""
    if not not_before and not not_after:
        begin = wall.replace(microsecond=0)
        years = begin.year + YEARS_DEFAULT
        leap_day = begin.month == 2 and begin.day == 29
        return begin, begin.replace(year=years, day=28) if leap_day else begin.replace(year=years)
    begin, end = _instant("NotBefore", not_before), _instant("NotAfter", not_after)
    if begin.year < _YEAR_MIN:
        raise InvalidParameter("NotBefore", f"It must not be before {_YEAR_MIN}.")
    if end <= begin or end <= wall:
        raise InvalidParameter("NotAfter", "It must be later than NotBefore and than now.")
    return begin, end


def client_key_id_shaped(text: str) -> bool:
    """Whether a text could be the id of a client key: the store is not asked about what cannot be."""
    return _CLIENT_KEY_ID(text) is not None


def valid_now(key: ClientKey, wall: datetime) -> None:
    """Raise ClientKeyNotValidNow unless `wall` is within the key's validity, its first instant included, its last not."""
    if wall < key.not_before:
        raise ClientKeyNotValidNow(key.client_key_id, f"The client key is valid from {iso_z(key.not_before)} on.")
    if wall >= key.not_after:
        raise ClientKeyNotValidNow(key.client_key_id, f"The client key expired at {iso_z(key.not_after)}.")


def reminders(key: ClientKey, now: datetime) -> list[datetime]:
    """Give when the owner is to be reminded of a key's end, of those moments that lie ahead of `now`."""
    return [due for due in (key.not_after - timedelta(days=days) for days in NOTICE_DAYS) if due > now]


def reminder_due(key: ClientKey, now: datetime) -> int | None:
    """Give the days of the reminder to send at `now`: the nearest to the end that has come; None before all and after the end."""
    come = [days for days in NOTICE_DAYS if key.not_after - timedelta(days=days) <= now]
    return min(come) if come and now < key.not_after else None


def grant_of(policy: Policy, rules: Mapping[str, NetworkRule]) -> Grant:
    """Give a policy as it is judged; a rule that is not there allows no address."""
    networks = [
        network for name in policy.network_rules if name in rules for network in networks_of(rules[name].source_private_ip)
    ]
    return Grant(
        policy.instance_id or SHARED_GATEWAY,
        frozenset(policy.permissions),
        policy.resources,
        tuple(networks) if policy.network_rules else None,
    )


def permit(passport: Passport, gateway: str, permission: Permission, resource: str = "") -> None:
    """Raise NotGranted unless a policy for this gateway permits using the resource (`key/…`, `secret/…`) from where it came.

    `gateway` is an instance's id or SHARED_GATEWAY. Without a resource the permission alone is asked for.
    """
    for grant in passport.grants:
        if (
            grant.instance_id == gateway
            and permission in grant.permissions
            and (not resource or any(_covers(pattern, resource) for pattern in grant.resources))
            and (grant.networks is None or _inside(passport.source, grant.networks))
        ):
            return
    raise NotGranted


def first_instance(passport: Passport) -> str:
    """Give the instance that a call without host name and key is for: the first that the access point's policies name."""
    return next((grant.instance_id for grant in passport.grants if grant.instance_id != SHARED_GATEWAY), "")


def compact(names: Iterable[str]) -> str:
    """Write a list as the API does: JSON without blanks, which official tools cut at the commas."""
    return msgspec.json.encode(list(names)).decode()


@lru_cache(maxsize=4096)  # the same keys again and again
def _covers(pattern: str, resource: str) -> bool:
    """Whether a pattern, in which `*` stands for any characters, is the resource's; in time proportional to its length."""
    first, *others = pattern.split("*")
    if not others:
        return pattern == resource
    last = others.pop()
    if not resource.startswith(first) or not resource.endswith(last) or len(first) + len(last) > len(resource):
        return False
    at, end = len(first), len(resource) - len(last)
    for part in others:
        found = resource.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _inside(source: str, networks: Iterable[Network]) -> bool:
    address = address_of(source)
    return address is not None and any(address in network for network in networks)


def _names(parameter: str, text: str) -> tuple[str, ...]:
    try:
        names = _NAMES.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        reason = f'It must be a JSON list of strings, such as ["a","b"]: {_told(error)}.'
        raise InvalidParameter(parameter, reason) from None
    return _each_once(parameter, names)


def _told(error: Exception) -> str:
    """Give what a decoder found, with the place; shortened, for it repeats names that the caller chose."""
    return str(error)[:_TOLD_CHARS_MAX] if isinstance(error, msgspec.DecodeError) else "it is no text, or nested too deeply"


def _each_once(parameter: str, names: Sequence[str], where: str = "$") -> tuple[str, ...]:
    seen: set[str] = set()
    for at, name in enumerate(names):
        if name in seen:
            raise InvalidParameter(parameter, f"At {where}[{at}]: it names something twice.")
        seen.add(name)
    return tuple(names)


def _checked_names(parameter: str, names: tuple[str, ...], where: str = "$") -> tuple[str, ...]:
    for at, name in enumerate(names):
        if not _NAME(name):
            raise InvalidParameter(parameter, f"At {where}[{at}]: a name {_NAME_SHAPE}")
    return names


def _network(at: int, name: str) -> Network:
    try:
        return network_of(name, strict=False)
    except ValueError:
        reason = f"At $[{at}]: it lists IP addresses, and ranges such as 10.0.0.0/8."
        raise InvalidParameter("SourcePrivateIp", reason) from None


def _instant(parameter: str, text: str) -> datetime:
    try:
        return parse_iso_z(text).replace(microsecond=0)
    except ValueError:
        raise InvalidParameter(parameter, "NotBefore and NotAfter go together and read 2026-01-02T03:04:05Z, in UTC.") from None
