"""Who may call what: the one place that decides, before a method sees its request."""

from __future__ import annotations

from lse.errors import FailedPreconditionError, InvalidArgumentError, PermissionDeniedError
from lse.platform.access.access import Access
from lse.platform.access.projects import no_project
from lse.platform.auth import Caller, Role
from lse.platform.rpc.requirements import Need, projects_of

__all__ = ["Gate"]


class Gate:
    """Decides by what the API declares, and denies what it does not declare.

    Parameters
    ----------
    access
        Members of projects.
    read_only
        Whether nothing may be changed.
    """

    def __init__(self, access: Access, *, read_only: bool = False) -> None:
        self._access = access
        self._read_only = read_only

    def admit(self, need: Need | None, caller: Caller, method: str) -> Need:
        """Check what does not depend on the request.

        Raises
        ------
        PermissionDeniedError
            If the method declares nothing, or is for operators and the caller is none.
        FailedPreconditionError
            If it changes something and nothing may be changed.
        """
        if need is None:
            raise PermissionDeniedError(
                f"{method} does not declare who may call it, so nobody may: this is a fault of the service.",
                reason="METHOD_NOT_ALLOWED",
            )
        if need.level == "operator" and not caller.is_operator:
            raise PermissionDeniedError(
                f"{_short(need)} is for operators of the whole installation: ask one.", reason="ROLE_NOT_ALLOWED"
            )
        if need.changes and self._read_only:
            raise FailedPreconditionError(
                f"{_short(need)} would change something, and the services were started to read only (read_only): start "
                "them without it.",
                reason="CHANGES_NOT_ALLOWED",
            )
        return need

    def admit_request(self, need: Need, caller: Caller, resources: list[str]) -> None:
        """Check what a request names.

        Raises
        ------
        NotFoundError
            If the caller is not a member of a project that it names, whether that exists or not.
        PermissionDeniedError
            If the caller's role in one is not enough.
        InvalidArgumentError
            If it names none, or something that is not in a project.
        """
        if need.level in ("anyone", "operator") or caller.is_operator:
            return
        projects = projects_of(resources)
        if "" in projects or (not projects and need.level != "login"):
            wrong = next((name for name in resources if projects_of([name]) == [""]), "")
            raise InvalidArgumentError(
                f"'{wrong[:80]}' is not the full name of a resource: begin it with projects/PROJECT."
                if wrong
                else f"The request of {_short(need)} names no project: give it one.",
                reason="NAME_INVALID",
            )
        wanted = Role.VIEWER if need.level == "login" else Role[need.level.upper()]
        roles = {project: self._access.members.role_of(caller, project) for project in projects}
        # First who is no member of one: nothing else may show that it exists.
        for project, role in roles.items():
            if role is None:
                raise no_project(project)
        for project, role in roles.items():
            if role is not None and role < wanted:
                raise PermissionDeniedError(
                    f"You are {role.name.lower()} of {project}, and {_short(need)} is for those who are at least "
                    f"{wanted.name.lower()}: ask an admin of the project.",
                    reason="ROLE_NOT_ALLOWED",
                )


def _short(need: Need) -> str:
    return need.method.rsplit("/", 1)[-1]
