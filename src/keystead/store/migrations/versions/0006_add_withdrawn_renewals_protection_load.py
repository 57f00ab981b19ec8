"""Add renewals given back before they begin, deletion protection of instances, and peaks of calls by day

Revision: 0006, after 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

RENEWED_ONCE = "kind = 'Renew' AND state = 'Paid' AND withdrawn_at_ms IS NULL"


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "entitlement_withdrawn",
        sa.Column("order_id", sa.String(length=32), nullable=False),
        sa.Column("withdrawn_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["entitlement.order_id"]),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_entitlement_withdrawn")),
    )
    op.add_column("purchase_order", sa.Column("withdrawn_at_ms", sa.BigInteger(), nullable=True))
    op.drop_index("uq_purchase_order_renewed_once", table_name="purchase_order")
    op.create_index(
        "uq_purchase_order_renewed_once",
        "purchase_order",
        ["instance_id", "starts_at_ms"],
        unique=True,
        sqlite_where=sa.text(RENEWED_ONCE),
        postgresql_where=sa.text(RENEWED_ONCE),
    )
    op.add_column("instance", sa.Column("protected", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("instance", sa.Column("protection_note", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "usage_load",
        sa.Column("account_id", sa.String(length=16), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("instance_id", sa.String(length=64), nullable=False),
        sa.Column("peak_qps", sa.BigInteger(), nullable=False),
        sa.Column("log_bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "day", "instance_id", name=op.f("pk_usage_load")),
    )
    op.create_table(
        "usage_second",
        sa.Column("account_id", sa.String(length=16), nullable=False),
        sa.Column("instance_id", sa.String(length=64), nullable=False),
        sa.Column("second", sa.BigInteger(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("second", "account_id", "instance_id", name=op.f("pk_usage_second")),
    )
