"""Add VPCs, shared instances, marks of usage

Revision: 0013, after 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "usage_mark",
        sa.Column("instance_id", sa.String(length=32), nullable=False),
        sa.Column("resource", sa.String(length=8), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("instance_id", "resource", name=op.f("pk_usage_mark")),
    )
    op.create_table(
        "vpc",
        sa.Column("vpc_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("owner_id", sa.String(length=16), nullable=False),
        sa.Column("cidrs", sa.Text(), nullable=False),
        sa.Column("vswitches", sa.Text(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["account.account_id"]),
        sa.PrimaryKeyConstraint("vpc_id", name=op.f("pk_vpc")),
    )
    op.create_table(
        "bound_vpc",
        sa.Column("instance_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("vpc_id", sa.String(length=64), nullable=False),
        sa.Column("vswitch_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("owner_id", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instance.instance_id"]),
        sa.PrimaryKeyConstraint("instance_id", "vpc_id", name=op.f("pk_bound_vpc")),
    )
    with op.batch_alter_table("bound_vpc", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bound_vpc_vpc_id"), ["vpc_id"], unique=False)

    op.create_table(
        "instance_ownership",
        sa.Column("instance_id", sa.String(length=32), nullable=False),
        sa.Column("owner_id", sa.String(length=16), nullable=False),
        sa.Column("ownership", sa.String(length=12), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instance.instance_id"]),
        sa.ForeignKeyConstraint(["owner_id"], ["account.account_id"]),
        sa.PrimaryKeyConstraint("instance_id", name=op.f("pk_instance_ownership")),
    )
    op.create_table(
        "instance_share",
        sa.Column("instance_id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=16), nullable=False),
        sa.Column("shared_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"]),
        sa.ForeignKeyConstraint(["instance_id"], ["instance.instance_id"]),
        sa.PrimaryKeyConstraint("instance_id", "account_id", name=op.f("pk_instance_share")),
    )
    with op.batch_alter_table("instance_share", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_instance_share_account_id"), ["account_id"], unique=False)
