"""Add access points, permission policies, network rules and client keys

Revision: 0012, after 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    for name, columns in (
        ("access_point", [sa.Column("policies", sa.Text(), nullable=False)]),
        (
            "permission_policy",
            [
                sa.Column("instance_id", sa.String(length=32), nullable=False),
                sa.Column("permissions", sa.Text(), nullable=False),
                sa.Column("resources", sa.Text(), nullable=False),
                sa.Column("network_rules", sa.Text(), nullable=False),
            ],
        ),
        (
            "network_rule",
            [
                sa.Column("kind", sa.String(length=16), nullable=False),
                sa.Column("source_private_ip", sa.Text(), nullable=False),
            ],
        ),
    ):
        op.create_table(
            name,
            sa.Column("account_id", sa.String(length=16), sa.ForeignKey("account.account_id"), nullable=False),
            sa.Column("region", sa.String(length=32), nullable=False),
            sa.Column("name", sa.String(length=64), nullable=False),
            *columns,
            sa.Column("description", sa.Text(), nullable=False),
            sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
            sa.PrimaryKeyConstraint("account_id", "region", "name", name=op.f(f"pk_{name}")),
        )
    op.create_table(
        "client_key",
        sa.Column("client_key_id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=16), sa.ForeignKey("account.account_id"), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("access_point", sa.String(length=64), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.Column("not_before_ms", sa.BigInteger(), nullable=False),
        sa.Column("not_after_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("client_key_id", name=op.f("pk_client_key")),
    )
    op.create_index("ix_client_key_access_point", "client_key", ["account_id", "region", "access_point"])
