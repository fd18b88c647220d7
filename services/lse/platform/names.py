"""Resource names (AIP-122): how they are written, read and checked."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lse.platform.errors import InvalidArgumentError

__all__ = [
    "CLUSTERING",
    "DATASET",
    "ENCODER",
    "EXPERIMENT",
    "IMAGE",
    "LABEL_SCHEME",
    "OPERATION",
    "PREDICTION",
    "PROJECT",
    "PROJECTION",
    "SELECTION",
    "NamePattern",
    "check_id",
]

_ID = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?")
_ID_LENGTH = 63
_IMAGE_ID_LENGTH = 200


def check_id(value: str, what: str, *, length: int = _ID_LENGTH) -> str:
    """Return an id that is well formed.

    Raises
    ------
    InvalidArgumentError
        If it is empty, too long, or has other characters than lower-case letters, digits, ``.``, ``_`` and ``-``.
    """
    if not value:
        raise InvalidArgumentError(f"The {what} name is empty: give it one.", reason="INVALID_NAME", what=what)
    if len(value) > length or not _ID.fullmatch(value):
        raise InvalidArgumentError(
            f"'{value}' cannot name a {what}: use up to {length} lower-case letters, digits, '.', '_' and '-', "
            "with a letter or digit first and last.",
            reason="INVALID_NAME",
            what=what,
            name=value,
        )
    return value


@dataclass(frozen=True)
class NamePattern:
    """How the names of one kind of resource are made.

    Attributes
    ----------
    kind
        The kind, as a person says it.
    collections
        Collection ids from the project downwards; each is followed by an id.
    """

    kind: str
    collections: tuple[str, ...]

    @property
    def template(self) -> str:
        """Pattern for a person, such as ``projects/{project}/datasets/{dataset}``."""
        return "/".join(f"{c}/{{{re.sub('s$', '', c)}}}" for c in self.collections)

    def format(self, *ids: str) -> str:
        """Name made of ids, one a collection."""
        return "/".join(f"{c}/{i}" for c, i in zip(self.collections, ids, strict=True))

    def parse(self, name: str) -> tuple[str, ...]:
        """Ids of a name.

        Raises
        ------
        InvalidArgumentError
            If the name is not of this kind.
        """
        parts = name.split("/")
        if len(parts) != 2 * len(self.collections) or tuple(parts[::2]) != self.collections:
            raise InvalidArgumentError(
                f"'{name}' is not the name of a {self.kind}: write it as {self.template}.",
                reason="INVALID_NAME",
                name=name,
            )
        for collection, value in zip(self.collections, parts[1::2], strict=True):
            length = _IMAGE_ID_LENGTH if collection == "images" else _ID_LENGTH
            check_id(value, collection.removesuffix("s"), length=length)
        return tuple(parts[1::2])

    def parent(self, name: str) -> str:
        """Name of the resource that this one lies below."""
        self.parse(name)
        return name.rsplit("/", 2)[0]


PROJECT = NamePattern("project", ("projects",))
DATASET = NamePattern("dataset", ("projects", "datasets"))
IMAGE = NamePattern("image", ("projects", "datasets", "images"))
ENCODER = NamePattern("encoder", ("projects", "encoders"))
EXPERIMENT = NamePattern("experiment", ("projects", "experiments"))
PROJECTION = NamePattern("projection", ("projects", "experiments", "projections"))
CLUSTERING = NamePattern("clustering", ("projects", "experiments", "clusterings"))
PREDICTION = NamePattern("prediction", ("projects", "experiments", "predictions"))
LABEL_SCHEME = NamePattern("label scheme", ("projects", "labelSchemes"))
SELECTION = NamePattern("selection", ("projects", "selections"))
OPERATION = NamePattern("operation", ("projects", "operations"))
