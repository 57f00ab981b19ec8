"""Keys have aliases, tags, rotation, protection and policies

Revision: 0008, after 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward. No table that another refers to is made anew: SQLite would take its rows for orphans."""
    op.create_table(
        "resource_tag",
        sa.Column("account_id", sa.String(length=16), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("resource_id", sa.String(length=255), nullable=False),
        sa.Column("tag_key", sa.String(length=128), nullable=False),
        sa.Column("tag_value", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "region", "kind", "resource_id", "tag_key", name=op.f("pk_resource_tag")),
    )
    op.create_index("ix_resource_tag_tag_key_tag_value", "resource_tag", ["account_id", "region", "kind", "tag_key", "tag_value"])
    op.create_table(
        "key_alias",
        sa.Column("account_id", sa.String(length=16), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("key_id", sa.String(length=36), sa.ForeignKey("kms_key.key_id"), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "region", "name", name=op.f("pk_key_alias")),
    )
    op.create_index(op.f("ix_key_alias_key_id"), "key_alias", ["key_id"])
    op.create_table(
        "key_policy",
        sa.Column("key_id", sa.String(length=36), sa.ForeignKey("kms_key.key_id"), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("set_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_key_policy")),
    )
    with op.batch_alter_table("key_version", schema=None) as batch_op:
        batch_op.alter_column("sealed", existing_type=sa.LargeBinary(), nullable=True)
        batch_op.add_column(sa.Column("mark", sa.LargeBinary(), nullable=True))

    op.add_column("instance", sa.Column("specs_beyond", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("kms_key", sa.Column("protection", sa.String(length=16), server_default="SOFTWARE", nullable=False))
    op.add_column("kms_key", sa.Column("storage", sa.String(length=32), server_default="", nullable=False))
    op.add_column("kms_key", sa.Column("rotation_seconds", sa.Integer(), nullable=True))
    op.add_column("kms_key", sa.Column("deletion_protected", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("kms_key", sa.Column("protected_because", sa.Text(), server_default="", nullable=False))
    op.add_column("kms_key", sa.Column("material_expires_at_ms", sa.BigInteger(), nullable=True))
    op.add_column("kms_key", sa.Column("destruction_intended_at_ms", sa.BigInteger(), nullable=True))
    op.add_column("kms_key", sa.Column("destroyed_at_ms", sa.BigInteger(), nullable=True))
