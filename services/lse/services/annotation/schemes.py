"""Label schemes: sets of classes, changed without ever orphaning a label."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, func, select

from lse.errors import FailedPreconditionError, InvalidArgumentError
from lse.platform.catalogue import LabelSchemeRecord
from lse.platform.catalogue.tables import EXPERT_LABELS
from lse.values import counted

__all__ = ["check_classes", "check_definitions", "check_labels", "defined"]

_LONGEST_TEXT = 200
_LONGEST_DEFINITION = 2000


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


def check_definitions(given: Iterable[tuple[str, str]], classes: Collection[str]) -> dict[str, str]:
    """Definitions of classes as they were given, without empty ones.

    Raises
    ------
    InvalidArgumentError
        ``CLASS_INVALID``: one is of no class, there are two of a class, or it is longer than 2,000 characters.
    """
    found: dict[str, str] = {}
    for label, text in given:
        if label not in classes:
            message = f"There is no class '{label}' to define: choose from {', '.join(classes) or 'none'}."
        elif label in found:
            message = f"The class '{label}' is defined twice: define it once."
        elif len(text) > _LONGEST_DEFINITION:
            message = f"The definition of '{label}' has {len(text):,} characters: use at most {_LONGEST_DEFINITION:,}."
        else:
            found[label] = text.strip()
            continue
        raise InvalidArgumentError(message, reason="CLASS_INVALID")
    return {label: text for label, text in found.items() if text}


def defined(changed: LabelSchemeRecord, given: Iterable[tuple[str, str]]) -> LabelSchemeRecord:
    """A changed scheme without definitions of classes that are gone; those given are checked."""
    classes, before = changed.spec.classes, changed.spec.class_definitions.items()
    check_definitions(given, classes)
    kept = {label: text.strip() for label, text in before if text.strip() and label in classes}
    return changed.model_copy(update={"spec": changed.spec.model_copy(update={"class_definitions": kept})})


def check_labels(connection: Connection, changed: LabelSchemeRecord) -> None:
    """Check that all images are labelled with classes that a changed scheme has; it is locked.

    Raises
    ------
    FailedPreconditionError
        ``CLASS_IN_USE`` if images are labelled with a class that would be gone.
    """
    said = EXPERT_LABELS.c  # what is in force is among what experts said
    gone = said.label.not_in(changed.spec.classes)
    images = select(said.dataset, said.row, said.label).where(said.scheme == changed.uid, gone).distinct().subquery()
    query = select(images.c.label, func.count()).group_by(images.c.label)
    for label, count in connection.execute(query.order_by(images.c.label).limit(1)):
        raise FailedPreconditionError(
            f"{counted(count, 'image is', 'images are')} labelled '{label}': give them another class before "
            "you remove this one.",
            reason="CLASS_IN_USE",
            label=label,
        )
