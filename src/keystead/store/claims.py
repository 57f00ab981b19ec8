"""Claims: things that may happen once. A client's token with its answer; the nonce of a writing request.

Both are inserted in the action's own transaction, so that claim and work commit together or not at all.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy import BigInteger, Column, Index, LargeBinary, PrimaryKeyConstraint, String, Table, delete, insert, select
from sqlalchemy.exc import IntegrityError

from keystead.store.engine import metadata
from keystead.store.transaction import Transaction

client_token = Table(
    "client_token",
    metadata,
    Column("account_id", String(16), nullable=False),
    Column("action", String(64), nullable=False),
    Column("token", String(64), nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("made_at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_id", "action", "token"),
)
request_nonce = Table(
    "request_nonce",
    metadata,
    Column("access_key_id", String(128), nullable=False),
    Column("nonce", String(128), nullable=False),
    Column("seen_at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("access_key_id", "nonce"),
    Index("ix_request_nonce_seen_at_ms", "seen_at_ms"),
)


_CLAIM_NONCE: Final = insert(request_nonce)


class Claimed(NamedTuple):
    """An earlier use of a client's token: the hash of what it asked for and the answer it got."""

    content_hash: str
    answer: bytes


def earlier_answer(tx: Transaction, account_id: str, action: str, token: str) -> Claimed | None:
    """Give what this token was used for before; None for a fresh one."""
    statement = select(client_token.c.content_hash, client_token.c.answer).where(
        client_token.c.account_id == account_id, client_token.c.action == action, client_token.c.token == token
    )
    row = tx.execute(statement).one_or_none()
    return None if row is None else Claimed(row.content_hash, row.answer)


def claim_token(tx: Transaction, scope: tuple[str, str, str], claimed: Claimed, made_at_ms: int) -> None:
    """Keep the answer of the token `scope` = (account, action, token) for ever, beside the order it made."""
    account_id, action, token = scope
    tx.execute(
        insert(client_token).values(
            account_id=account_id,
            action=action,
            token=token,
            content_hash=claimed.content_hash,
            answer=claimed.answer,
            made_at_ms=made_at_ms,
        )
    )


def claim_nonce(tx: Transaction, access_key_id: str, nonce: str, seen_at_ms: int) -> bool:
    """Record the nonce of a writing request; False when it was there already (then the transaction must be left)."""
    try:
        tx.execute(_CLAIM_NONCE, {"access_key_id": access_key_id, "nonce": nonce, "seen_at_ms": seen_at_ms})
    except IntegrityError:
        return False
    return True


def forget_nonces(tx: Transaction, seen_before_ms: int) -> int:
    """Delete nonces older than the signature window could accept; gives how many."""
    return tx.execute(delete(request_nonce).where(request_nonce.c.seen_at_ms < seen_before_ms)).rowcount
