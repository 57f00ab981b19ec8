"""Add bills by month of payment

Revision: 0004, after 0001
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_index("ix_purchase_order_account_id_paid_at_ms", "purchase_order", ["account_id", "paid_at_ms"])
