"""Tables of the catalogue."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

__all__ = [
    "AUDIT",
    "DISCARDS",
    "EXPERT_LABELS",
    "LABELS",
    "MEMBERS",
    "METADATA",
    "OPERATIONS",
    "PROJECTS",
    "REMARKS",
    "RESOURCES",
    "TASKS",
    "TOKENS",
]

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Datasets, encoders, experiments and all else that has a name and a state. The models in `records` read and write
# `spec` (asked for) and `result` (came out), and bring those of an earlier `version` to theirs: a new field needs no
# migration.
RESOURCES = Table(
    "resources",
    METADATA,
    Column("name", String(400), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("parent", String(400), nullable=False),
    Column("uid", String(32), nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("operation", String(200), nullable=False, default=""),
    Column("creator", String(200), nullable=False, server_default=""),
    Column("title", String(200), nullable=False, server_default=""),
    Column("description", Text, nullable=False, server_default=""),
    Column("version", Integer, nullable=False, server_default="0"),
    Column("spec", JSON, nullable=False),
    Column("result", JSON, nullable=False),
    Column("byte_count", BigInteger, nullable=False, server_default="0"),
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
    Column("request_digest", String(64), nullable=False, server_default=""),
    Column("creator", String(200), nullable=False, server_default=""),
    Column("call_id", String(128), nullable=False, server_default=""),
    Column("state", String(16), nullable=False, index=True),
    Column("cancel_requested", Boolean, nullable=False, default=False),
    Column("progress", JSON, nullable=False),
    Column("stages", JSON, nullable=False),
    Column("error", JSON, nullable=True),
    Column("response", Text, nullable=True),
    Column("owner", String(200), nullable=True),
    Column("heartbeat", Float, nullable=False, default=0.0),
    Column("attempts", Integer, nullable=False, default=0),
    Column("losses", Integer, nullable=False, default=0, server_default="0"),
    Column("lost_at", JSON, nullable=True),
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

# Bulk data that nothing names any more, until they are gone: of a resource (its uid), or a file or folder (its URI).
DISCARDS = Table(
    "discards",
    METADATA,
    Column("what", String(400), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("time", Float, nullable=False),
)

# Label in force of each image: the newest of those below.
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

# Label of each expert, also where another one said something else later.
EXPERT_LABELS = Table(
    "expert_labels",
    METADATA,
    Column("scheme", String(400), primary_key=True),
    Column("dataset", String(400), primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("author", String(200), primary_key=True),
    Column("label", String(200), nullable=False),
    Column("time", Float, nullable=False),
)

# What experts say of single images beside classes: interest from 0 to 5, tags, a note.
REMARKS = Table(
    "remarks",
    METADATA,
    Column("dataset", String(400), primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("interest", Integer, nullable=True),
    Column("tags", JSON, nullable=False),
    Column("note", Text, nullable=False),
    Column("author", String(200), nullable=False),
    Column("time", Float, nullable=False),
)

# Projects that somebody created; where nobody has to log in, others come to be with their first resource.
PROJECTS = Table(
    "projects",
    METADATA,
    Column("name", String(80), primary_key=True),
    Column("title", String(200), nullable=False, server_default=""),
    Column("description", Text, nullable=False, server_default=""),
    Column("creator", String(200), nullable=False, server_default=""),
    Column("limits", JSON, nullable=False),
    Column("create_time", Float, nullable=False),
)

MEMBERS = Table(
    "members",
    METADATA,
    Column("project", String(80), primary_key=True),
    Column("principal", String(300), primary_key=True),
    Column("role", Integer, nullable=False),
    Column("creator", String(200), nullable=False),
    Column("create_time", Float, nullable=False),
    Index(None, "principal"),
)

# Of a secret only its digest is kept.
TOKENS = Table(
    "tokens",
    METADATA,
    Column("name", String(80), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("principal", String(300), nullable=False, index=True),
    Column("groups", JSON, nullable=False),
    Column("title", String(200), nullable=False),
    Column("role", Integer, nullable=False),
    Column("projects", JSON, nullable=True),
    Column("creator", String(200), nullable=False),
    Column("create_time", Float, nullable=False),
    Column("expire_time", Float, nullable=False),
    Column("last_use_time", Float, nullable=True),
)

# One row a call and project that it names; a call that names none has one with an empty project.
AUDIT = Table(
    "audit",
    METADATA,
    Column("name", String(80), primary_key=True),
    Column("time", Float, nullable=False, index=True),
    Column("project", String(80), nullable=False),
    Column("caller", String(200), nullable=False),
    Column("method", String(200), nullable=False),
    Column("resources", JSON, nullable=False),
    Column("code", String(32), nullable=False),
    Column("peer", String(200), nullable=False),
    Index(None, "project", "time"),
)
