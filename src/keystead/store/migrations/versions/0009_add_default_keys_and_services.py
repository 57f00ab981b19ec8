"""Add default keys and services

Revision: 0009, after 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "service_access_key",
        sa.Column("access_key_id", sa.String(length=32), nullable=False),
        sa.Column("service", sa.String(length=32), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("access_key_id", name=op.f("pk_service_access_key")),
    )
    with op.batch_alter_table("service_access_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_service_access_key_service"), ["service"], unique=False)

    op.create_table(
        "default_key",
        sa.Column("account_id", sa.String(length=16), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("service", sa.String(length=32), nullable=False),
        sa.Column("key_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"]),
        sa.ForeignKeyConstraint(["key_id"], ["kms_key.key_id"]),
        sa.PrimaryKeyConstraint("account_id", "region", "service", name=op.f("pk_default_key")),
    )
