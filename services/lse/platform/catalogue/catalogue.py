"""The database itself: connections, transactions, migrations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from lse.platform.errors import InvalidArgumentError, ResourceExhaustedError, UnavailableError

__all__ = ["Catalogue"]


class Catalogue:
    """A catalogue database.

    Parameters
    ----------
    url
        SQLAlchemy URL, ``sqlite:///…`` or ``postgresql+psycopg://…``.
    """

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self.dialect = self._url.get_backend_name()
        if self.dialect not in ("sqlite", "postgresql"):
            raise InvalidArgumentError(
                f"The catalogue cannot be kept in '{self.dialect}': give a sqlite:/// or postgresql+psycopg:// URL.",
                reason="UNSUPPORTED_CATALOGUE",
            )
        if self.dialect == "sqlite":
            self._engine = create_engine(self._url, connect_args={"timeout": 60, "check_same_thread": False})
            event.listen(self._engine, "connect", _set_sqlite_pragmas)
            event.listen(self._engine, "begin", _begin_immediate)
        else:
            self._engine = create_engine(self._url, pool_pre_ping=True, pool_size=10, max_overflow=20)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Connection whose changes are kept together at the end, or not at all.

        Raises
        ------
        ResourceExhaustedError
            If the disk is full.
        UnavailableError
            If the database cannot be reached.
        """
        try:
            with self._engine.begin() as connection:
                yield connection
        except OperationalError as error:
            raise _translated(error) from error

    def migrate(self) -> None:
        """Bring the schema to the newest version; does nothing where it is."""
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
        with self.transaction() as connection:
            if self.dialect == "postgresql":
                # Replicas start together; one migrates, the others wait for it.
                connection.execute(text("SELECT pg_advisory_xact_lock(7164501)"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _set_sqlite_pragmas(connection: Any, record: object) -> None:
    del record
    # The driver's own transaction handling is switched off: see `_begin_immediate`.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    # A deferred transaction that reads and then writes fails at once when another writer came between;
    # an immediate one waits its turn.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _translated(error: DBAPIError) -> Exception:
    message = str(error.orig)
    if "full" in message.lower() or "no space" in message.lower():
        return ResourceExhaustedError("The disk of the catalogue is full: make room and try again.", reason="DISK_FULL")
    return UnavailableError(
        f"The catalogue database does not answer ({message.splitlines()[0]}): check that it runs and try again.",
        reason="CATALOGUE_UNAVAILABLE",
    )
