"""Deleting resources together with their bulk data."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from lse.errors import FailedPreconditionError, InternalError, LseError, NotFoundError
from lse.platform.catalogue import Record
from lse.platform.catalogue.discards import FILES, PAYLOAD, Discard
from lse.platform.inference.encoders import withdraw_encoder
from lse.platform.stores import Stores
from lse.platform.vectors.payload import cluster_key, prediction_key

__all__ = [
    "delete_resource",
    "remove_discards",
    "stray_collections",
    "stray_folders",
    "sweep_artifacts",
    "sweep_collections",
]


def delete_resource(stores: Stores, resource: Record[Any, Any], *, force: bool = False) -> None:
    """Delete a resource with all below it and their bulk data.

    Parameters
    ----------
    stores
        Where they are.
    resource
        The resource.
    force
        Delete what was made from it too.

    Raises
    ------
    FailedPreconditionError
        If it is being made or worked on, or others were made from it and `force` is not given.
    """
    if resource.state == "creating":
        raise FailedPreconditionError(
            f"The {resource.kind} '{resource.id}' is being made: cancel {resource.operation} first.",
            reason="RESOURCE_NOT_READY",
        )
    if active := stores.operation_store.active(resource.name):
        raise FailedPreconditionError(
            f"The {resource.kind} '{resource.id}' is being worked on: wait for {active[0]} or cancel it first.",
            reason="RESOURCE_NOT_READY",
        )
    users = stores.resources.made_from(resource.name)
    if users and not force:
        listed = ", ".join(f"{user.kind} '{user.id}'" for user in users[:5])
        raise FailedPreconditionError(
            f"The {resource.kind} '{resource.id}' is used by {listed}: delete these first, or force it.",
            reason="RESOURCE_IN_USE",
        )
    for user in users:
        delete_resource(stores, user, force=True)
    # The names go first: bulk data without a name are removed later, a name without its data would be a lie.
    discards = stores.resources.delete(resource.name)
    remove_discards(stores, [each for each in discards if each.kind != PAYLOAD])
    if any(each.kind == PAYLOAD for each in discards):
        # Searches do not see it any more, and of many vectors it takes a while.
        stores.discards.left.set()


def remove_discards(stores: Stores, discards: Sequence[Discard]) -> LseError | None:
    """Remove bulk data that nothing names any more, as far as their stores answer.

    What stays is remembered and removed later, see `lse.platform.operations.remover`.

    Parameters
    ----------
    stores
        Where they are.
    discards
        What is to be removed.

    Returns
    -------
    LseError or None
        Why some of it is still there.
    """
    failure: LseError | None = None
    for discard in discards:
        try:
            _remove(stores, discard)
            stores.discards.forget(discard.what)
        except Exception as error:  # noqa: BLE001  # object stores have no common error; what stays is tried again
            failure = error if isinstance(error, LseError) else stores.artifacts.outage(error)
            failure = failure or InternalError(f"{type(error).__name__}: {error}", reason="SERVICE_FAILED")
    if failure is not None:
        stores.discards.left.set()
    return failure


def _remove(stores: Stores, discard: Discard) -> None:
    if discard.kind == FILES:
        stores.artifacts.remove(discard.what)
        return
    if discard.kind == PAYLOAD:
        _remove_payload(stores, discard.what)
        return
    stores.artifacts.remove(stores.artifacts.folder(discard.kind, discard.what))
    if discard.kind == "experiment":
        stores.vectors.delete_collection(discard.what)
    elif discard.kind == "encoder":
        withdraw_encoder(stores.inference, discard.what)


def _remove_payload(stores: Stores, what: str) -> None:
    """Remove what vectors carry of a clustering or prediction, unless its name is used again."""
    experiment, _, name = what.partition("/")
    if stores.resources.exists(name):
        return
    kind, _, name_id = name.rpartition("/")
    key = cluster_key(name_id) if kind.endswith("/clusterings") else prediction_key(name_id)
    with contextlib.suppress(NotFoundError):  # the experiment has gone as well
        stores.vectors.drop_payload(experiment, key)


def sweep_artifacts(stores: Stores) -> None:
    """Remove artifacts that no resource names: what was being deleted when the process was killed.

    Only before anything is served, and by the only process: a file being uploaded has no resource yet.
    """
    for folder in stray_folders(stores):
        stores.artifacts.remove(folder)


def sweep_collections(stores: Stores) -> None:
    """Remove collections that no experiment names."""
    for collection in stray_collections(stores):
        stores.vectors.delete_collection(collection)


def stray_folders(stores: Stores) -> list[str]:
    """URIs of the folders of artifacts that no resource names."""
    # Folders first: one of a resource that comes to be meanwhile is not among them.
    folders = stores.artifacts.resource_folders()
    known = stores.resources.uids()
    return [folder for uid, folder in folders.items() if uid not in known]


def stray_collections(stores: Stores) -> list[str]:
    """Collections that no experiment names."""
    collections = stores.vectors.list_collections()
    known = stores.resources.uids()
    return [collection for collection in collections if collection not in known]
