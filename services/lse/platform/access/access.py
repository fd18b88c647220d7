"""What decides who may what, in the catalogue of a process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from lse.platform.access.audit import AuditLog
from lse.platform.access.members import Members
from lse.platform.access.projects import Projects
from lse.platform.access.quotas import Quotas
from lse.platform.access.service_tokens import ServiceTokens
from lse.platform.access.tokens import Tokens
from lse.platform.catalogue.catalogue import Catalogue
from lse.platform.config import Settings

__all__ = ["Access"]


@dataclass(frozen=True)
class Access:
    """What decides who may what.

    Attributes
    ----------
    login_required
        Whether callers have to prove who they are.
    projects, members, tokens, quotas, audit
        The parts.
    service_tokens
        Tokens with which services call each other; None where these pass on what their callers sent.
    """

    login_required: bool
    projects: Projects
    members: Members
    tokens: Tokens
    quotas: Quotas
    audit: AuditLog
    service_tokens: ServiceTokens | None

    @classmethod
    def of(cls, catalogue: Catalogue, settings: Settings) -> Self:
        """Access as some settings have it."""
        members = Members(catalogue)
        return cls(
            login_required=settings.login != "none",
            projects=Projects(catalogue, members),
            members=members,
            tokens=Tokens(catalogue),
            quotas=Quotas(catalogue, settings),
            audit=AuditLog(catalogue, days=settings.audit_days),
            service_tokens=None if settings.service_key_file is None else ServiceTokens(settings.service_key_file),
        )
