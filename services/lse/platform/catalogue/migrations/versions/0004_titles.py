"""Titles and descriptions of resources."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; label schemes, which had a title before, keep it there."""
    op.add_column("resources", sa.Column("title", sa.String(200), nullable=False, server_default=""))
    op.add_column("resources", sa.Column("description", sa.Text(), nullable=False, server_default=""))
    resources = sa.table("resources", *map(sa.column, ("name", "kind", "title")), sa.column("spec", sa.JSON))
    connection = op.get_bind()
    schemes = sa.select(resources.c.name, resources.c.spec).where(resources.c.kind == "label scheme")
    for name, stored in connection.execute(schemes).all():
        rest = {key: value for key, value in stored.items() if key != "title"}
        connection.execute(
            resources.update().where(resources.c.name == name).values(title=stored.get("title", ""), spec=rest)
        )


def downgrade() -> None:
    """Drop them."""
    op.drop_column("resources", "description")
    op.drop_column("resources", "title")
