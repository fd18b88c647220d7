"""The sole wiring point: what a process stands on, made once from its settings and handed to its services."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from lse.platform.artifacts import Artifacts
from lse.platform.catalogue import Catalogue, Resources
from lse.platform.config import Settings
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
            url=settings.triton_url,
            repository=settings.triton_repository,
            backend=settings.triton_backend,
        )

    @cached_property
    def vectors(self) -> VectorStore:
        """Qdrant."""
        from lse.platform.vectors import VectorStore

        return VectorStore(self.settings.vectors_url, api_key=self.settings.vectors_api_key)

    def close(self) -> None:
        """Close what was opened."""
        for name in ("compute", "vectors"):
            if name in self.__dict__:
                self.__dict__[name].close()
        self.catalogue.close()
