"""The label of each expert beside the one in force."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; of what was said before only the last word is known."""
    made = op.create_table(
        "expert_labels",
        sa.Column("scheme", sa.String(400), nullable=False),
        sa.Column("dataset", sa.String(400), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("label", sa.String(200), nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("scheme", "dataset", "row", "author", name="pk_expert_labels"),
    )
    names = made.columns.keys()
    before = sa.table("labels", *(sa.column(name) for name in names))
    op.execute(made.insert().from_select(names, sa.select(*(before.c[name] for name in names))))


def downgrade() -> None:
    """Drop it; the labels in force stay."""
    op.drop_table("expert_labels")
