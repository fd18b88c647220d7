"""The database itself: connections, transactions, migrations."""

from __future__ import annotations

import select
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from lse.errors import FailedPreconditionError, InvalidArgumentError, ResourceExhaustedError, UnavailableError
from lse.platform.catalogue.records.upgrade import outdated_records, upgrade_records
from lse.platform.config import Settings
from lse.platform.outages import count_failure

__all__ = ["Catalogue", "migrate"]

# A server that a cut network hides refuses nothing and closes nothing: after so long without a word it counts as away.
_POSTGRESQL = {
    "connect_timeout": 10,
    "tcp_user_timeout": 20_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
# Option of a connection that only reads.
_READING = "lse_reading"


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
                reason="DATABASE_UNSUPPORTED",
            )
        if self.dialect == "sqlite":
            self._engine = create_engine(self._url, connect_args={"timeout": 60, "check_same_thread": False})
            event.listen(self._engine, "connect", _set_sqlite_pragmas)
            event.listen(self._engine, "begin", _begin)
        else:
            self._engine = create_engine(
                self._url,
                pool_size=10,
                max_overflow=20,
                connect_args={key: value for key, value in _POSTGRESQL.items() if key not in self._url.query},
            )
            event.listen(self._engine, "checkout", _refuse_closed)

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
        with _translating(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Connection that only reads, all of it as at one moment in SQLite; errors as of `transaction`.

        It neither waits for those who change something nor lets them wait.
        """
        with _translating(), self._engine.connect() as connection:
            yield connection.execution_options(**{_READING: True})

    def migrate(self) -> str:
        """Bring schema and records to the newest version; does nothing where they are. Returns that of the schema.

        Raises
        ------
        FailedPreconditionError
            If a newer version of this software has migrated the database.
        """
        config = _migrations()
        with self.transaction() as connection:
            if self.dialect == "postgresql":
                # Replicas start together; one migrates, the others wait for it.
                connection.execute(text("SELECT pg_advisory_xact_lock(7164501)"))
            self._version(connection)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            upgrade_records(connection)
            return self._version(connection)

    def require_schema(self) -> None:
        """Raise FailedPreconditionError unless schema and records are the ones that this software knows."""
        with self.transaction() as connection:
            newest = ScriptDirectory.from_config(_migrations()).get_current_head()
            if self._version(connection) != newest or outdated_records(connection):
                raise FailedPreconditionError(
                    "The schema of the catalogue is older than this software: make a backup, stop all processes that "
                    "use it, run `lse migrate`, and start again.",
                    reason="DATABASE_TOO_OLD",
                )

    def _version(self, connection: Connection) -> str:
        """Version of the schema, empty in an empty database; one that is known here."""
        version = MigrationContext.configure(connection).get_current_revision() or ""
        known = {script.revision for script in ScriptDirectory.from_config(_migrations()).walk_revisions()}
        if version and version not in known:
            raise FailedPreconditionError(
                f"The schema of the catalogue ({version}) is newer than this software: install the version that "
                "migrated it, or restore the backup made before.",
                reason="DATABASE_TOO_NEW",
            )
        return version

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def migrate(settings: Settings) -> str:
    """Bring the schema of the catalogue of these settings to the newest version, which is returned.

    Raises
    ------
    FailedPreconditionError
        If no catalogue is set, or a newer version of this software has migrated it.
    """
    settings.require("catalogue_url")
    with closing(Catalogue(settings.catalogue_url)) as catalogue:
        return catalogue.migrate()


def _migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    return config


def _refuse_closed(connection: Any, record: object, proxy: object) -> None:
    """Have the pool connect anew where the server has closed a connection that waited, or is silent.

    An idle connection has something to read then.  To ask the server each time (``pool_pre_ping``) is a round trip and
    a transaction more for each that is wanted.
    """
    del record, proxy
    if not connection.closed:
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        if not poll.poll(0):
            return
    raise InvalidatePoolError


def _set_sqlite_pragmas(connection: Any, record: object) -> None:
    del record
    # The driver's own transaction handling is switched off: see `_begin`.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get(_READING):
        connection.exec_driver_sql("BEGIN")
        return
    # A deferred transaction that reads and then writes fails at once when another writer came between;
    # an immediate one waits its turn.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def _translating() -> Iterator[None]:
    """Turn what a database raises into our errors."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise _translated(error) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise _translated(error) from error
        raise
    except PoolTimeoutError as error:
        raise _unavailable("all its connections are in use") from error


def _translated(error: DBAPIError) -> Exception:
    message = str(error.orig)
    if "full" in message.lower() or "no space" in message.lower():
        return ResourceExhaustedError("The disk of the catalogue is full: make room and try again.", reason="DISK_FULL")
    return _unavailable(message.splitlines()[0])


def _unavailable(why: str) -> UnavailableError:
    count_failure("catalogue")
    return UnavailableError(
        f"The catalogue database does not answer ({why}): check that it runs and try again.",
        reason="DATABASE_UNAVAILABLE",
    )
