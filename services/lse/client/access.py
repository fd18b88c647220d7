"""Access: projects and their members, tokens, quotas, the audit log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from latentspace.access.v1 import access_pb2 as pb
from latentspace.ingestion.v1.ingestion_pb2 import ListProjectsRequest
from latentspace.ingestion.v1.ingestion_pb2 import Project as ProjectMessage
from lse.client.resources.access import AuditEntry, Caller, Garbage, Member, Project, Quota, Role, Token
from lse.client.subject import Subject
from lse.names import MEMBER, PROJECT, TOKEN

__all__ = ["Access"]

_ROLES: dict[str, pb.Role.ValueType] = {
    "viewer": pb.ROLE_VIEWER,
    "editor": pb.ROLE_EDITOR,
    "admin": pb.ROLE_ADMIN,
}


class Access(Subject):
    """Who may what; members, quota and audit log are those of the client's project."""

    def caller(self) -> Caller:
        """Who calls, as the services recognise them, without a role in any project."""
        return Caller.from_pb(self._connection.call(pb.DescribeCallerRequest()))

    def caller_in_project(self) -> Caller:
        """Who calls, with their role in the client's project, whose member they have to be."""
        return Caller.from_pb(self._connection.call(pb.DescribeCallerRequest(project=self._parent)))

    # Projects

    def projects(self) -> list[Project]:
        """Projects that the caller is a member of; all for operators."""
        return [Project.from_pb(message) for message in self._connection.pages(ListProjectsRequest())]

    def create_project(self, project: str, *, title: str = "", description: str = "") -> Project:
        """Make a project, whose admin is the caller; for operators."""
        given = ProjectMessage(title=title, description=description)
        request = pb.CreateProjectRequest(project_id=PROJECT.check(project), project=given)
        return Project.from_pb(self._connection.call(request))

    def update_project(self, *, title: str | None = None, description: str | None = None) -> Project:
        """Change title or description of the client's project; what is not given stays."""
        values = {key: text for key, text in (("title", title), ("description", description)) if text is not None}
        given = ProjectMessage(name=self._parent, title=title or "", description=description or "")
        request = pb.UpdateProjectRequest(project=given, update_mask=FieldMask(paths=values))
        return Project.from_pb(self._connection.call(request))

    def delete_project(self, project: str) -> None:
        """Delete a project that has no resources left; for operators."""
        self._connection.delete(pb.DeleteProjectRequest(name=PROJECT.format(PROJECT.check(project))))

    # Members

    def members(self) -> list[Member]:
        """Members of the project."""
        return [Member.from_pb(each) for each in self._connection.pages(pb.ListMembersRequest(parent=self._parent))]

    def add_member(self, principal: str, role: Role) -> Member:
        """Make a user (``user:NAME``), a group (``group:NAME``) or a service account a member of the project."""
        member = pb.Member(role=_ROLES[role])
        request = pb.CreateMemberRequest(parent=self._parent, member_id=principal, member=member)
        return Member.from_pb(self._connection.call(request))

    def set_role(self, principal: str, role: Role) -> Member:
        """Give a member of the project another role."""
        member = pb.Member(name=self._name(MEMBER, principal), role=_ROLES[role])
        return Member.from_pb(self._connection.call(pb.UpdateMemberRequest(member=member)))

    def remove_member(self, principal: str) -> None:
        """Remove a member from the project."""
        self._connection.delete(pb.DeleteMemberRequest(name=self._name(MEMBER, principal)))

    # Tokens

    def tokens(self, *, service_accounts: bool = False, principal: str = "") -> list[Token]:
        """Tokens of the caller, of the project's service accounts for its admins, or of somebody for operators."""
        request = pb.ListTokensRequest(parent=self._parent if service_accounts else "", principal=principal)
        return [Token.from_pb(message) for message in self._connection.pages(request)]

    def create_token(
        self,
        *,
        service_account: str | None = None,
        title: str = "",
        role: Role = "admin",
        projects: Iterable[str] = (),
        days: float | None = None,
    ) -> tuple[Token, str]:
        """Make a token.

        Parameters
        ----------
        service_account
            Service account of the project that it acts for, for admins of the project (default: the caller).
        title
            What it is for.
        role
            Most that it may do in a project.
        projects
            Ids of the projects that it is good for (default: all of who it acts for).
        days
            Days until it expires (default: 90).

        Returns
        -------
        Token, str
            The token, and its text, which cannot be read again.
        """
        principal = f"service:{self._parent.split('/')[1]}/{service_account}" if service_account else ""
        names = [PROJECT.format(PROJECT.check(project)) for project in projects]
        given = pb.Token(principal=principal, title=title, role=_ROLES[role], projects=names)
        if days is not None:
            moment = Timestamp()
            moment.FromDatetime(datetime.now(UTC) + timedelta(days=days))
            given.expire_time.CopyFrom(moment)
        answer = self._connection.call(pb.CreateTokenRequest(token=given))
        return Token.from_pb(answer.token), str(answer.secret)

    def revoke_token(self, name: str) -> None:
        """Revoke a token, given by its id: it is refused from now on."""
        self._connection.delete(pb.DeleteTokenRequest(name=name if "/" in name else TOKEN.format(TOKEN.check(name))))

    # Quotas and audit log

    def quotas(self) -> list[Quota]:
        """What each of the projects uses and may use that the caller is a member of; all projects for operators."""
        return [Quota.from_pb(message) for message in self._connection.pages(pb.ListQuotasRequest())]

    def quota(self) -> Quota:
        """What the project uses and may use."""
        return Quota.from_pb(self._connection.call(pb.GetQuotaRequest(name=self._parent)))

    def set_quota(self, **limits: int | None) -> Quota:
        """Set limits of the project by the names of `QuotaLimits`, None for the installation's own; for operators."""
        values = {name: value for name, value in limits.items() if value is not None}
        quota = pb.Quota(name=self._parent, limits=pb.QuotaLimits(**values))
        mask = FieldMask(paths=[f"limits.{name}" for name in limits])
        return Quota.from_pb(self._connection.call(pb.UpdateQuotaRequest(quota=quota, update_mask=mask)))

    def audit(
        self,
        *,
        filter: str = "",  # noqa: A002  # the word of the API
        everywhere: bool = False,
        limit: int | None = None,
    ) -> Iterator[AuditEntry]:
        """Who did what in the project, newest first, fetched page by page.

        Parameters
        ----------
        filter
            Only entries that fulfil a filter such as ``caller = ada AND time > "2026-11-01"`` (default: all).
        everywhere
            In all projects, for operators.
        limit
            At most so many (default: all).
        """
        request = pb.ListAuditEntriesRequest(parent="" if everywhere else self._parent, filter=filter)
        return (AuditEntry.from_pb(message) for message in self._connection.pages(request, limit=limit))

    # Garbage

    def garbage(self, *, everywhere: bool = False) -> list[Garbage]:
        """What takes a name or room in the project, or everywhere for operators, and is of no use."""
        request = pb.FindGarbageRequest(parent="" if everywhere else self._parent)
        return [Garbage.from_pb(message) for message in self._connection.call(request).garbage]

    def remove_garbage(self, what: Iterable[str], *, everywhere: bool = False) -> list[Garbage]:
        """Remove some of what `garbage` found, by its `what`; what is gone."""
        request = pb.RemoveGarbageRequest(parent="" if everywhere else self._parent, what=what)
        return [Garbage.from_pb(message) for message in self._connection.call(request).garbage]
