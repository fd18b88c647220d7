"""What a process keeps its work in."""

from __future__ import annotations

from dataclasses import dataclass

from lse.platform.access.access import Access
from lse.platform.artifacts import Artifacts
from lse.platform.catalogue import Catalogue, Resources
from lse.platform.catalogue.discards import Discards
from lse.platform.catalogue.operations import OperationStore
from lse.platform.compute import Compute
from lse.platform.config import Settings
from lse.platform.guarded.reading import Reading
from lse.platform.inference import InferenceSettings
from lse.platform.vectors import VectorStore

__all__ = ["Stores"]


@dataclass(frozen=True)
class Stores:
    """Everything that jobs work with; nothing of it is connected before its first use.

    Attributes
    ----------
    settings
        Settings of the process.
    catalogue
        The database.
    resources, operation_store
        Resources and operations in it.
    access
        Who may what.
    discards
        What is to be removed, of all of these.
    artifacts
        Bulk arrays and files.
    vectors
        Qdrant.
    inference
        How to open the engine that serves encoders, in any process.
    compute
        The Dask cluster.
    reading
        How files of people are read.
    """

    settings: Settings
    catalogue: Catalogue
    resources: Resources
    operation_store: OperationStore
    access: Access
    discards: Discards
    artifacts: Artifacts
    vectors: VectorStore
    inference: InferenceSettings
    compute: Compute
    reading: Reading
