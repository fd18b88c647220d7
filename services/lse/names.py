"""Resource names (AIP-122): how they are written, read and checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from lse.errors import InvalidArgumentError

__all__ = [
    "BOOKMARK",
    "CLUSTERING",
    "DATASET",
    "ENCODER",
    "EXPERIMENT",
    "IMAGE",
    "LABEL_SCHEME",
    "MEMBER",
    "OPERATION",
    "PREDICTION",
    "PROJECT",
    "PROJECTION",
    "SELECTION",
    "TOKEN",
    "NamePattern",
    "check_id",
    "image_name",
    "image_of",
]

_ID = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?")
_ID_LENGTH = 63
_FREE_LENGTH = 4096  # the longest path of common systems


def check_id(value: str, what: str) -> str:
    """Return an id that is well formed.

    Raises
    ------
    InvalidArgumentError
        If it is empty, too long, or has other characters than lower-case letters, digits, ``.``, ``_`` and ``-``.
    """
    if not value:
        raise InvalidArgumentError(f"The {what} name is empty: give it one.", reason="NAME_INVALID", what=what)
    if len(value) > _ID_LENGTH or not _ID.fullmatch(value):
        raise InvalidArgumentError(
            f"'{value}' is not a valid {what} name: use up to {_ID_LENGTH} lower-case letters, digits, '.', '_' and "
            "'-', with a letter or digit first and last.",
            reason="NAME_INVALID",
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
    free
        The last id may be any text, such as the path of a file; within a name it is percent-encoded (RFC 3986).
    """

    kind: str
    collections: tuple[str, ...]
    free: bool = False

    @property
    def template(self) -> str:
        """Pattern for a person, such as ``projects/{project}/datasets/{dataset}``."""
        return "/".join(f"{c}/{{{_singular(c)}}}" for c in self.collections)

    @property
    def article(self) -> str:
        """Indefinite article of the kind."""
        return "an" if self.kind[0] in "aeio" else "a"

    @property
    def above(self) -> NamePattern:
        """Pattern of the resources that this kind lies below."""
        return NamePattern(self.collections[-2].removesuffix("s"), self.collections[:-1])

    def check(self, value: str) -> str:
        """Return an id that is well formed, as by `check_id`; a free one is short enough and has no NUL."""
        if not self.free:
            return check_id(value, self.kind)
        if not value or len(value) > _FREE_LENGTH or "\0" in value:
            raise InvalidArgumentError(
                f"{value[:80]!r} is not a valid {self.kind} name: give one of 1 to {_FREE_LENGTH:,} characters.",
                reason="NAME_INVALID",
                what=self.kind,
            )
        return value

    def format(self, *ids: str) -> str:
        """Name made of ids, one a collection.

        Examples
        --------
        >>> IMAGE.format("p", "d", "field 1/J0013+0951")
        'projects/p/datasets/d/images/field%201%2FJ0013+0951'
        """
        written = (*ids[:-1], quote(ids[-1], safe="+")) if self.free else ids
        return "/".join(f"{c}/{i}" for c, i in zip(self.collections, written, strict=True))

    def is_full(self, name: str) -> bool:
        """Whether a text is meant as a full name and not as an id."""
        if not self.free:
            return "/" in name
        return tuple(name.split("/", 2 * len(self.collections) - 1)[:-1:2]) == self.collections

    def parse(self, name: str) -> tuple[str, ...]:
        """Ids of a name.

        Raises
        ------
        InvalidArgumentError
            If the name is not of this kind.
        """
        parts = name.split("/", 2 * len(self.collections) - 1 if self.free else -1)
        if len(parts) != 2 * len(self.collections) or tuple(parts[::2]) != self.collections:
            raise InvalidArgumentError(
                f"'{name}' is not the full name of {self.article} {self.kind}: write it as {self.template}.",
                reason="NAME_INVALID",
                name=name,
            )
        above = zip(self.collections[:-1], parts[1:-2:2], strict=True)
        ids = [check_id(value, collection.removesuffix("s")) for collection, value in above]
        last = unquote(parts[-1]) if self.free else parts[-1]
        return (*ids, self.check(last))

    def parent(self, name: str) -> str:
        """Name of the resource that this one lies below."""
        return self.above.format(*self.parse(name)[:-1])


def _singular(collection: str) -> str:
    """Singular of a collection id in lower_snake_case: ``label_scheme`` for ``labelSchemes``."""
    return re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", collection.removesuffix("s"))


PROJECT = NamePattern("project", ("projects",))
DATASET = NamePattern("dataset", ("projects", "datasets"))
IMAGE = NamePattern("image", ("projects", "datasets", "images"), free=True)
ENCODER = NamePattern("encoder", ("projects", "encoders"))
EXPERIMENT = NamePattern("experiment", ("projects", "experiments"))
PROJECTION = NamePattern("projection", ("projects", "experiments", "projections"))
CLUSTERING = NamePattern("clustering", ("projects", "experiments", "clusterings"))
PREDICTION = NamePattern("prediction", ("projects", "experiments", "predictions"))
LABEL_SCHEME = NamePattern("label scheme", ("projects", "labelSchemes"))
SELECTION = NamePattern("selection", ("projects", "selections"))
BOOKMARK = NamePattern("bookmark", ("projects", "bookmarks"))
OPERATION = NamePattern("operation", ("projects", "operations"))
MEMBER = NamePattern("member", ("projects", "members"), free=True)
TOKEN = NamePattern("token", ("tokens",))


def image_of(dataset: str, image: str) -> str:
    """Full name of an image of a dataset, which is given by its full name."""
    return f"{dataset}/images/{quote(image, safe='+')}"


def image_name(name: str) -> str:
    """What an image is called in its dataset, from its full name.

    Examples
    --------
    >>> image_name("projects/p/datasets/d/images/field%201%2FJ0013+0951")
    'field 1/J0013+0951'
    """
    return IMAGE.parse(name)[-1]
