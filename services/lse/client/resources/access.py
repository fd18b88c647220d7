"""Projects, members, tokens, quotas and the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from latentspace.access.v1 import access_pb2 as pb
from latentspace.ingestion.v1 import ingestion_pb2
from lse.client.resources.fields import NamedResource, Received

__all__ = ["AuditEntry", "Caller", "Garbage", "Member", "Project", "Quota", "QuotaLimits", "Role", "Token"]

Role = Literal["viewer", "editor", "admin"]


@dataclass(frozen=True, kw_only=True)
class Caller(Received, message=pb.Caller, name="caller"):
    """Who calls, as the services recognise them.

    Attributes
    ----------
    name
        Name that authors and creators are recorded under.
    principals
        The user, or the service account, and the groups that can be members of projects, such as ``user:ada``.
    operator
        Whether the caller administers the installation.
    login_required
        Whether callers have to log in.
    role
        Role in the project that was asked about; empty where none was.
    """

    name: str
    principals: tuple[str, ...]
    operator: bool
    login_required: bool
    role: Role | Literal[""]

    @property
    def administers(self) -> bool:
        """Whether the caller administers the project that was asked about, or the whole installation."""
        return self.operator or self.role == "admin"


@dataclass(frozen=True, kw_only=True)
class Project(NamedResource, message=ingestion_pb2.Project):
    """What is shared with members.

    Attributes
    ----------
    title, description
        What people call it, and say about it.
    creator, create_time
        Who made it, and when.
    """

    title: str
    description: str
    creator: str
    create_time: datetime | None


@dataclass(frozen=True, kw_only=True)
class Member(NamedResource, message=pb.Member):
    """A user, a group or a service account with a role in a project.

    Attributes
    ----------
    principal
        Who it is, such as ``user:ada``.
    role
        What it may do.
    creator, create_time
        Who made it a member, and when.
    """

    principal: str
    role: Role
    creator: str
    create_time: datetime | None


@dataclass(frozen=True, kw_only=True)
class Token(NamedResource, message=pb.Token):
    """A token, without its secret.

    Attributes
    ----------
    principal
        Who it acts for.
    title
        What it is for.
    role, projects
        Most that it may do, and the names of the projects that it is good for; none are all of who it acts for.
    creator, create_time
        Who made it, and when.
    expire_time, last_use_time
        When it is refused, and when it was used last.
    """

    principal: str
    title: str
    role: Role
    projects: tuple[str, ...]
    creator: str
    create_time: datetime | None
    expire_time: datetime | None
    last_use_time: datetime | None


@dataclass(frozen=True, kw_only=True)
class AuditEntry(Received, message=pb.AuditEntry):
    """Something that a caller did, or was refused.

    Attributes
    ----------
    time, caller, method, peer
        When, who, what, from where.
    resources
        Names of the resources in the request.
    code
        How it ended, such as ``OK`` or ``PERMISSION_DENIED``.
    """

    time: datetime | None
    caller: str
    method: str
    resources: tuple[str, ...]
    code: str
    peer: str


@dataclass(frozen=True, kw_only=True)
class QuotaLimits(Received, message=pb.QuotaLimits):
    """What a project may use; None is no limit.

    Attributes
    ----------
    image_count, vector_count, byte_count, operation_count
        Most images, vectors, bytes of bulk data, and operations that have not ended.
    upload_byte_count
        Most bytes of an uploaded file.
    """

    image_count: int | None
    vector_count: int | None
    byte_count: int | None
    operation_count: int | None
    upload_byte_count: int | None


@dataclass(frozen=True, kw_only=True)
class Quota(NamedResource, message=pb.Quota):
    """What a project uses and may use.

    Attributes
    ----------
    limits
        What it may use.
    image_count, vector_count, byte_count, operation_count
        What it uses.
    """

    limits: QuotaLimits
    image_count: int
    vector_count: int
    byte_count: int
    operation_count: int


@dataclass(frozen=True, kw_only=True)
class Garbage(Received, message=pb.Garbage):
    """What takes a name or room and is of no use.

    Attributes
    ----------
    what
        Name of a resource, URI of a folder, or identifier of a collection.
    kind
        ``failed_resource``, ``folder`` (of bulk data that no resource names) or ``collection`` (of vectors that no
        experiment names).
    byte_count
        Bytes of its bulk data; 0 where they are not known.
    update_time
        When it last changed; None where that is not known.
    """

    what: str
    kind: Literal["failed_resource", "folder", "collection", ""]
    byte_count: int
    update_time: datetime | None
