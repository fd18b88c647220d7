"""Full resource names from short ids, checked before anything is sent."""

from __future__ import annotations

import re
from dataclasses import dataclass

from google.api import resource_pb2
from google.protobuf.message import Message

from lse.names import PROJECT, NamePattern, check_id

__all__ = ["Names", "pattern_of"]


@dataclass(frozen=True)
class Names:
    """Names of the resources of a project.

    Attributes
    ----------
    project
        Id of the project that short ids belong to.

    Raises
    ------
    InvalidArgumentError
        If the project cannot be one.

    Examples
    --------
    >>> Names("default").of(PROJECTION, "galaxies", "umap")
    'projects/default/experiments/galaxies/projections/umap'
    """

    project: str

    def __post_init__(self) -> None:
        check_id(self.project, "project")

    @property
    def parent(self) -> str:
        """Name of the project."""
        return PROJECT.format(self.project)

    def of(self, pattern: NamePattern, *ids: str) -> str:
        """Full name of a resource.

        Parameters
        ----------
        pattern
            How names of its kind are made.
        *ids
            Short ids from the one below the project to its own.  Each may be a full name instead; the ids before it
            then say nothing.

        Raises
        ------
        InvalidArgumentError
            If this cannot be such a name.
        """
        last = ids[-1]
        if not pattern.is_full(last):
            above = self.parent if len(ids) == 1 else self.of(pattern.above, *ids[:-1])
            return pattern.format(*pattern.above.parse(above), pattern.check(last))
        pattern.parse(last)
        return last


def pattern_of(message: type[Message]) -> NamePattern:
    """How the names of a kind of resource are made, as its message declares it (AIP-123)."""
    declared = message.DESCRIPTOR.GetOptions().Extensions[resource_pb2.resource]
    kind = re.sub("[A-Z]", lambda capital: f" {capital[0].lower()}", declared.singular)
    return NamePattern(kind, tuple(declared.pattern[0].split("/")[::2]))
