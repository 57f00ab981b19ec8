"""Sessions of roles: AssumeRole gives a key, a secret and a token that holds both, sealed.

Nothing of a session is stored: the token opens under the deployment's root key and its own access key id only. A session ends
with its time (wall time: the client's real credentials are judged by it) and, at once, with its role (docs/adr/0083).
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from keystead import ids
from keystead.clock import from_ms, to_ms
from keystead.hsm.port import KeyStore, SealBroken
from keystead.identity.faults import NotTrusted, TokenExpired, TokenMalformed
from keystead.identity.model import Role, Session
from keystead.policy.faults import PolicyMalformed
from keystead.policy.model import Question
from keystead.policy.reading import Kind, read
from keystead.policy.rules import PolicySet

SEALED_KIND: Final = "sts"
PREFIX: Final = "STS."
TOKEN_CHARS_MAX: Final = 16_384
NOT_TRUSTED: Final = "You are not authorized to do this action. You should be authorized by RAM."


class Said(NamedTuple):
    """What the asker says of a session: its name, what narrows it, and who stands at the beginning of the chain."""

    name: str
    policy: str = ""
    source_identity: str = ""


def assumable(role: Role, question: Question) -> None:
    """Raise NotTrusted unless the role's trust policy lets the asker in; one that cannot be read any more lets nobody in."""
    try:
        trust = read(role.trust, Kind.TRUST)
    except PolicyMalformed:
        raise NotTrusted(NOT_TRUSTED) from None
    if not PolicySet([(f"role/{role.name}", trust)]).judge(question).allowed:
        raise NotTrusted(NOT_TRUSTED)


def begin(keystore: KeyStore, role: Role, until: datetime, said: Said) -> tuple[Session, str]:
    """Make a session of a role; gives it and its token."""
    access_key_id = f"{PREFIX}{ids.access_key_id()[6:]}{ids.access_key_secret()[:8]}"
    secret = ids.access_key_secret()
    session = Session(access_key_id, role.account_id, role.role_id, role.name, said.name, secret, to_ms(until), *said[1:])
    sealed = keystore.seal_secret(SEALED_KIND, access_key_id, msgspec.msgpack.encode(session))
    return session, base64.b64encode(sealed).decode()


def session_of(keystore: KeyStore, access_key_id: str, token: str, wall: datetime) -> Session:
    """Open a token; TokenMalformed for any other than this access key's own, TokenExpired from its end on."""
    try:
        if len(token) > TOKEN_CHARS_MAX:
            raise TokenMalformed("The specified SecurityToken is malformed.")
        sealed = base64.b64decode(token, validate=True)
        session = msgspec.msgpack.decode(keystore.open_secret(SEALED_KIND, access_key_id, sealed), type=Session)
    except (binascii.Error, ValueError, SealBroken):
        raise TokenMalformed("The specified SecurityToken is malformed.") from None
    late = wall - from_ms(session.expires_at_ms)
    if late >= timedelta(0):
        raise TokenExpired(late)
    return session
