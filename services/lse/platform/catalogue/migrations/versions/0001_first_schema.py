"""First schema: resources, operations, their tasks, labels."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "resources",
        sa.Column("name", sa.String(400), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("parent", sa.String(400), nullable=False),
        sa.Column("uid", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("operation", sa.String(200), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("create_time", sa.Float(), nullable=False),
        sa.Column("update_time", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_resources"),
        sa.UniqueConstraint("uid", name="uq_resources_uid"),
    )
    op.create_index("ix_resources_kind_parent", "resources", ["kind", "parent"])
    op.create_table(
        "operations",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("project", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("target", sa.String(400), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("progress", sa.JSON(), nullable=False),
        sa.Column("stages", sa.JSON(), nullable=False),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.Column("response", sa.Text(), nullable=True),
        sa.Column("owner", sa.String(200), nullable=True),
        sa.Column("heartbeat", sa.Float(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("create_time", sa.Float(), nullable=False),
        sa.Column("start_time", sa.Float(), nullable=True),
        sa.Column("update_time", sa.Float(), nullable=False),
        sa.Column("end_time", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_operations"),
        sa.UniqueConstraint("project", "request_id", name="uq_operations_project_request_id"),
    )
    op.create_index("ix_operations_project", "operations", ["project"])
    op.create_index("ix_operations_state", "operations", ["state"])
    op.create_table(
        "operation_tasks",
        sa.Column("operation", sa.String(200), nullable=False),
        sa.Column("stage", sa.String(64), nullable=False),
        sa.Column("task", sa.String(200), nullable=False),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("operation", "stage", "task", name="pk_operation_tasks"),
    )
    op.create_table(
        "labels",
        sa.Column("scheme", sa.String(400), nullable=False),
        sa.Column("dataset", sa.String(400), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(200), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("scheme", "dataset", "row", name="pk_labels"),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("labels", "operation_tasks", "operations", "resources"):
        op.drop_table(table)
