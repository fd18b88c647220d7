"""Resources in the catalogue: everything that has a name and a state."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Select, bindparam, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from lse.errors import AlreadyExistsError, NotFoundError
from lse.platform.auth import current_caller
from lse.platform.catalogue.catalogue import Catalogue
from lse.platform.catalogue.discards import PAYLOAD, Discard, remember
from lse.platform.catalogue.fields import record_columns
from lse.platform.catalogue.pages import LARGEST_PAGE
from lse.platform.catalogue.queries import PageRequest, Rows, select_page
from lse.platform.catalogue.records import RECORDS, Record
from lse.platform.catalogue.tables import EXPERT_LABELS, LABELS, REMARKS, RESOURCES

__all__ = ["Page", "Resources"]

# What the vectors of their experiment carry something of.
_CARRIED = ("clustering", "prediction")
RecordT = TypeVar("RecordT", bound=Record[Any, Any])

# Made once: to build a query takes as long as to answer it.
_ONE = select(RESOURCES).where(RESOURCES.c.name == bindparam("wanted"), RESOURCES.c.kind == bindparam("of"))
_CHANGED = select(RESOURCES.c.name, RESOURCES.c.uid, RESOURCES.c.update_time).where(
    RESOURCES.c.name.in_(bindparam("names", expanding=True))
)


@dataclass(frozen=True)
class Page(Generic[RecordT]):
    """A page of resources."""

    records: list[RecordT]
    _rows: Rows

    @property
    def next_page_token(self) -> str:
        """Token of the next page; empty on the last."""
        return self.token_after(len(self.records))

    def token_after(self, count: int) -> str:
        """Token of the page after the first so many of these."""
        return self._rows.token_after(count)


class Resources:
    """The resources of a catalogue, each as the record of its kind.

    Examples
    --------
    >>> dataset = resources.get_ready("projects/p/datasets/d", DatasetRecord)  # doctest: +SKIP
    >>> dataset.result.images_uri  # doctest: +SKIP
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def get(self, name: str, kind: type[RecordT]) -> RecordT:
        """Resource of a name.

        Raises
        ------
        InvalidArgumentError
            If it is not the name of one of this kind.
        NotFoundError
            If there is none.
        """
        with self._catalogue.reading() as connection:
            return self.get_within(connection, name, kind)

    def any(self, name: str) -> Record[Any, Any]:
        """Resource of a name, of whatever kind; raises `NotFoundError` where there is none."""
        found = self._select(select(RESOURCES).where(RESOURCES.c.name == name))
        if not found:
            raise NotFoundError(f"There is no '{name}' any more.", reason="RESOURCE_NOT_FOUND", name=name)
        return found[0]

    def failed(self, project: str = "") -> list[Record[Any, Any]]:
        """Resources of a project, of all projects when it is empty, that could not be made."""
        query = select(RESOURCES).where(RESOURCES.c.state == "failed").order_by(RESOURCES.c.name)
        mine = RESOURCES.c.name.startswith(f"{project}/", autoescape=True)
        return self._select(query.where(mine) if project else query)

    def get_ready(self, name: str, kind: type[RecordT]) -> RecordT:
        """Resource of a name that can be used.

        Raises
        ------
        InvalidArgumentError, NotFoundError
            As of `get`.
        FailedPreconditionError
            If it is being made, or its making failed.
        """
        record = self.get(name, kind)
        record.result  # noqa: B018  # raises where there is none
        return record

    def changed_when(self, names: Collection[str]) -> dict[str, tuple[str, float]]:
        """The uid of each resource of these names that there is, and when it last changed."""
        with self._catalogue.reading() as connection:
            found = connection.execute(_CHANGED, {"names": list(names)})
            return {name: (uid, changed) for name, uid, changed in found}

    def get_within(self, connection: Connection, name: str, kind: type[RecordT], *, lock: bool = False) -> RecordT:
        """As `get`, inside a transaction, to whose end nobody else changes it if it is locked."""
        kind.pattern.parse(name)
        query = _ONE.with_for_update() if lock else _ONE
        row = connection.execute(query, {"wanted": name, "of": kind.kind}).mappings().one_or_none()
        if row is None:
            raise NotFoundError(
                f"There is no {kind.kind} named '{name.rsplit('/', 1)[-1]}' in {name.rsplit('/', 2)[0]}.",
                reason=f"{kind.kind.upper().replace(' ', '_')}_NOT_FOUND",
                name=name,
            )
        return kind.from_row(dict(row))

    def page(
        self,
        kind: type[RecordT],
        parent: str,
        request: PageRequest = PageRequest(),  # noqa: B008  # it is immutable
        *,
        fields: Collection[str] | None = None,
    ) -> Page[RecordT]:
        """Page of the resources below a parent (AIP-132, AIP-158), in the order of their names where none is asked for.

        Parameters
        ----------
        kind, parent
            What is listed.
        request
            Page, filter and order.
        fields
            Fields that filter and order may name; all with a single value where not given.

        Raises
        ------
        InvalidArgumentError
            If the request is wrong.
        """
        columns = record_columns(kind)
        if fields is not None:
            columns = {name: column for name, column in columns.items() if name in fields}
        query = select(RESOURCES).where(RESOURCES.c.kind == kind.kind, RESOURCES.c.parent == parent)
        with self._catalogue.reading() as connection:
            rows = select_page(connection, query, columns, request, scope=f"{kind.kind} {parent}")
        return Page([kind.from_row(row._asdict()) for row in rows.rows], rows)

    def all(self, kind: type[RecordT], parent: str) -> Iterator[RecordT]:
        """All resources of a kind below a parent, in the order of their names."""
        token = ""
        while True:
            page = self.page(kind, parent, PageRequest(LARGEST_PAGE, token))
            yield from page.records
            token = page.next_page_token
            if not token:
                return

    def below(self, name: str) -> list[Record[Any, Any]]:
        """All resources whose names lie below one."""
        return self._select(select(RESOURCES).where(RESOURCES.c.name.startswith(name + "/", autoescape=True)))

    def made_from(self, name: str) -> list[Record[Any, Any]]:
        """Resources of the project whose spec names this one as ``dataset`` or ``encoder``."""
        return self._select(
            select(RESOURCES).where(
                or_(
                    RESOURCES.c.spec["dataset"].as_string() == name,
                    RESOURCES.c.spec["encoder"].as_string() == name,
                )
            )
        )

    def _select(self, query: Select[Any]) -> list[Record[Any, Any]]:
        with self._catalogue.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [RECORDS[row["kind"]].from_row(dict(row)) for row in rows]

    def projects(self) -> list[tuple[str, float]]:
        """Names of all projects and when their first resource was made."""
        with self._catalogue.reading() as connection:
            rows = connection.execute(select(RESOURCES.c.name, RESOURCES.c.create_time)).all()
        first: dict[str, float] = {}
        for name, created in rows:
            project = "/".join(name.split("/")[:2])
            first[project] = min(created, first.get(project, created))
        return sorted(first.items())

    def measured(self, uid: str, byte_count: int) -> None:
        """Keep how many bytes of bulk data a resource has."""
        with self._catalogue.transaction() as connection:
            connection.execute(update(RESOURCES).where(RESOURCES.c.uid == uid).values(byte_count=byte_count))

    def create(self, record: RecordT) -> RecordT:
        """Keep a new resource.

        Raises
        ------
        AlreadyExistsError
            If the name is taken by one that is usable or being made; a failed one is replaced.
        """
        try:
            with self._catalogue.transaction() as connection:
                return self.create_within(connection, record)
        except IntegrityError:
            # Another process took the name between our look and our write.
            raise _taken(record) from None

    def create_within(self, connection: Connection, record: RecordT) -> RecordT:
        """As `create`, inside a transaction."""
        earlier = connection.execute(
            select(RESOURCES.c.state, RESOURCES.c.uid, RESOURCES.c.kind).where(RESOURCES.c.name == record.name)
        ).one_or_none()
        if earlier is not None:
            if earlier.state != "failed":
                raise _taken(record)
            connection.execute(delete(RESOURCES).where(RESOURCES.c.name == record.name))
            remember(connection, [Discard(earlier.uid, earlier.kind)])
        created = record.model_copy(update={"creator": current_caller().name})
        connection.execute(insert(RESOURCES).values(**created.to_row()))
        return created

    def change(
        self,
        name: str,
        kind: type[RecordT],
        change: Callable[[RecordT], RecordT],
        *,
        check: Callable[[Connection, RecordT], None] | None = None,
    ) -> RecordT:
        """Keep a changed resource, worked out from what it is at this moment.

        Parameters
        ----------
        name, kind
            The resource.
        change
            Makes the changed one.
        check
            Raises if the changed one must not be, by what else the catalogue holds.

        Raises
        ------
        NotFoundError
            If there is none of this name.
        """
        with self._catalogue.transaction() as connection:
            changed = change(self.get_within(connection, name, kind, lock=True))
            if check is not None:
                check(connection, changed)
            return self.save_within(connection, changed)

    def save_within(self, connection: Connection, record: RecordT) -> RecordT:
        """Keep changed `spec`, `made` and `state` of a resource, inside a transaction."""
        saved = record.model_copy(update={"update_time": time.time()})
        connection.execute(update(RESOURCES).where(RESOURCES.c.uid == record.uid).values(**saved.to_row()))
        return saved

    def delete(self, name: str) -> list[Discard]:
        """Forget a resource, all below it, its labels and remarks; its bulk data are remembered until they are gone."""
        doomed = select(RESOURCES.c.uid).where(RESOURCES.c.name == name)
        named = or_(RESOURCES.c.name == name, RESOURCES.c.name.startswith(name + "/", autoescape=True))
        with self._catalogue.transaction() as connection:
            # Whoever sets labels of it at this moment is waited for.
            connection.execute(doomed.with_for_update())
            for said in (LABELS, EXPERT_LABELS):
                connection.execute(delete(said).where(or_(said.c.dataset.in_(doomed), said.c.scheme.in_(doomed))))
            connection.execute(delete(REMARKS).where(REMARKS.c.dataset.in_(doomed)))
            rows = connection.execute(select(RESOURCES.c.uid, RESOURCES.c.kind).where(named)).all()
            discards = [Discard(row.uid, row.kind) for row in rows]
            if any(row.kind in _CARRIED for row in rows) and (experiment := _uid_of_parent(connection, name)):
                discards.append(Discard(f"{experiment}/{name}", PAYLOAD))
            remember(connection, discards)
            connection.execute(delete(RESOURCES).where(named))
        return discards

    def exists(self, name: str) -> bool:
        """Whether a resource has this name, in whatever state."""
        with self._catalogue.reading() as connection:
            return connection.execute(select(RESOURCES.c.uid).where(RESOURCES.c.name == name)).first() is not None

    def uids(self) -> set[str]:
        """Identifiers of all resources."""
        with self._catalogue.reading() as connection:
            return set(connection.execute(select(RESOURCES.c.uid)).scalars())


def _uid_of_parent(connection: Connection, name: str) -> str | None:
    """Identifier of the resource that another is part of."""
    parent = name.rsplit("/", 2)[0]
    return connection.execute(select(RESOURCES.c.uid).where(RESOURCES.c.name == parent)).scalar_one_or_none()


def _taken(record: Record[Any, Any]) -> AlreadyExistsError:
    article = record.pattern.article.capitalize()
    return AlreadyExistsError(
        f"{article} {record.kind} named '{record.id}' exists: choose another name or delete it first.",
        reason="NAME_TAKEN",
        name=record.name,
    )
