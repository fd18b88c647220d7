"""Brings records that an earlier version of this software kept to their present form."""

from __future__ import annotations

from sqlalchemy import Connection, and_, or_, select, update

from lse.platform.catalogue.records import RECORDS, Stored
from lse.platform.catalogue.tables import OPERATIONS, RESOURCES

__all__ = ["outdated_records", "upgrade_records"]


def outdated_records(connection: Connection) -> bool:
    """Whether there are records of earlier versions, see `upgrade_records`."""
    outdated = (
        and_(RESOURCES.c.kind == kind, RESOURCES.c.version < record.record_version) for kind, record in RECORDS.items()
    )
    return connection.execute(select(RESOURCES.c.name).where(or_(*outdated)).limit(1)).first() is not None


def upgrade_records(connection: Connection) -> None:
    """Upgrade all records of earlier versions, see `Record.upgrade`; does nothing where there are none."""
    made_by = RESOURCES.outerjoin(OPERATIONS, OPERATIONS.c.name == RESOURCES.c.operation)
    for kind, record in RECORDS.items():
        rows = connection.execute(
            select(RESOURCES, OPERATIONS.c.parameters)
            .select_from(made_by)
            .where(RESOURCES.c.kind == kind, RESOURCES.c.version < record.record_version)
        ).all()
        for row in rows:
            spec, result = record.upgrade(
                Stored(
                    name=row.name,
                    operation=row.operation,
                    create_time=row.create_time,
                    version=row.version,
                    spec=row.spec,
                    result=row.result,
                    parameters=row.parameters or {},
                )
            )
            connection.execute(
                update(RESOURCES)
                .where(RESOURCES.c.name == row.name)
                .values(spec=dict(spec), result=dict(result), version=record.record_version)
            )
