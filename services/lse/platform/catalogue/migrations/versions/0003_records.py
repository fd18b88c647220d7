"""Versions of records, and digests of requests."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; what was kept before is of version 0, and `upgrade_records` brings it to the present one."""
    op.add_column("resources", sa.Column("version", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("operations", sa.Column("request_digest", sa.String(64), nullable=False, server_default=""))
    # A training asked for before goes on with what was asked for: the seed is one of the parameters now.
    operations = sa.table("operations", sa.column("name"), sa.column("kind"), sa.column("parameters", sa.JSON))
    connection = op.get_bind()
    for row in connection.execute(sa.select(operations).where(operations.c.kind == "RetrainEncoder")).all():
        dataset, settings, seed = (row.parameters.get(key) for key in ("dataset", "settings", "seed"))
        connection.execute(
            sa.update(operations)
            .where(operations.c.name == row.name)
            .values(parameters={"dataset": dataset or "", "parameters": {**(settings or {}), "seed": seed or 0}})
        )


def downgrade() -> None:
    """Drop them."""
    op.drop_column("operations", "request_digest")
    op.drop_column("resources", "version")
