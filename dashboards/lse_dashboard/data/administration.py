"""What administrators see, section by section."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lse.client import Client
from lse.client.resources import AuditEntry, Caller, Garbage, Member, Quota, Token
from lse_dashboard.data.operations import OperationRow, operation_row

__all__ = ["AUDIT_PAGE", "AuditQuestion", "Facts", "read_section", "size_text"]

AUDIT_PAGE = 50
_OPERATIONS = 200


@dataclass(frozen=True)
class AuditQuestion:
    """What of the audit log is wanted.

    Attributes
    ----------
    who, after, before
        Caller, and the times between which; all where they are empty.
    everywhere
        In all projects.
    shown
        How many entries.
    """

    who: str = ""
    after: str = ""
    before: str = ""
    everywhere: bool = False
    shown: int = AUDIT_PAGE

    @property
    def filter(self) -> str:
        """The same in the words of the API."""
        parts = (("caller = ", self.who), ("time >= ", self.after), ("time < ", self.before))
        quoted = ((part, text.replace("\\", "\\\\").replace('"', '\\"')) for part, text in parts if text)
        return " AND ".join(f'{part}"{text}"' for part, text in quoted)


@dataclass(frozen=True)
class Facts:
    """What a section shows, and to whom.

    Attributes
    ----------
    section
        Which one.
    caller
        Who looks.
    quotas, members, tokens, garbage, audit
        What is there, in the section of the same name.
    operations
        What is under way or did not succeed, each with whoever asked for it.
    more
        Whether there is more.
    """

    section: str
    caller: Caller
    quotas: tuple[Quota, ...] = ()
    members: tuple[Member, ...] = ()
    tokens: tuple[Token, ...] = ()
    operations: tuple[tuple[OperationRow, str], ...] = ()
    garbage: tuple[Garbage, ...] = ()
    audit: tuple[AuditEntry, ...] = ()
    more: bool = False


def read_section(client: Client, section: str, *, whose: str, question: AuditQuestion) -> Facts:
    """Read a section.

    Parameters
    ----------
    client
        Of the project that is administered.
    section
        Which one.
    whose
        Principal whose tokens are wanted; those of the caller and the service accounts where it is empty.
    question
        What of the audit log is wanted.
    """
    caller = client.access.caller_in_project()
    return Facts(section, caller, **_READERS[section](client, caller, whose, question))


def size_text(count: float) -> str:
    """Bytes as people read them.

    Examples
    --------
    >>> size_text(10), size_text(3 << 20)
    ('10 bytes', '3.0 MiB')
    """
    units = ("bytes", "KiB", "MiB", "GiB", "TiB")
    power = min(len(units) - 1, max(0, (int(count).bit_length() - 1) // 10))
    return f"{count / 1024**power:,.{1 if power else 0}f} {units[power]}"


def _quotas(client: Client, *_: object) -> dict[str, Any]:
    return {"quotas": tuple(client.access.quotas())}


def _members(client: Client, *_: object) -> dict[str, Any]:
    return {"members": tuple(client.access.members())}


def _tokens(client: Client, _: Caller, whose: str, *__: object) -> dict[str, Any]:
    if whose:
        return {"tokens": tuple(client.access.tokens(principal=whose))}
    return {"tokens": (*client.access.tokens(), *client.access.tokens(service_accounts=True))}


def _operations(client: Client, caller: Caller, *_: object) -> dict[str, Any]:
    """Of all projects for operators."""
    found = client.operations.list(filter="state != succeeded", everywhere=caller.operator, limit=_OPERATIONS)
    return {"operations": tuple((operation_row(one), one.creator) for one in found)}


def _garbage(client: Client, caller: Caller, *_: object) -> dict[str, Any]:
    return {"garbage": tuple(client.access.garbage(everywhere=caller.operator))}


def _audit(client: Client, _: Caller, __: str, question: AuditQuestion) -> dict[str, Any]:
    wanted = question.shown + 1
    found = tuple(client.access.audit(filter=question.filter, everywhere=question.everywhere, limit=wanted))
    return {"audit": found[: question.shown], "more": len(found) == wanted}


_READERS: dict[str, Callable[[Client, Caller, str, AuditQuestion], dict[str, Any]]] = {
    "projects": _quotas,
    "members": _members,
    "tokens": _tokens,
    "operations": _operations,
    "garbage": _garbage,
    "audit": _audit,
}
