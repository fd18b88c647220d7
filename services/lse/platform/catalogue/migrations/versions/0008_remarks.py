"""What experts say of single images: interest, tags, notes."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; nobody has said anything yet."""
    op.create_table(
        "remarks",
        sa.Column("dataset", sa.String(400), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("interest", sa.Integer(), nullable=True),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "row", name="pk_remarks"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("remarks")
