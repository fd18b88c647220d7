"""The access service: projects, members, tokens, quotas, the audit log."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import grpc
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from latentspace.access.v1 import access_pb2 as pb
from latentspace.access.v1 import access_pb2_grpc
from latentspace.ingestion.v1.ingestion_pb2 import Project as ProjectMessage
from lse.errors import InvalidArgumentError, PermissionDeniedError
from lse.names import PROJECT
from lse.platform.access.audit import AuditEntry, note_resources
from lse.platform.access.members import Member
from lse.platform.access.projects import no_project
from lse.platform.access.quotas import Limits
from lse.platform.access.tokens import Token, no_token
from lse.platform.auth import Caller, Role, current_caller
from lse.platform.catalogue.queries import PageRequest
from lse.platform.garbage import find_garbage, remove_garbage
from lse.platform.rpc.collection import changed_paths, request_digest
from lse.platform.rpc.messages import seconds_of, timestamp, to_pb
from lse.platform.rpc.operations import operation_to_pb
from lse.platform.rpc.projects import page_of_projects, project_to_pb
from lse.platform.wiring import Platform

__all__ = ["AccessServicer", "register"]

_LIMITS = tuple(f"limits.{name}" for name in Limits.__dataclass_fields__)


def register(server: grpc.aio.Server, platform: Platform) -> str:
    """Add the service to a server; its full name."""
    access_pb2_grpc.add_AccessServiceServicer_to_server(AccessServicer(platform), server)
    return str(pb.DESCRIPTOR.services_by_name["AccessService"].full_name)


class AccessServicer(access_pb2_grpc.AccessServiceServicer):
    """Answers ``latentspace.access.v1.AccessService``."""

    def __init__(self, platform: Platform) -> None:
        self._access = platform.access
        self._stores = platform

    def DescribeCaller(self, request: pb.DescribeCallerRequest, context: Any) -> pb.Caller:
        """Say who calls, and what they may do in a project."""
        caller = current_caller()
        role = self._access.members.role_of(caller, request.project) if request.project else None
        return pb.Caller(
            role=int(role or 0),  # type: ignore[arg-type]  # numbered alike
            caller=caller.name,
            principals=sorted(caller.principals),
            operator=caller.is_operator,
            login_required=self._access.login_required,
        )

    # Projects

    def GetProject(self, request: pb.GetProjectRequest, context: Any) -> ProjectMessage:
        """Get a project."""
        return project_to_pb(self._access.projects.get(request.name))

    def CreateProject(self, request: pb.CreateProjectRequest, context: Any) -> ProjectMessage:
        """Make a project."""
        given = request.project
        made = self._access.projects.create(request.project_id, title=given.title, description=given.description)
        return project_to_pb(made)

    def UpdateProject(self, request: pb.UpdateProjectRequest, context: Any) -> ProjectMessage:
        """Change the title and the description of a project."""
        given = request.project
        paths = changed_paths(request.update_mask, given, ("title", "description"))
        values = {path: getattr(given, path) for path in paths}
        return project_to_pb(self._access.projects.update(given.name, **values))

    def DeleteProject(self, request: pb.DeleteProjectRequest, context: Any) -> empty_pb2.Empty:
        """Delete an empty project."""
        self._access.projects.delete(request.name)
        return empty_pb2.Empty()

    # Members

    def ListMembers(self, request: pb.ListMembersRequest, context: Any) -> pb.ListMembersResponse:
        """List the members of a project."""
        PROJECT.parse(request.parent)
        found, token = self._access.members.page(request.parent, _page(request))
        return pb.ListMembersResponse(members=map(_member_to_pb, found), next_page_token=token)

    def GetMember(self, request: pb.GetMemberRequest, context: Any) -> pb.Member:
        """Get a member."""
        return _member_to_pb(self._access.members.get(request.name))

    def CreateMember(self, request: pb.CreateMemberRequest, context: Any) -> pb.Member:
        """Make somebody a member."""
        project = self._access.projects.get(request.parent).name
        return _member_to_pb(self._access.members.create(project, request.member_id, _role(request.member.role)))

    def UpdateMember(self, request: pb.UpdateMemberRequest, context: Any) -> pb.Member:
        """Give a member another role."""
        changed_paths(request.update_mask, request.member, ("role",))
        return _member_to_pb(self._access.members.update(request.member.name, _role(request.member.role)))

    def DeleteMember(self, request: pb.DeleteMemberRequest, context: Any) -> empty_pb2.Empty:
        """Remove a member."""
        self._access.members.delete(request.name)
        return empty_pb2.Empty()

    # Tokens

    def ListTokens(self, request: pb.ListTokensRequest, context: Any) -> pb.ListTokensResponse:
        """List the tokens of the caller, of the service accounts of a project, or of anybody."""
        if request.parent:
            self._require_admin(request.parent)
        whose = request.principal or self._me()
        if whose != self._me() and not current_caller().is_operator:
            raise PermissionDeniedError(
                f"The tokens of {whose} are for operators of the whole installation: ask one.",
                reason="ROLE_NOT_ALLOWED",
            )
        found, token = self._access.tokens.page(_page(request), principal=whose, project=request.parent)
        return pb.ListTokensResponse(tokens=map(_token_to_pb, found), next_page_token=token)

    def CreateToken(self, request: pb.CreateTokenRequest, context: Any) -> pb.CreateTokenResponse:
        """Make a token for the caller or a service account."""
        given, caller = request.token, _unlimited()
        principal = given.principal or self._me()
        if principal not in caller.principals or principal.startswith("group:"):
            kind, _, account = principal.partition(":")
            if kind != "service" or "/" not in account:
                raise PermissionDeniedError(
                    f"You cannot make a token for {principal}: only for yourself, and for the service accounts of "
                    "projects that you administer (service:PROJECT/NAME).",
                    reason="TOKEN_NOT_ALLOWED",
                )
            self._require_admin(f"projects/{account.split('/')[0]}")
        token, secret = self._access.tokens.create(
            caller,
            principal,
            title=given.title[:200],
            role=_role(given.role) if given.role else Role.ADMIN,
            projects=list(given.projects),
            expire_time=seconds_of(given.expire_time),
        )
        note_resources(token.name, *_project_of(token))
        return pb.CreateTokenResponse(token=_token_to_pb(token), secret=secret)

    def DeleteToken(self, request: pb.DeleteTokenRequest, context: Any) -> empty_pb2.Empty:
        """Revoke a token."""
        caller, token = _unlimited(), self._access.tokens.get(request.name)
        administered = any(self._access.members.role_of(caller, each) is Role.ADMIN for each in _project_of(token))
        if token.principal not in caller.principals and not administered and not caller.is_operator:
            raise no_token(request.name)
        note_resources(token.name, *_project_of(token))
        self._access.tokens.delete(request.name)
        return empty_pb2.Empty()

    # Audit log and quotas

    def ListAuditEntries(self, request: pb.ListAuditEntriesRequest, context: Any) -> pb.ListAuditEntriesResponse:
        """List who did what."""
        found, token = self._access.audit.page(request.parent, _page(request, request.filter))
        return pb.ListAuditEntriesResponse(entries=map(_entry_to_pb, found), next_page_token=token)

    def ListQuotas(self, request: pb.ListQuotasRequest, context: Any) -> pb.ListQuotasResponse:
        """List what projects use and may use."""
        found, token = page_of_projects(self._access.projects.visible(current_caller()), request)
        quotas = [self.GetQuota(pb.GetQuotaRequest(name=each.name), context) for each in found]
        return pb.ListQuotasResponse(quotas=quotas, next_page_token=token)

    def GetQuota(self, request: pb.GetQuotaRequest, context: Any) -> pb.Quota:
        """Get what a project uses and may use."""
        PROJECT.parse(request.name)
        quotas = self._access.quotas
        limits = {key: value for key, value in asdict(quotas.limits(request.name)).items() if value is not None}
        usage = asdict(quotas.usage(request.name))
        return pb.Quota(name=request.name, limits=pb.QuotaLimits(**limits), **usage)

    def UpdateQuota(self, request: pb.UpdateQuotaRequest, context: Any) -> pb.Quota:
        """Change what a project may use."""
        given, project = request.quota, self._access.projects.get(request.quota.name)
        set_here = [f"limits.{field.name}" for field, _ in given.limits.ListFields()]
        paths = list(request.update_mask.paths) or set_here
        limits = dict(project.limits)
        for path in paths:
            if path not in _LIMITS:
                raise InvalidArgumentError(
                    f"The field '{path}' cannot be updated: choose from {', '.join(_LIMITS)}.",
                    reason="UPDATE_MASK_INVALID",
                    field=path,
                )
            name = path.removeprefix("limits.")
            limits.pop(name, None)
            if f"limits.{name}" in set_here:
                limits[name] = getattr(given.limits, name)
        self._access.projects.update(project.name, limits=limits)
        return self.GetQuota(pb.GetQuotaRequest(name=project.name), context)

    # Garbage and operations

    def FindGarbage(self, request: pb.FindGarbageRequest, context: Any) -> pb.FindGarbageResponse:
        """List what is of no use."""
        found = find_garbage(self._stores, request.parent)
        return pb.FindGarbageResponse(garbage=[to_pb(each, pb.Garbage) for each in found])

    def RemoveGarbage(self, request: pb.RemoveGarbageRequest, context: Any) -> pb.RemoveGarbageResponse:
        """Remove what is of no use."""
        gone = remove_garbage(self._stores, set(request.what), request.parent)
        return pb.RemoveGarbageResponse(garbage=[to_pb(each, pb.Garbage) for each in gone])

    def RetryOperation(self, request: pb.RetryOperationRequest, context: Any) -> operations_pb2.Operation:
        """Do the work of an operation again."""
        again = self._stores.operation_store.retry(
            request.name, request_id=request.request_id, request_digest=request_digest(request)
        )
        return operation_to_pb(again)

    def _me(self) -> str:
        """The user or the service account that the caller is."""
        return next((each for each in sorted(current_caller().principals) if not each.startswith("group:")), "")

    def _require_admin(self, project: str) -> None:
        role = self._access.members.role_of(current_caller(), project)
        if role is None:
            raise no_project(project)
        if role < Role.ADMIN:
            raise PermissionDeniedError(
                f"The tokens of service accounts of {project} are for its admins: ask one.", reason="ROLE_NOT_ALLOWED"
            )


def _unlimited() -> Caller:
    """The caller, whose proof is as good as a login."""
    caller = current_caller()
    scope = caller.scope
    if scope is not None and (scope.role < Role.ADMIN or scope.projects is not None):
        raise PermissionDeniedError(
            "A token with limits neither makes nor revokes tokens: log in as yourself first.",
            reason="TOKEN_NOT_ALLOWED",
        )
    return caller


def _project_of(token: Token) -> list[str]:
    """Name of the project of the service account that a token acts for; nothing where it acts for a user."""
    kind, _, account = token.principal.partition(":")
    return [f"projects/{account.split('/')[0]}"] if kind == "service" else []


def _page(request: Any, filter_: str = "") -> PageRequest:
    return PageRequest(request.page_size, request.page_token, filter_)


def _role(role: int) -> Role:
    if role not in set(Role):
        raise InvalidArgumentError("No role is given: choose viewer, editor or admin.", reason="ROLE_INVALID")
    return Role(role)


def _member_to_pb(member: Member) -> pb.Member:
    return pb.Member(
        name=member.name,
        principal=member.principal,
        role=int(member.role),  # type: ignore[arg-type]  # numbered alike
        creator=member.creator,
        create_time=timestamp(member.create_time),
    )


def _token_to_pb(token: Token) -> pb.Token:
    message = pb.Token(
        name=token.name,
        principal=token.principal,
        title=token.title,
        role=int(token.role),  # type: ignore[arg-type]  # as above
        projects=token.projects or (),
        creator=token.creator,
        create_time=timestamp(token.create_time),
        expire_time=timestamp(token.expire_time),
    )
    if token.last_use_time is not None:
        message.last_use_time.CopyFrom(timestamp(token.last_use_time))
    return message


def _entry_to_pb(entry: AuditEntry) -> pb.AuditEntry:
    return pb.AuditEntry(
        time=timestamp(entry.time),
        caller=entry.caller,
        method=entry.method,
        resources=entry.resources,
        code=entry.code,
        peer=entry.peer,
    )
