"""Count uses of keys and encryptions of their versions

Revision: 0010, after 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward. What was counted before names instances only: each of their versions may have done all of it, none did more."""
    op.create_table(
        "key_use",
        sa.Column("key_id", sa.String(length=36), nullable=False),
        sa.Column("operation", sa.String(length=64), nullable=False),
        sa.Column("principal", sa.String(length=128), nullable=False),
        sa.Column("account_id", sa.String(length=16), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("last_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", "operation", "principal", "account_id", name=op.f("pk_key_use")),
    )
    op.create_table(
        "key_wear",
        sa.Column("version_id", sa.String(length=36), nullable=False),
        sa.Column("key_id", sa.String(length=36), nullable=False),
        sa.Column("account_id", sa.String(length=16), nullable=False),
        sa.Column("instance_id", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version_id", name=op.f("pk_key_wear")),
    )
    op.create_index("ix_key_wear_account_id_version_id", "key_wear", ["account_id", "version_id"])
    op.create_index("ix_key_wear_key_id", "key_wear", ["key_id"])
    op.create_index("ix_key_wear_sealed", "key_wear", ["sealed"])
    op.drop_index("ix_kms_key_account_id_region_created_at_ms", "kms_key")
    columns = ["account_id", "region", "created_at_ms", "key_id", "instance_id", "destroyed_at_ms", "delete_at_ms"]
    op.create_index("ix_kms_key_listing", "kms_key", columns)
    op.execute(
        """
        INSERT INTO key_wear (version_id, key_id, account_id, instance_id, sealed)
        SELECT key_version.version_id, key_version.key_id, kms_key.account_id, key_version.instance_id, SUM(usage_call.calls)
        FROM key_version
        JOIN kms_key ON kms_key.key_id = key_version.key_id
        JOIN usage_call ON usage_call.instance_id = key_version.instance_id
        WHERE usage_call.operation IN
            ('Encrypt', 'ReEncrypt', 'GenerateDataKey', 'GenerateDataKeyWithoutPlaintext', 'GenerateAndExportDataKey')
        GROUP BY key_version.version_id, key_version.key_id, kms_key.account_id, key_version.instance_id
        """
    )
