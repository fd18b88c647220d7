"""How often in a row an operation lost the process that worked on it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("operations", sa.Column("losses", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("operations", sa.Column("lost_at", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("operations", "lost_at")
    op.drop_column("operations", "losses")
