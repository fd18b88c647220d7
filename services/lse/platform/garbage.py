"""What takes a name or room and is of no use: found, and removed once a person has said so."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from lse.platform.deletion import delete_resource, stray_collections, stray_folders
from lse.platform.stores import Stores

__all__ = ["Garbage", "find_garbage", "remove_garbage"]

# A file that is being sent lies in a folder whose resource comes to be when it has arrived.
_QUIET_SECONDS = 86_400.0
# Collections of others in the same Qdrant are called otherwise.
_UID = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True)
class Garbage:
    """Something of no use.

    Attributes
    ----------
    what
        Name of a resource, URI of a folder, or identifier of a collection.
    kind
        Kind of it.
    byte_count
        Bytes of its bulk data, 0 where they are not known.
    update_time
        When it last changed, in seconds since 1970; None where that is not known.
    """

    what: str
    kind: Literal["failed_resource", "folder", "collection"]
    byte_count: int = 0
    update_time: float | None = None


def find_garbage(stores: Stores, project: str = "") -> Iterator[Garbage]:
    """What is of no use in a project, or in the whole installation where none is named.

    Bulk data whose resource is gone belong to no project.
    """
    for record in stores.resources.failed(project):
        yield Garbage(record.name, "failed_resource", update_time=record.update_time)
    if project:
        return
    for folder in stray_folders(stores):
        changed = stores.artifacts.changed(folder)
        if time.time() - changed > _QUIET_SECONDS:
            yield Garbage(folder, "folder", stores.artifacts.size(folder), changed or None)
    yield from (Garbage(each, "collection") for each in stray_collections(stores) if _UID.fullmatch(each))


def remove_garbage(stores: Stores, what: Collection[str], project: str = "") -> Iterator[Garbage]:
    """Remove what is named, as far as it is still garbage; what is gone.

    Raises
    ------
    FailedPreconditionError
        If something was made from a resource that failed.
    """
    for found in list(find_garbage(stores, project)):
        if found.what not in what:
            continue
        if found.kind == "failed_resource":
            delete_resource(stores, stores.resources.any(found.what))
        elif found.kind == "folder":
            stores.artifacts.remove(found.what)
        else:
            stores.vectors.delete_collection(found.what)
        yield found
