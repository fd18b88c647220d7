"""Projects, their members and quotas, tokens, the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; nobody is a member of anything yet."""
    op.add_column("resources", sa.Column("byte_count", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "projects",
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("title", sa.String(200), nullable=False, server_default=""),
        sa.Column("description", sa.Text(), nullable=False, server_default=""),
        sa.Column("creator", sa.String(200), nullable=False, server_default=""),
        sa.Column("limits", sa.JSON(), nullable=False),
        sa.Column("create_time", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_projects"),
    )
    op.create_table(
        "members",
        sa.Column("project", sa.String(80), nullable=False),
        sa.Column("principal", sa.String(300), nullable=False),
        sa.Column("role", sa.Integer(), nullable=False),
        sa.Column("creator", sa.String(200), nullable=False),
        sa.Column("create_time", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("project", "principal", name="pk_members"),
    )
    op.create_index("ix_members_principal", "members", ["principal"])
    op.create_table(
        "tokens",
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("principal", sa.String(300), nullable=False),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("role", sa.Integer(), nullable=False),
        sa.Column("projects", sa.JSON(), nullable=True),
        sa.Column("creator", sa.String(200), nullable=False),
        sa.Column("create_time", sa.Float(), nullable=False),
        sa.Column("expire_time", sa.Float(), nullable=False),
        sa.Column("last_use_time", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_tokens"),
    )
    op.create_index("ix_tokens_principal", "tokens", ["principal"])
    op.create_table(
        "audit",
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.Column("project", sa.String(80), nullable=False),
        sa.Column("caller", sa.String(200), nullable=False),
        sa.Column("method", sa.String(200), nullable=False),
        sa.Column("resources", sa.JSON(), nullable=False),
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("peer", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_audit"),
    )
    op.create_index("ix_audit_time", "audit", ["time"])
    op.create_index("ix_audit_project_time", "audit", ["project", "time"])


def downgrade() -> None:
    """Drop them."""
    for table in ("audit", "tokens", "members", "projects"):
        op.drop_table(table)
    op.drop_column("resources", "byte_count")
