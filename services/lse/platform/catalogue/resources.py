"""Resources in the catalogue: everything that has a name and a state."""

from __future__ import annotations

import base64
import binascii
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sqlalchemy import Connection, Row, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from lse.platform.catalogue.catalogue import Catalogue
from lse.platform.catalogue.tables import LABELS, RESOURCES
from lse.platform.errors import AlreadyExistsError, FailedPreconditionError, InvalidArgumentError, NotFoundError

__all__ = ["Page", "Resource", "Resources", "State"]

State = Literal["creating", "ready", "failed"]

_DEFAULT_PAGE = 100
_LARGEST_PAGE = 1000


@dataclass(frozen=True)
class Resource:
    """A resource as the catalogue keeps it.

    Attributes
    ----------
    name
        Full resource name.
    kind
        Such as ``dataset``.
    parent
        Name of the resource above it.
    uid
        Identifier never used again.
    state
        ``creating``, ``ready`` or ``failed``.
    operation
        Name of the operation that made it.
    spec
        What was asked for.
    result
        What came out; complete once the state is ``ready``.
    create_time, update_time
        Seconds since 1970, UTC.
    """

    name: str
    kind: str
    parent: str
    uid: str = field(default_factory=lambda: uuid.uuid4().hex)
    state: State = "creating"
    operation: str = ""
    spec: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)
    create_time: float = field(default_factory=time.time)
    update_time: float = field(default_factory=time.time)

    @property
    def id(self) -> str:
        """Last part of the name."""
        return self.name.rsplit("/", 1)[1]


@dataclass(frozen=True)
class Page:
    """A page of resources and the token of the next."""

    resources: list[Resource]
    next_page_token: str


class Resources:
    """The resources of a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def get(self, name: str, kind: str) -> Resource:
        """Resource of a name.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        with self._catalogue.transaction() as connection:
            return self.get_within(connection, name, kind)

    def get_ready(self, name: str, kind: str) -> Resource:
        """Resource of a name that can be used.

        Raises
        ------
        NotFoundError
            If there is none.
        FailedPreconditionError
            If it is being made, or its making failed.
        """
        resource = self.get(name, kind)
        if resource.state == "creating":
            raise FailedPreconditionError(
                f"The {kind} '{resource.id}' is still being made: wait for {resource.operation}.",
                reason="NOT_READY",
                name=name,
            )
        if resource.state == "failed":
            raise FailedPreconditionError(
                f"The {kind} '{resource.id}' is not usable since its making failed: make it again.",
                reason="NOT_READY",
                name=name,
            )
        return resource

    def get_within(self, connection: Connection, name: str, kind: str) -> Resource:
        """As `get`, inside a transaction."""
        row = connection.execute(
            select(RESOURCES).where(RESOURCES.c.name == name, RESOURCES.c.kind == kind)
        ).one_or_none()
        if row is None:
            raise NotFoundError(
                f"There is no {kind} named '{name.rsplit('/', 1)[-1]}' in {name.rsplit('/', 2)[0]}.",
                reason=f"{kind.upper().replace(' ', '_')}_NOT_FOUND",
                name=name,
            )
        return _from_row(row)

    def page(self, kind: str, parent: str, *, page_size: int = 0, page_token: str = "") -> Page:
        """Page of the resources below a parent, in the order of their names (AIP-158).

        Raises
        ------
        InvalidArgumentError
            If the page size is negative or the token is none of ours.
        """
        size = page_limit(page_size)
        query = select(RESOURCES).where(RESOURCES.c.kind == kind, RESOURCES.c.parent == parent)
        if page_token:
            query = query.where(RESOURCES.c.name > decode_page_token(page_token))
        with self._catalogue.transaction() as connection:
            rows = connection.execute(query.order_by(RESOURCES.c.name).limit(size + 1)).all()
        found = [_from_row(row) for row in rows[:size]]
        return Page(found, encode_page_token(found[-1].name) if len(rows) > size else "")

    def below(self, name: str) -> list[Resource]:
        """All resources whose names lie below one."""
        with self._catalogue.transaction() as connection:
            rows = connection.execute(
                select(RESOURCES).where(RESOURCES.c.name.startswith(name + "/", autoescape=True))
            ).all()
        return [_from_row(row) for row in rows]

    def made_from(self, name: str) -> list[Resource]:
        """Resources of the project whose spec names this one as ``dataset`` or ``encoder``."""
        with self._catalogue.transaction() as connection:
            rows = connection.execute(
                select(RESOURCES).where(
                    or_(
                        RESOURCES.c.spec["dataset"].as_string() == name,
                        RESOURCES.c.spec["encoder"].as_string() == name,
                    )
                )
            ).all()
        return [_from_row(row) for row in rows]

    def projects(self) -> list[tuple[str, float]]:
        """Names of all projects and when their first resource was made."""
        with self._catalogue.transaction() as connection:
            rows = connection.execute(select(RESOURCES.c.name, RESOURCES.c.create_time)).all()
        first: dict[str, float] = {}
        for name, created in rows:
            project = "/".join(name.split("/")[:2])
            first[project] = min(created, first.get(project, created))
        return sorted(first.items())

    def create(self, resource: Resource) -> Resource:
        """Keep a new resource.

        Raises
        ------
        AlreadyExistsError
            If the name is taken by one that is usable or being made; a failed one is replaced.
        """
        try:
            with self._catalogue.transaction() as connection:
                return self.create_within(connection, resource)
        except IntegrityError:
            # Another process took the name between our look and our write.
            raise _taken(resource) from None

    def create_within(self, connection: Connection, resource: Resource) -> Resource:
        """As `create`, inside a transaction."""
        state = connection.execute(
            select(RESOURCES.c.state).where(RESOURCES.c.name == resource.name)
        ).scalar_one_or_none()
        if state == "failed":
            connection.execute(delete(RESOURCES).where(RESOURCES.c.name == resource.name))
        elif state is not None:
            raise _taken(resource)
        connection.execute(insert(RESOURCES).values(**_to_values(resource)))
        return resource

    def save(self, resource: Resource) -> Resource:
        """Keep changed `spec`, `result` and `state` of a resource."""
        with self._catalogue.transaction() as connection:
            return self.save_within(connection, resource)

    def change(self, name: str, kind: str, result: Callable[[Resource], Mapping[str, Any]]) -> Resource:
        """Keep a new result of a resource, worked out from what it is at this moment.

        Raises
        ------
        NotFoundError
            If there is none of this name.
        """
        with self._catalogue.transaction() as connection:
            connection.execute(select(RESOURCES.c.uid).where(RESOURCES.c.name == name).with_for_update())
            latest = self.get_within(connection, name, kind)
            return self.save_within(connection, replace(latest, result=dict(result(latest))))

    def save_within(self, connection: Connection, resource: Resource) -> Resource:
        """As `save`, inside a transaction."""
        saved = replace(resource, update_time=time.time())
        connection.execute(update(RESOURCES).where(RESOURCES.c.uid == resource.uid).values(**_to_values(saved)))
        return saved

    def delete(self, name: str) -> None:
        """Forget a resource, all below it and its labels; the bulk data are the caller's to remove afterwards."""
        doomed = select(RESOURCES.c.uid).where(RESOURCES.c.name == name)
        with self._catalogue.transaction() as connection:
            connection.execute(delete(LABELS).where(LABELS.c.dataset.in_(doomed)))
            connection.execute(
                delete(RESOURCES).where(
                    or_(RESOURCES.c.name == name, RESOURCES.c.name.startswith(name + "/", autoescape=True))
                )
            )

    def uids(self) -> set[str]:
        """Identifiers of all resources."""
        with self._catalogue.transaction() as connection:
            return set(connection.execute(select(RESOURCES.c.uid)).scalars())


def _taken(resource: Resource) -> AlreadyExistsError:
    article = "An" if resource.kind[0] in "aeiou" else "A"
    return AlreadyExistsError(
        f"{article} {resource.kind} named '{resource.id}' exists: choose another name or delete it first.",
        reason="NAME_TAKEN",
        name=resource.name,
    )


def page_limit(page_size: int) -> int:
    """Number of results on a page for the size asked for (AIP-158)."""
    if page_size < 0:
        raise InvalidArgumentError(
            f"The page size {page_size} is negative: give 0 for the default.", reason="INVALID_PAGE_SIZE"
        )
    return min(page_size or _DEFAULT_PAGE, _LARGEST_PAGE)


def encode_page_token(last: str) -> str:
    """Opaque token of the page after a key."""
    return base64.urlsafe_b64encode(last.encode()).decode()


def decode_page_token(token: str) -> str:
    """Key after which the page of a token begins."""
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error) as error:
        raise InvalidArgumentError(
            "The page token is none of this service: start again without one.", reason="INVALID_PAGE_TOKEN"
        ) from error


def _to_values(resource: Resource) -> dict[str, Any]:
    return {
        "name": resource.name,
        "kind": resource.kind,
        "parent": resource.parent,
        "uid": resource.uid,
        "state": resource.state,
        "operation": resource.operation,
        "spec": dict(resource.spec),
        "result": dict(resource.result),
        "create_time": resource.create_time,
        "update_time": resource.update_time,
    }


def _from_row(row: Row[Any]) -> Resource:
    return Resource(**row._mapping)  # noqa: SLF001  # the documented way to a row's mapping
