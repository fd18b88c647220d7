"""Label schemes: sets of classes, changed without ever orphaning a label."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection, delete, func, select

from lse.platform.catalogue import Catalogue, Resource, Resources
from lse.platform.catalogue.tables import LABELS, RESOURCES
from lse.platform.errors import FailedPreconditionError, InvalidArgumentError

__all__ = ["Schemes", "check_classes", "locked_scheme"]

KIND = "label scheme"
_LONGEST_TEXT = 200


def check_classes(classes: Iterable[str]) -> list[str]:
    """Classes of a scheme as they were given.

    Raises
    ------
    InvalidArgumentError
        ``INVALID_CLASS``: one is blank, has spaces around it, stands there twice or is longer than 200 characters.
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
        raise InvalidArgumentError(message, reason="INVALID_CLASS")
    return found


def locked_scheme(connection: Connection, resources: Resources, name: str) -> Resource:
    """Label scheme that nobody else changes, and under which nobody else sets labels, until the transaction ends.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    connection.execute(select(RESOURCES.c.uid).where(RESOURCES.c.name == name).with_for_update())
    return resources.get_within(connection, name, KIND)


class Schemes:
    """The label schemes of a catalogue.

    Parameters
    ----------
    catalogue, resources
        Where they are kept.
    """

    def __init__(self, catalogue: Catalogue, resources: Resources) -> None:
        self._catalogue = catalogue
        self._resources = resources

    def create(self, name: str, *, title: str, classes: Iterable[str]) -> Resource:
        """Make a label scheme.

        Raises
        ------
        InvalidArgumentError, AlreadyExistsError
            If the classes are wrong; if the name is taken.
        """
        spec = {"title": title, "classes": check_classes(classes)}
        return self._resources.create(Resource(name, KIND, name.rsplit("/", 2)[0], state="ready", spec=spec))

    def update(self, name: str, *, title: str, classes: Iterable[str]) -> Resource:
        """Give a label scheme another title and other classes.

        Raises
        ------
        InvalidArgumentError, NotFoundError
            If the classes are wrong; if there is no such scheme.
        FailedPreconditionError
            ``CLASS_IN_USE`` if images are labelled with a class that would be gone.
        """
        wanted = check_classes(classes)
        with self._catalogue.transaction() as connection:
            scheme = locked_scheme(connection, self._resources, name)
            gone = [each for each in scheme.spec["classes"] if each not in wanted]
            for each in gone:
                count = connection.execute(
                    select(func.count()).where(LABELS.c.scheme == scheme.uid, LABELS.c.label == each)
                ).scalar_one()
                if count:
                    raise FailedPreconditionError(
                        f"{count} images are labelled '{each}': give them another class before you remove this one.",
                        reason="CLASS_IN_USE",
                        label=each,
                    )
            return self._resources.save_within(connection, replace(scheme, spec={"title": title, "classes": wanted}))

    def delete(self, name: str) -> None:
        """Delete a label scheme with its labels.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        with self._catalogue.transaction() as connection:
            scheme = locked_scheme(connection, self._resources, name)
            connection.execute(delete(LABELS).where(LABELS.c.scheme == scheme.uid))
            connection.execute(delete(RESOURCES).where(RESOURCES.c.uid == scheme.uid))
