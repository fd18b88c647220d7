"""Messages of projects, which two services answer with."""

from __future__ import annotations

from latentspace.ingestion.v1.ingestion_pb2 import Project as ProjectMessage
from lse.platform.access.projects import Project
from lse.platform.rpc.messages import to_pb

__all__ = ["project_to_pb"]


def project_to_pb(project: Project) -> ProjectMessage:
    """Message of a project."""
    return to_pb(project, ProjectMessage)
