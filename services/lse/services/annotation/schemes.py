"""Label schemes: sets of classes, changed without ever orphaning a label."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, func, select

from lse.errors import FailedPreconditionError, InvalidArgumentError
from lse.platform.catalogue import LabelSchemeRecord
from lse.platform.catalogue.tables import LABELS
from lse.values import counted

__all__ = ["check_classes", "check_labels"]

_LONGEST_TEXT = 200


def check_classes(classes: Iterable[str]) -> tuple[str, ...]:
    """Classes of a scheme as they were given.

    Raises
    ------
    InvalidArgumentError
        ``CLASS_INVALID``: one is blank, has spaces around it, stands there twice or is longer than 200 characters.
    """
    found: list[str] = []
    for name in classes:
        if not name or name != name.strip():
            message = f"The class {name!r} is empty or has spaces around it: give it a name without them."
        elif len(name) > _LONGEST_TEXT:
            message = f"The class '{name[:40]}…' has {len(name)} characters: use at most {_LONGEST_TEXT}."
        elif name in found:
            message = f"The class '{name}' is given twice: give it once."
        else:
            found.append(name)
            continue
        raise InvalidArgumentError(message, reason="CLASS_INVALID")
    return tuple(found)


def check_labels(connection: Connection, changed: LabelSchemeRecord) -> None:
    """Check that all images are labelled with classes that a changed scheme has; it is locked.

    Raises
    ------
    FailedPreconditionError
        ``CLASS_IN_USE`` if images are labelled with a class that would be gone.
    """
    gone = LABELS.c.label.not_in(changed.spec.classes)
    query = select(LABELS.c.label, func.count()).where(LABELS.c.scheme == changed.uid, gone).group_by(LABELS.c.label)
    for label, count in connection.execute(query.order_by(LABELS.c.label).limit(1)):
        raise FailedPreconditionError(
            f"{counted(count, 'image is', 'images are')} labelled '{label}': give them another class before "
            "you remove this one.",
            reason="CLASS_IN_USE",
            label=label,
        )
