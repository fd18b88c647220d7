"""Resources and operations record who created them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; who created what was there before is not known."""
    for table in ("resources", "operations"):
        op.add_column(table, sa.Column("creator", sa.String(200), nullable=False, server_default=""))


def downgrade() -> None:
    """Drop them."""
    for table in ("resources", "operations"):
        op.drop_column(table, "creator")
