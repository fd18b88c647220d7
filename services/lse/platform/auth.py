"""Who calls: the caller of the request in progress, and how one is recognised."""

from __future__ import annotations

import getpass
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

__all__ = [
    "ADMIN",
    "RESERVED_PREFIXES",
    "Authenticator",
    "Caller",
    "Role",
    "Scope",
    "acting_as",
    "current_caller",
    "local_user",
    "logged_in",
]

ADMIN = "admin"
"""Role with all rights in the whole installation."""


class Role(IntEnum):
    """What a member may do in a project; each role may do what those before it may."""

    VIEWER = 1
    EDITOR = 2
    ADMIN = 3


@dataclass(frozen=True)
class Scope:
    """Limits of a token, within what its owner may do.

    Attributes
    ----------
    role
        Most that it may do in a project.
    projects
        Names of the projects that it is good for; None for all of its owner.
    """

    role: Role = Role.ADMIN
    projects: frozenset[str] | None = None


@dataclass(frozen=True)
class Caller:
    """Who sent a request.

    Attributes
    ----------
    name
        Name that authors and creators are recorded under; empty outside of a request.
    roles
        Roles that the caller has in the whole installation.
    credentials
        What proved it, the ``authorization`` of the request: other services are called with the same.
    principals
        What of the caller can be a member of projects, such as ``user:ada`` and ``group:astronomers``.
    scope
        Limits of the token that proved it; None without any.
    grants
        Roles in projects that the proof itself gives, as a token of our own services does.
    """

    name: str
    roles: frozenset[str] = frozenset()
    credentials: str = field(default="", repr=False)
    principals: frozenset[str] = frozenset()
    scope: Scope | None = None
    grants: Mapping[str, Role] = field(default_factory=dict)

    @property
    def is_operator(self) -> bool:
        """Whether the caller administers the whole installation, by a proof without limits."""
        return ADMIN in self.roles and self.scope is None


class Authenticator(Protocol):
    """Recognises the caller of a request."""

    def __call__(self, metadata: Mapping[str, str | bytes]) -> Caller:
        """Caller of a request with this metadata.

        Raises
        ------
        UnauthenticatedError
            If the metadata do not prove who calls.
        """


RESERVED_PREFIXES = ("user:", "group:", "service:")
"""What no name of a user may begin with."""

_NOBODY = Caller("")
_CALLER: ContextVar[Caller] = ContextVar("caller", default=_NOBODY)


def current_caller() -> Caller:
    """Caller of the request in progress; nobody, without a name and roles, outside of one."""
    return _CALLER.get()


@contextmanager
def acting_as(caller: Caller) -> Iterator[None]:
    """Do what is done in this context for a caller."""
    _CALLER.set(caller)
    try:
        yield
    finally:
        # No token is kept: a stream that is closed early may end in another context than it began in.
        _CALLER.set(_NOBODY)


def local_user(metadata: Mapping[str, str | bytes]) -> Caller:
    """Authenticator of a deployment on one machine: everybody is the user who runs it, with all rights."""
    del metadata
    name = _account()
    return Caller(name, frozenset({ADMIN}), principals=frozenset({f"user:{name}"}))


def logged_in(name: str, groups: Collection[object], *, operators: Collection[str]) -> Caller:
    """User whom a login names.

    Parameters
    ----------
    name
        Name of the user there.
    groups
        Names of the user's groups there; what is no text is left out.
    operators
        Users and groups who administer the whole installation.
    """
    principals = frozenset({f"user:{name}", *(f"group:{each}" for each in groups if isinstance(each, str))})
    return Caller(name, frozenset({ADMIN}) if principals & set(operators) else frozenset(), principals=principals)


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in a container
        return "local"
