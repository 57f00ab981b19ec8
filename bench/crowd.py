"""A deployment with many instances, made of rows: what a crowd of customers leaves behind, without their purchases.

Each instance has an account of its own, a term, an instance key (nothing was ever sealed with it), and the open jobs of its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import insert, select

from keystead.access.rows import account
from keystead.clock import to_ms
from keystead.entitlements.rows import entitlement
from keystead.instances import commands as instances
from keystead.instances.rows import instance
from keystead.keyring.rows import instance_key, key_version, kms_key
from keystead.store import Store
from keystead.store.jobs import job

BEGAN: Final = datetime(2025, 12, 1, tzinfo=UTC)
TONIGHT: Final = datetime(2026, 1, 1, 16, tzinfo=UTC)  # midnight UTC+8
LATER: Final = TONIGHT + timedelta(days=365)
RETENTION_DAYS: Final = 15
AT_ONCE: Final = 5000
REGION: Final = "ap-southeast-1"


def move_in(store: Store, total: int, due: int, first: int = 0, night: datetime = TONIGHT) -> None:
    """Insert `total` instances, numbered from `first`: `due` of them have work at `night`, the others end LATER.

    Of the due ones every other ends then, and the rest ended RETENTION_DAYS before and are released then.
    """
    retention = timedelta(days=RETENTION_DAYS)
    with store.write() as tx:
        for begin in range(0, total, AT_ONCE):
            batch: dict[Any, list[dict[str, object]]] = {}
            for number in range(begin, min(begin + AT_ONCE, total)):
                # The due ones lie scattered among the others.
                turn = number * due // total
                is_due = turn != (number + 1) * due // total
                ends_at = LATER if not is_due else night - retention * (turn % 2)
                for table, row in _rows(first + number, ends_at, ended=is_due and ends_at != night):
                    batch.setdefault(table, []).append(row)
            for table, rows in batch.items():
                tx.execute(insert(table), rows)


def keys_into(store: Store, pattern: str, total: int) -> None:
    """Insert `total` keys, each with one version, that are like the key `pattern` but for their ids: made a millisecond apart."""
    with store.write() as tx:
        key = dict(tx.execute(select(kms_key).where(kms_key.c.key_id == pattern)).one()._mapping)  # noqa: SLF001 - its public name
        version = dict(tx.execute(select(key_version).where(key_version.c.key_id == pattern)).one()._mapping)  # noqa: SLF001
        for begin in range(0, total, AT_ONCE):
            ids = [(f"key-crowd{number:016}", number) for number in range(begin, min(begin + AT_ONCE, total))]
            keys = [
                {
                    **key,
                    "key_id": key_id,
                    "primary_version_id": f"{key_id}-0123456789",
                    "created_at_ms": key["created_at_ms"] + 1 + number,
                }
                for key_id, number in ids
            ]
            tx.execute(insert(kms_key), keys)
            tx.execute(insert(key_version), [{**version, "key_id": i, "version_id": f"{i}-0123456789"} for i, _ in ids])


def _rows(number: int, ends_at: datetime, *, ended: bool) -> Iterator[tuple[Any, dict[str, object]]]:
    account_id, instance_id = f"{10**15 + number}", f"kst-crowd{number:07}"
    since, until = to_ms(BEGAN), to_ms(ends_at)
    mine = {"account_id": account_id, "instance_id": instance_id}
    yield account, {"account_id": account_id, "name": f"crowd{number}", "email": "", "created_at_ms": since}
    yield (
        instance,
        {
            **mine,
            "region": REGION,
            "edition": "software",
            "product_type": "kms_ddi_public_intl",
            "name": instance_id,
            "status": "Connected",
            "renewal_status": "ManualRenewal",
            "vpc_id": "vpc-crowd",
            "zone_ids": "[]",
            "vswitch_ids": "[]",
            "retention_days": RETENTION_DAYS,
            "created_at_ms": since,
            "connected_at_ms": since,
        },
    )
    yield instance_key, {"instance_id": instance_id, "sealed": b"sealed", "created_at_ms": since}
    figures = {"qps": 1000, "key_num": 1000, "secret_num": 0, "access_num": 1, "log": False, "log_storage_gb": 0}
    term = {"starts_at_ms": since, "ends_at_ms": until, "made_at_ms": since}
    yield entitlement, {**mine, "version": 1, "order_id": f"order{number}", **figures, **term}
    past = {"attempts": 0, "retry_at_ms": 0, "last_error": ""}
    expired = until if ended else None  # done the night it was due
    asked = {"subject": instance_id, "account_id": account_id, **past}
    yield job, {**asked, "kind": instances.EXPIRE_JOB, "due_at_ms": until, "done_at_ms": expired}
    released = to_ms(ends_at + timedelta(days=RETENTION_DAYS))
    yield job, {**asked, "kind": instances.RELEASE_JOB, "due_at_ms": released, "done_at_ms": None}
