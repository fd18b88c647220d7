"""Tables of the catalogue."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

__all__ = ["LABELS", "METADATA", "OPERATIONS", "RESOURCES", "TASKS"]

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Datasets, encoders, experiments and all else that has a name and a state. What only its service reads is in `spec`
# (asked for) and `result` (came out): adding a field to a resource needs no migration.
RESOURCES = Table(
    "resources",
    METADATA,
    Column("name", String(400), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("parent", String(400), nullable=False),
    Column("uid", String(32), nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("operation", String(200), nullable=False, default=""),
    Column("spec", JSON, nullable=False),
    Column("result", JSON, nullable=False),
    Column("create_time", Float, nullable=False),
    Column("update_time", Float, nullable=False),
    Index(None, "kind", "parent"),
)

OPERATIONS = Table(
    "operations",
    METADATA,
    Column("name", String(200), primary_key=True),
    Column("project", String(80), nullable=False, index=True),
    Column("kind", String(64), nullable=False),
    Column("target", String(400), nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("request_id", String(64), nullable=True),
    Column("state", String(16), nullable=False, index=True),
    Column("cancel_requested", Boolean, nullable=False, default=False),
    Column("progress", JSON, nullable=False),
    Column("stages", JSON, nullable=False),
    Column("error", JSON, nullable=True),
    Column("response", Text, nullable=True),
    Column("owner", String(200), nullable=True),
    Column("heartbeat", Float, nullable=False, default=0.0),
    Column("attempts", Integer, nullable=False, default=0),
    Column("create_time", Float, nullable=False),
    Column("start_time", Float, nullable=True),
    Column("update_time", Float, nullable=False),
    Column("end_time", Float, nullable=True),
    UniqueConstraint("project", "request_id"),
)

# Finished tasks of running operations: what is listed here is not done again after a restart.
TASKS = Table(
    "operation_tasks",
    METADATA,
    Column("operation", String(200), primary_key=True),
    Column("stage", String(64), primary_key=True),
    Column("task", String(200), primary_key=True),
    Column("result", JSON, nullable=True),
)

LABELS = Table(
    "labels",
    METADATA,
    Column("scheme", String(400), primary_key=True),
    Column("dataset", String(400), primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("label", String(200), nullable=False),
    Column("author", String(200), nullable=False),
    Column("time", Float, nullable=False),
)
