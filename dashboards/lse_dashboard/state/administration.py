"""The window in which projects are administered: section by section, every change asked of the services."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import param

from lse.client import Client
from lse.client.resources.access import Role
from lse.errors import InvalidArgumentError, LseError
from lse_dashboard import wording
from lse_dashboard.data.administration import AUDIT_PAGE, AuditQuestion, Facts, read_section, size_text
from lse_dashboard.data.library import Library
from lse_dashboard.state.background import Background, Newest

__all__ = ["Administration"]

_WORDS = wording.Administration
_FIRST = "projects"
ResultT = TypeVar("ResultT")


class Administration(param.Parameterized):
    """What one administrator sees and does.

    Parameters
    ----------
    library
        Where it is read and changed, with the rights of the visitor.
    background
        Runs what waits for the services.
    """

    project = param.String("", doc="Project in the window, empty while it is shut.")
    section = param.String(_FIRST, doc="What of it is shown.")
    facts: param.Parameter[Facts | None] = param.Parameter(None, doc="None until it is read.")
    asked = param.String("", doc="What is to be removed, until the visitor confirms it.")
    said = param.String("", doc="What was done last.")
    secret = param.String("", doc="Text of the token that was made last, until anything else is done.")
    problem = param.String("", doc="Why something was refused.")
    whose = param.String("", doc="Whose tokens are shown; empty for those of the visitor and the service accounts.")
    question: param.Parameter[AuditQuestion] = param.Parameter(AuditQuestion(), doc="What of the audit log is shown.")

    def __init__(self, library: Library, background: Background) -> None:
        super().__init__()
        self._library = library
        self._background = background
        self._reading = Newest(background)
        self._waits = False

    def open(self, project: str) -> None:
        """Open the window on a project, where it was before."""
        self.param.update(project=project, facts=None, whose="", question=AuditQuestion())
        self.show(self.section)

    def close(self) -> None:
        """Shut it, and forget the text of a token."""
        self._reading.drop()
        self.param.update(project="", secret="")

    def show(self, section: str) -> None:
        """Show a section, as it is now."""
        if section in _WORDS.SECTIONS and self.project:
            self._quiet()
            self.section = section
            self._read()

    def ask(self, key: str) -> None:
        """Ask whether something is to be removed; nothing where the key is empty."""
        self._quiet()
        self.asked = key

    def confirm(self) -> None:
        """Remove what was asked about."""
        section, key, facts = self.section, self.asked, self.facts
        if not key or facts is None:
            return
        access = self._client.access
        if section == "members":
            self._do(lambda: access.remove_member(key), lambda _: _WORDS.REMOVED.format(who=key))
        elif section == "tokens":
            self._do(lambda: access.revoke_token(key), lambda _: _WORDS.REVOKED.format(token=key))
        elif section == "garbage":
            # What was in view, not what may have come since.
            seen, everywhere = [one.what for one in facts.garbage], facts.caller.operator
            self._do(
                lambda: access.remove_garbage(seen, everywhere=everywhere),
                lambda gone: _WORDS.GONE.format(count=len(gone), size=size_text(sum(one.byte_count for one in gone))),
            )

    def set_quota(self, **texts: str) -> None:
        """Set limits of the project; what is empty stays."""
        project, access = self.project, self._client.access
        try:
            limits = {key: _limit(text) for key, text in texts.items() if key in _WORDS.LIMITS and text}
        except LseError as error:
            self._failed(error)
            return
        self._do(lambda: access.set_quota(**limits), lambda _: _WORDS.QUOTA_SAID.format(project=project))

    def add_member(self, *, who: str, role: Role) -> None:
        """Make somebody a member."""
        access = self._client.access
        self._do(lambda: access.add_member(who, role), lambda _: _WORDS.ADDED.format(who=who, role=role))

    def set_role(self, *, who: str, role: Role) -> None:
        """Give a member another role."""
        access = self._client.access
        self._do(lambda: access.set_role(who, role), lambda _: _WORDS.CHANGED.format(who=who, role=role))

    def make_token(self, *, title: str, account: str, role: Role, days: str) -> None:
        """Make a token, whose text is shown once."""
        access = self._client.access
        try:
            lasting = float(days) if days else None
        except ValueError:
            self._failed(InvalidArgumentError(_WORDS.NOT_DAYS.format(text=days), reason="TIME_INVALID"))
            return

        def made(text: str) -> str:
            self.secret = text
            return ""

        self._do(
            lambda: access.create_token(service_account=account or None, title=title, role=role, days=lasting)[1], made
        )

    def show_tokens(self, *, whose: str) -> None:
        """Show the tokens of somebody."""
        self.whose = whose
        self.show("tokens")

    def cancel(self, operation: str) -> None:
        """End an operation of whatever project."""
        operations = self._client.operations
        self._do(lambda: operations.cancel(operation), lambda _: _WORDS.CANCELLED)

    def retry(self, operation: str) -> None:
        """Run an operation again that failed or was cancelled."""
        operations = self._client.operations
        self._do(lambda: operations.retry(operation), lambda _: _WORDS.RETRIED)

    def filter_audit(self, *, who: str, after: str, before: str, where: str = "") -> None:
        """Show some of the audit log."""
        self.question = AuditQuestion(who, after, before, everywhere=where == _WORDS.EVERYWHERE)
        self.show("audit")

    def more_audit(self) -> None:
        """Show the next entries as well."""
        self.question = replace(self.question, shown=self.question.shown + AUDIT_PAGE)
        self.show("audit")

    def poll(self) -> None:
        """Look again at operations, which go on by themselves; to be called every second."""
        if self.project and self.section == "operations" and not self._waits:
            self._read()

    @property
    def _client(self) -> Client:
        return self._library.client(self.project)

    def _quiet(self) -> None:
        self.param.update(asked="", said="", problem="", secret="")

    def _read(self) -> None:
        client, section, whose, question = self._client, self.section, self.whose, self.question
        self._waits = True
        self._reading.ask(
            lambda: read_section(client, section, whose=whose, question=question), self._show, self._failed
        )

    def _show(self, facts: Facts) -> None:
        self._waits = False
        self.facts = facts

    def _do(self, work: Callable[[], ResultT], said: Callable[[ResultT], str]) -> None:
        """Change something, say so, and look again."""
        self._quiet()

        def done(result: ResultT) -> None:
            self.param.update(said=said(result))
            if self.project:
                self._read()

        self._background(work, done, self._failed)

    def _failed(self, error: LseError) -> None:
        self._waits = False
        self.param.update(asked="", said="", problem=error.message)


def _limit(text: str) -> int | None:
    digits = text.replace(",", "").replace("_", "")
    if text == "default":
        return None
    if not digits.isdecimal():
        raise InvalidArgumentError(_WORDS.NOT_A_LIMIT.format(text=text), reason="COUNT_INVALID")
    return int(digits)
