"""Tokens of persons and service accounts, which these services issue themselves."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, select, update

from lse.errors import InvalidArgumentError, NotFoundError, UnauthenticatedError
from lse.filters import Field
from lse.names import PROJECT, TOKEN
from lse.platform.access.members import check_principal
from lse.platform.access.remembered import Remembered
from lse.platform.auth import Caller, Role, Scope
from lse.platform.catalogue.catalogue import Catalogue
from lse.platform.catalogue.queries import FieldColumn, PageRequest, select_page
from lse.platform.catalogue.tables import TOKENS

__all__ = ["PREFIX", "Token", "Tokens"]

PREFIX = "lse_"
"""Beginning of every token, by which scanners for leaked secrets find them."""

# How long another process may go on with what was true: a token that is revoked is good for as long.
_SECONDS = 2.0
_USE_SECONDS = 60.0
_DAY = 86_400.0
_USUAL_DAYS, _MOST_DAYS = 90, 366


@dataclass(frozen=True)
class Token:
    """A token, without its secret.

    Attributes
    ----------
    name
        Resource name.
    principal
        Who it acts for.
    groups
        Groups of that user at the last login.
    title
        What it is for.
    role
        Most that it may do in a project.
    projects
        Names of the projects that it is good for; None for all of who it acts for.
    creator
        Name of the caller who made it.
    create_time, expire_time, last_use_time
        Seconds since 1970, UTC.
    """

    name: str
    principal: str
    groups: tuple[str, ...]
    title: str
    role: Role
    projects: tuple[str, ...] | None
    creator: str
    create_time: float
    expire_time: float
    last_use_time: float | None = None


class Tokens:
    """The tokens of a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._known: Remembered[str, tuple[Token, str] | None] = Remembered(self._find, seconds=_SECONDS)
        self._logins: dict[str, tuple[float, frozenset[str]]] = {}

    def caller(self, text: str) -> Caller:
        """Caller whose token a text is.

        Raises
        ------
        UnauthenticatedError
            If it is none, was revoked or has expired.
        """
        identifier, _, secret = text.removeprefix(PREFIX).partition("_")
        name, now = f"tokens/{identifier}", time.time()
        found = self._known.of(name) if identifier.isalnum() else None
        if found is None or not hmac.compare_digest(_digest(secret), found[1]):
            raise UnauthenticatedError(
                "The token is not one of these services, or was revoked: make a new one.", reason="TOKEN_INVALID"
            )
        token = found[0]
        if now >= token.expire_time:
            raise UnauthenticatedError("The token has expired: make a new one.", reason="TOKEN_TOO_OLD")
        if now - (token.last_use_time or 0) > _USE_SECONDS:
            with self._catalogue.transaction() as connection:
                connection.execute(update(TOKENS).where(TOKENS.c.name == name).values(last_use_time=now))
            self._known.forget(name)
        kind, _, who = token.principal.partition(":")
        return Caller(
            who if kind == "user" else token.principal,
            principals=frozenset({token.principal, *token.groups}),
            scope=Scope(token.role, None if token.projects is None else frozenset(token.projects)),
        )

    def create(
        self,
        owner: Caller,
        principal: str,
        *,
        title: str = "",
        role: Role = Role.ADMIN,
        projects: Collection[str] = (),
        expire_time: float = 0.0,
    ) -> tuple[Token, str]:
        """Make a token.

        Parameters
        ----------
        owner
            Who makes it.
        principal
            Who it acts for.
        title
            What it is for.
        role, projects
            Limits, see `Token`; no projects are all.
        expire_time
            Seconds since 1970, UTC; in 90 days when 0.

        Returns
        -------
        Token, str
            The token, and its text, which is kept nowhere.

        Raises
        ------
        InvalidArgumentError
            If it would expire in the past or in more than 366 days.
        """
        now = time.time()
        expire_time = expire_time or now + _USUAL_DAYS * _DAY
        if not now < expire_time <= now + _MOST_DAYS * _DAY:
            raise InvalidArgumentError(
                f"A token expires within {_MOST_DAYS} days: choose a time in that range.", reason="TIME_OUT_OF_RANGE"
            )
        for project in projects:
            PROJECT.parse(project)
        identifier, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        mine = principal in owner.principals
        token = Token(
            name=TOKEN.format(identifier),
            principal=check_principal(principal),
            groups=tuple(sorted(each for each in owner.principals if mine and each.startswith("group:"))),
            title=title,
            role=role,
            projects=tuple(projects) or None,
            creator=owner.name,
            create_time=now,
            expire_time=expire_time,
        )
        values = {**vars(token), "groups": list(token.groups), "projects": list(projects) or None}
        with self._catalogue.transaction() as connection:
            connection.execute(insert(TOKENS).values(digest=_digest(secret), **values))
        return token, f"{PREFIX}{identifier}_{secret}"

    def logged_in(self, caller: Caller) -> None:
        """Have the tokens of a user follow the groups that a login showed; at most once a minute."""
        user = next((each for each in caller.principals if each.startswith("user:")), "")
        groups = frozenset(each for each in caller.principals if each.startswith("group:"))
        at, known = self._logins.get(user, (0.0, frozenset()))
        if known == groups and time.monotonic() - at < _USE_SECONDS:
            return
        with self._catalogue.transaction() as connection:
            connection.execute(update(TOKENS).where(TOKENS.c.principal == user).values(groups=sorted(groups)))
        self._logins[user] = (time.monotonic(), groups)

    def page(self, request: PageRequest, *, principal: str = "", project: str = "") -> tuple[list[Token], str]:
        """Page of the tokens of a principal, or of the service accounts of a project; token of the next page."""
        if project:
            service = f"service:{PROJECT.parse(project)[0]}/"
            mine: ColumnElement[bool] = TOKENS.c.principal.startswith(service, autoescape=True)
        else:
            mine = TOKENS.c.principal == principal
        columns = {"name": FieldColumn(Field("text"), TOKENS.c.name)}
        with self._catalogue.reading() as connection:
            scope = f"tokens {principal} {project}"
            rows = select_page(connection, select(TOKENS).where(mine), columns, request, scope=scope)
        return [_token(row) for row in rows.rows], rows.token_after(len(rows.rows))

    def get(self, name: str) -> Token:
        """Token of a name.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        TOKEN.parse(name)
        found = self._find(name)
        if found is None:
            raise no_token(name)
        return found[0]

    def delete(self, name: str) -> None:
        """Revoke a token."""
        with self._catalogue.transaction() as connection:
            connection.execute(delete(TOKENS).where(TOKENS.c.name == name))
        self._known.forget(name)

    def _find(self, name: str) -> tuple[Token, str] | None:
        with self._catalogue.reading() as connection:
            row = connection.execute(select(TOKENS).where(TOKENS.c.name == name)).one_or_none()
        return None if row is None else (_token(row), row.digest)


def no_token(name: str) -> NotFoundError:
    """Error for who asks for a token that is not there, or not theirs: nobody can tell these apart."""
    return NotFoundError(f"You have no token named '{name.rsplit('/', 1)[-1]}'.", reason="TOKEN_NOT_FOUND", name=name)


def _digest(secret: str) -> str:
    # Secrets are 256 random bits: no need for the slow digests of passwords.
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(row: Any) -> Token:
    values = {key: value for key, value in row._mapping.items() if key in Token.__dataclass_fields__}  # noqa: SLF001
    token = Token(**values)
    projects = None if token.projects is None else tuple(token.projects)
    return replace(token, role=Role(row.role), groups=tuple(row.groups), projects=projects)
