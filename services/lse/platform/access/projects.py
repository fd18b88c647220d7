"""Projects: what can be shared with members."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, exists, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from lse.errors import AlreadyExistsError, FailedPreconditionError, NotFoundError
from lse.names import PROJECT
from lse.platform.access.members import Members
from lse.platform.auth import Caller, Role, current_caller
from lse.platform.catalogue.catalogue import Catalogue
from lse.platform.catalogue.resources import Resources
from lse.platform.catalogue.tables import MEMBERS, OPERATIONS, PROJECTS, RESOURCES, TOKENS

__all__ = ["Project", "Projects", "no_project"]


@dataclass(frozen=True)
class Project:
    """A project.

    Attributes
    ----------
    name
        Resource name.
    title, description
        What people call it, and say about it.
    creator, create_time
        Who made it, and when (seconds since 1970, UTC).
    limits
        What it may use where that differs from the installation's: limits by their names, None for no limit.
    """

    name: str
    title: str = ""
    description: str = ""
    creator: str = ""
    create_time: float = 0.0
    limits: Mapping[str, int | None] = field(default_factory=dict)


def no_project(name: str) -> NotFoundError:
    """Error for who asks for a project that is not there, or not for them: nobody can tell these apart."""
    project = "/".join(name.split("/")[:2])
    return NotFoundError(
        f"There is no {project} that you are a member of: correct the name, or ask an admin of the project.",
        reason="PROJECT_NOT_FOUND",
        name=project,
    )


class Projects:
    """The projects of a catalogue."""

    def __init__(self, catalogue: Catalogue, members: Members) -> None:
        self._catalogue = catalogue
        self._resources = Resources(catalogue)
        self._members = members

    def visible(self, caller: Caller) -> list[Project]:
        """Projects that a caller may see, by their names: where it is a member, all for who administers all."""
        with self._catalogue.reading() as connection:
            made = {row.name: _project(row) for row in connection.execute(select(PROJECTS))}
        found = {name: Project(name, create_time=created) for name, created in self._resources.projects()} | made
        if not caller.is_operator:
            mine = self._members.projects_of(caller)
            found = {name: project for name, project in found.items() if name in mine}
        return [found[name] for name in sorted(found)]

    def get(self, name: str) -> Project:
        """Project of a name.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        PROJECT.parse(name)
        with self._catalogue.reading() as connection:
            row = connection.execute(select(PROJECTS).where(PROJECTS.c.name == name)).one_or_none()
            if row is not None:
                return _project(row)
            # Without a login a project comes to be with its first resource.
            below = RESOURCES.c.name.startswith(f"{name}/", autoescape=True)
            first = connection.execute(select(RESOURCES.c.create_time).where(below).order_by("create_time")).first()
        if first is None:
            raise no_project(name)
        return Project(name, create_time=first.create_time)

    def create(self, project_id: str, *, title: str = "", description: str = "") -> Project:
        """Make a project, whose admin is the caller.

        Raises
        ------
        AlreadyExistsError
            If there is one of this name.
        """
        caller = current_caller()
        made = Project(PROJECT.format(PROJECT.check(project_id)), title, description, caller.name, time.time())
        try:
            with self._catalogue.transaction() as connection:
                connection.execute(insert(PROJECTS).values(**vars(made)))
                for principal in sorted(each for each in caller.principals if not each.startswith("group:")):
                    self._members.create_within(connection, made.name, principal, Role.ADMIN)
        except IntegrityError:
            raise AlreadyExistsError(
                f"There is a project '{project_id}' already: choose another name.", reason="NAME_TAKEN", name=made.name
            ) from None
        self._members.forget(made.name)
        return made

    def update(self, name: str, **values: Any) -> Project:
        """Change title, description or limits of a project; errors as of `get`."""
        known = self.get(name)
        with self._catalogue.transaction() as connection:
            if not connection.execute(update(PROJECTS).where(PROJECTS.c.name == name).values(**values)).rowcount:
                connection.execute(insert(PROJECTS).values(**{**vars(known), **values}))
        return self.get(name)

    def delete(self, name: str) -> None:
        """Delete an empty project with its members and the tokens of its service accounts.

        Raises
        ------
        NotFoundError
            If there is none.
        FailedPreconditionError
            If it still has resources or operations.
        """
        self.get(name)
        with self._catalogue.transaction() as connection:
            resources = exists().where(RESOURCES.c.name.startswith(f"{name}/", autoescape=True))
            running = exists().where(OPERATIONS.c.project == name, OPERATIONS.c.end_time.is_(None))
            if connection.execute(select(or_(resources, running))).scalar_one():
                raise FailedPreconditionError(
                    f"{name} still has resources: delete them first.", reason="PROJECT_IN_USE", name=name
                )
            # A new project of this name must not inherit anything.
            connection.execute(delete(OPERATIONS).where(OPERATIONS.c.project == name))
            connection.execute(delete(MEMBERS).where(MEMBERS.c.project == name))
            accounts = TOKENS.c.principal.startswith(f"service:{name.split('/')[1]}/", autoescape=True)
            connection.execute(delete(TOKENS).where(accounts))
            connection.execute(delete(PROJECTS).where(PROJECTS.c.name == name))
        self._members.forget(name)


def _project(row: Any) -> Project:
    return Project(row.name, row.title, row.description, row.creator, row.create_time, row.limits)
