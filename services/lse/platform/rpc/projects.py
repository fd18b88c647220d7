"""Messages of projects, which two services answer with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from latentspace.ingestion.v1.ingestion_pb2 import Project as ProjectMessage
from lse.platform.access.projects import Project
from lse.platform.catalogue.pages import decode_page_token, encode_page_token, page_limit
from lse.platform.rpc.messages import to_pb

__all__ = ["page_of_projects", "project_to_pb"]


def project_to_pb(project: Project) -> ProjectMessage:
    """Message of a project."""
    return to_pb(project, ProjectMessage)


def page_of_projects(projects: Sequence[Project], request: Any) -> tuple[list[Project], str]:
    """Page of some projects, which are in the order of their names, and the token of the next page."""
    size = page_limit(request.page_size)
    (after,) = decode_page_token(request.page_token, of=["projects"]) or [""]
    found = [each for each in projects if each.name > str(after)]
    return found[:size], encode_page_token([found[size - 1].name], of=["projects"]) if len(found) > size else ""
