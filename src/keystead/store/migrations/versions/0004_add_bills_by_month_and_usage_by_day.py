"""Add bills by month of payment, and usage by day

Revision: 0004, after 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "usage_call",
        sa.Column("account_id", sa.String(length=16), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("instance_id", sa.String(length=64), nullable=False),
        sa.Column("operation", sa.String(length=64), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "day", "instance_id", "operation", name=op.f("pk_usage_call")),
    )
    op.create_table(
        "usage_day",
        sa.Column("instance_id", sa.String(length=32), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("account_id", sa.String(length=16), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("keys_held", sa.Integer(), nullable=False),
        sa.Column("keys_bought", sa.Integer(), nullable=False),
        sa.Column("secrets", sa.Integer(), nullable=False),
        sa.Column("secrets_bought", sa.Integer(), nullable=False),
        sa.Column("accesses", sa.Integer(), nullable=False),
        sa.Column("accesses_bought", sa.Integer(), nullable=False),
        sa.Column("log_storage_gb", sa.Integer(), nullable=False),
        sa.Column("qps_bought", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("instance_id", "day", name=op.f("pk_usage_day")),
    )
    op.create_index("ix_usage_day_account_id_day", "usage_day", ["account_id", "day"])

    op.create_table(
        "usage_read",
        sa.Column("source", sa.String(length=128), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_usage_read")),
    )
    op.create_index("ix_purchase_order_account_id_paid_at_ms", "purchase_order", ["account_id", "paid_at_ms"])
