"""Members of projects, and what a caller may do in one."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from lse.errors import AlreadyExistsError, FailedPreconditionError, InvalidArgumentError, NotFoundError
from lse.filters import Field
from lse.names import MEMBER
from lse.platform.access.remembered import Remembered
from lse.platform.auth import Caller, Role, current_caller
from lse.platform.catalogue.catalogue import Catalogue
from lse.platform.catalogue.queries import FieldColumn, PageRequest, select_page
from lse.platform.catalogue.tables import MEMBERS

__all__ = ["Member", "Members", "check_principal"]

# How long another process may go on with what was true: a member that is removed keeps access for as long.
_SECONDS = 2.0
_PRINCIPAL = re.compile(r"(user|group):[^\s\0][^\0]*|service:[a-z0-9._-]+/[a-z0-9._-]+")
_LONGEST = 300


@dataclass(frozen=True)
class Member:
    """A user, a group or a service account with a role in a project.

    Attributes
    ----------
    project
        Name of the project.
    principal
        Who it is, such as ``user:ada``.
    role
        What it may do.
    creator, create_time
        Who made it a member, and when (seconds since 1970, UTC).
    """

    project: str
    principal: str
    role: Role
    creator: str
    create_time: float

    @property
    def name(self) -> str:
        """Resource name."""
        return MEMBER.format(self.project.split("/")[1], self.principal)


def check_principal(principal: str) -> str:
    """Return a principal that is well formed.

    Raises
    ------
    InvalidArgumentError
        If it is not.
    """
    if len(principal) > _LONGEST or not _PRINCIPAL.fullmatch(principal):
        raise InvalidArgumentError(
            f"'{principal[:80]}' is not a user, a group or a service account: write user:NAME, group:NAME or "
            "service:PROJECT/NAME.",
            reason="PRINCIPAL_INVALID",
        )
    return principal


class Members:
    """The members of all projects of a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._known: Remembered[str, Mapping[str, Role]] = Remembered(self._roles, seconds=_SECONDS)

    def role_of(self, caller: Caller, project: str) -> Role | None:
        """What a caller may do in a project; None for who is not a member, and where there is no such project."""
        scope = caller.scope
        if scope is not None and scope.projects is not None and project not in scope.projects:
            return None
        if project in caller.grants:
            role: Role | None = caller.grants[project]
        elif caller.is_operator:
            return Role.ADMIN
        else:
            known = self._known.of(project)
            role = max((known[each] for each in caller.principals if each in known), default=None)
        return role if role is None or scope is None else min(role, scope.role)

    def projects_of(self, caller: Caller) -> set[str]:
        """Names of the projects that a caller is a member of."""
        query = select(MEMBERS.c.project).where(MEMBERS.c.principal.in_(sorted(caller.principals)))
        with self._catalogue.reading() as connection:
            found = set(connection.execute(query).scalars()) | set(caller.grants)
        return {project for project in found if self.role_of(caller, project) is not None}

    def _roles(self, project: str) -> Mapping[str, Role]:
        query = select(MEMBERS.c.principal, MEMBERS.c.role).where(MEMBERS.c.project == project)
        with self._catalogue.reading() as connection:
            return {principal: Role(role) for principal, role in connection.execute(query)}

    # Administration

    def page(self, project: str, request: PageRequest) -> tuple[list[Member], str]:
        """Page of the members of a project in the order of their principals, and the token of the next page."""
        query = select(MEMBERS).where(MEMBERS.c.project == project)
        columns = {"name": FieldColumn(Field("text"), MEMBERS.c.principal)}
        with self._catalogue.reading() as connection:
            rows = select_page(connection, query, columns, request, scope=f"members {project}")
        return [_member(row) for row in rows.rows], rows.token_after(len(rows.rows))

    def get(self, name: str) -> Member:
        """Member of a name.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        with self._catalogue.reading() as connection:
            return self._get_within(connection, name)

    def create(self, project: str, principal: str, role: Role) -> Member:
        """Make somebody a member.

        Raises
        ------
        InvalidArgumentError
            If the principal is not well formed.
        AlreadyExistsError
            If it is a member already.
        """
        try:
            with self._catalogue.transaction() as connection:
                member = self.create_within(connection, project, principal, role)
        except IntegrityError:
            raise AlreadyExistsError(
                f"{principal} is a member of {project} already: update its role.", reason="NAME_TAKEN", name=principal
            ) from None
        self._known.forget(project)
        return member

    def create_within(self, connection: Connection, project: str, principal: str, role: Role) -> Member:
        """As `create`, inside a transaction."""
        member = Member(project, check_principal(principal), role, current_caller().name, time.time())
        connection.execute(insert(MEMBERS).values(**vars(member)))
        return member

    def update(self, name: str, role: Role) -> Member:
        """Give a member another role; errors as of `delete`."""
        with self._catalogue.transaction() as connection:
            member = self._get_within(connection, name)
            if role < Role.ADMIN:
                self._keep_an_admin(connection, member)
            connection.execute(update(MEMBERS).where(*_is(member)).values(role=int(role)))
            changed = self._get_within(connection, name)
        self._known.forget(member.project)
        return changed

    def delete(self, name: str) -> None:
        """Remove a member.

        Raises
        ------
        NotFoundError
            If there is none of this name.
        FailedPreconditionError
            If it is the last admin of the project.
        """
        with self._catalogue.transaction() as connection:
            member = self._get_within(connection, name)
            self._keep_an_admin(connection, member)
            connection.execute(delete(MEMBERS).where(*_is(member)))
        self._known.forget(member.project)

    def forget(self, project: str) -> None:
        """Look again who the members of a project are."""
        self._known.forget(project)

    def _get_within(self, connection: Connection, name: str) -> Member:
        project, principal = MEMBER.parse(name)
        query = select(MEMBERS).where(MEMBERS.c.project == f"projects/{project}", MEMBERS.c.principal == principal)
        # Locked, so that of two admins who leave at the same moment one stays.
        row = connection.execute(query.with_for_update()).one_or_none()
        if row is None:
            raise NotFoundError(
                f"{principal} is not a member of projects/{project}.", reason="MEMBER_NOT_FOUND", name=name
            )
        return _member(row)

    def _keep_an_admin(self, connection: Connection, member: Member) -> None:
        admins = select(MEMBERS.c.principal).where(MEMBERS.c.project == member.project, MEMBERS.c.role == Role.ADMIN)
        connection.execute(admins.with_for_update()).all()
        count = connection.execute(select(func.count()).select_from(admins.subquery())).scalar_one()
        if member.role is Role.ADMIN and count == 1:
            raise FailedPreconditionError(
                f"{member.principal} is the last admin of {member.project}: make somebody else admin first.",
                reason="ADMIN_MISSING",
            )


def _is(member: Member) -> tuple[Any, Any]:
    return MEMBERS.c.project == member.project, MEMBERS.c.principal == member.principal


def _member(row: Any) -> Member:
    return Member(row.project, row.principal, Role(row.role), row.creator, row.create_time)
