"""What is to be removed, until it is gone; the request id of the call that asked for an operation."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and the column; operations that are there were asked for by calls that nobody remembers."""
    op.create_table(
        "discards",
        sa.Column("what", sa.String(400), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("what", name="pk_discards"),
    )
    op.add_column("operations", sa.Column("call_id", sa.String(128), nullable=False, server_default=""))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("operations", "call_id")
    op.drop_table("discards")
