"""The sole wiring point: what a process stands on, made once from its settings and handed to its services."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from lse.platform.artifacts import Artifacts
from lse.platform.catalogue import Catalogue, Resource, Resources
from lse.platform.config import Settings
from lse.platform.errors import FailedPreconditionError
from lse.platform.inference import InferenceSettings
from lse.platform.operations import OperationRunner, OperationStore

if TYPE_CHECKING:
    from lse.platform.compute import Compute
    from lse.platform.vectors import VectorStore

__all__ = ["Platform"]


class Platform:
    """Everything that services share, each part opened when it is first used.

    Parameters
    ----------
    settings
        Settings of the process.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.peer_address = settings.peer_address
        self.catalogue = Catalogue(settings.catalogue_url)
        self.catalogue.migrate()
        self.resources = Resources(self.catalogue)
        self.artifacts = Artifacts(settings.artifacts_url, settings.artifacts_options)
        self.operation_store = OperationStore(self.catalogue)
        self.runner = OperationRunner(
            self, self.operation_store, instance=settings.instance, slots=settings.operation_slots
        )

    @cached_property
    def compute(self) -> Compute:
        """Dask cluster."""
        from lse.platform.compute import Compute

        return Compute(self.settings.compute_url)

    @cached_property
    def inference(self) -> InferenceSettings:
        """How to open the engine that serves encoders, in any process."""
        settings = self.settings
        return InferenceSettings(
            kind=settings.inference,
            gpu=settings.inference_gpu,
            url=settings.triton_url,
            repository=settings.triton_repository,
            backend=settings.triton_backend,
            shared_memory=settings.triton_shared_memory,
        )

    @cached_property
    def vectors(self) -> VectorStore:
        """Qdrant."""
        from lse.platform.vectors import VectorStore

        return VectorStore(self.settings.vectors_url, api_key=self.settings.vectors_api_key)

    def delete(self, resource: Resource, *, force: bool = False) -> None:
        """Delete a resource with all below it and their bulk data.

        Parameters
        ----------
        resource
            The resource.
        force
            Delete what was made from it too.

        Raises
        ------
        FailedPreconditionError
            If it is being made, or others stand on it and `force` is not given.
        """
        if resource.state == "creating":
            raise FailedPreconditionError(
                f"The {resource.kind} '{resource.id}' is being made: cancel {resource.operation} first.",
                reason="NOT_READY",
            )
        if active := self.operation_store.active(resource.name):
            raise FailedPreconditionError(
                f"The {resource.kind} '{resource.id}' is being worked on: wait for {active[0]} or cancel it first.",
                reason="NOT_READY",
            )
        users = self.resources.made_from(resource.name)
        if users and not force:
            listed = ", ".join(f"{user.kind} '{user.id}'" for user in users[:5])
            raise FailedPreconditionError(
                f"The {resource.kind} '{resource.id}' is used by {listed}: delete these first, or force it.",
                reason="IN_USE",
            )
        for user in users:
            self.delete(user, force=True)
        doomed = [resource, *self.resources.below(resource.name)]
        # The names go first: bulk data without a name are swept up later, a name without its data would be a lie.
        self.resources.delete(resource.name)
        for each in doomed:
            self.discard(each.kind, each.uid)

    def discard(self, kind: str, uid: str) -> None:
        """Remove the bulk data of a resource that has no name any more."""
        self.artifacts.remove(self.artifacts.folder(kind, uid))
        if kind == "experiment":
            self.vectors.delete_collection(uid)
        elif kind == "encoder":
            from lse.platform.inference.encoders import withdraw_encoder

            withdraw_encoder(self.inference, uid)

    def close(self) -> None:
        """Close what was opened."""
        for name in ("compute", "vectors"):
            if name in self.__dict__:
                self.__dict__[name].close()
        self.catalogue.close()
