# Written by scripts/async_stub.py; do not edit.

import builtins
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from mocpy import MOC
from numpy.typing import NDArray

from lse.client.client import Client
from lse.client.collection import View
from lse.client.operations import (
    Operation,
    OperationState,
)
from lse.client.progress import OperationProgress
from lse.client.resources import (
    Backbone,
    Bookmark,
    Clustering,
    Comparison,
    Concepts,
    Encoder,
    EncoderCard,
    Evaluation,
    Experiment,
    ExpertAgreement,
    ImagePath,
    ImageSamples,
    LabelScheme,
    Match,
    Method,
    NamedResource,
    Prediction,
    Projection,
    Prototypes,
    Selection,
    Similarity,
    Suggestion,
    TrainingEstimate,
    TrainingRun,
    Traversals,
)
from lse.client.resources.access import AuditEntry, Caller, Garbage, Member, Project, Quota, Role, Token
from lse.client.resources.datasets import Dataset, Image, ImageStatus, ImageTrace, Preview
from lse.client.resources.encoders import Precision, ViewsPreview
from lse.client.resources.originals import OriginalImage
from lse.client.resources.thumbnails import Thumbnail
from lse.client.results import Results
from lse.client.search import (
    Examples,
    Scope,
)
from lse.errors import LseError

__all__ = ["AsyncClient", "AsyncOperation", "connect_async"]

T = TypeVar("T")
ResourceT = TypeVar("ResourceT", bound=NamedResource)

class AsyncOperation(Generic[T]):
    @property
    def name(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def request_id(self) -> str: ...
    @property
    def creator(self) -> str: ...
    @property
    def done(self) -> bool: ...
    @property
    def state(self) -> OperationState: ...
    @property
    def error(self) -> LseError | None: ...
    @property
    def stages(self) -> list[tuple[str, float]]: ...
    @property
    def attempts(self) -> int: ...
    @property
    def create_time(self) -> datetime | None: ...
    @property
    def start_time(self) -> datetime | None: ...
    @property
    def end_time(self) -> datetime | None: ...
    @property
    def last_progress(self) -> OperationProgress: ...
    async def refresh(self) -> AsyncOperation[T]: ...
    async def progress(self) -> OperationProgress: ...
    async def poll(self, seconds: float, *, patience: float = ...) -> bool: ...
    def watch(
        self, timeout: float | None = ..., *, interval: float = ..., patience: float = ...
    ) -> AsyncIterator[OperationProgress]: ...
    async def cancel(self) -> None: ...
    def __init__(self, sync: Operation[T]) -> None: ...
    async def wait(self, timeout: float | None = ...) -> T: ...
    def result(self) -> T: ...

class _AsyncDatasetImages:
    def images(
        self,
        dataset: str,
        *,
        status: ImageStatus | None = ...,
        filter: str = ...,
        order_by: str = ...,
        limit: int | None = ...,
    ) -> AsyncIterator[Image]: ...
    async def image(self, dataset: str, image: str | int | None = ..., *, row: int | None = ...) -> Image: ...
    async def trace(
        self,
        dataset: str,
        image: str | int | None = ...,
        *,
        row: int | None = ...,
        recipe: Path | str | Mapping[str, object] | None = ...,
    ) -> ImageTrace: ...
    async def original(
        self, dataset: str, image: str | int | None = ..., *, row: int | None = ...
    ) -> OriginalImage: ...
    async def arrays(self, dataset: str, rows: Iterable[int] | None = ...) -> npt.NDArray[np.float32]: ...
    async def thumbnails(self, dataset: str, rows: Sequence[int]) -> list[Thumbnail]: ...
    async def table(
        self, dataset: str, columns: Iterable[str] | None = ..., *, rows: Iterable[int] | None = ...
    ) -> pa.Table: ...

class _AsyncProjectCollection(Generic[ResourceT]):
    async def list(
        self, *, filter: str = ..., order_by: str = ..., view: View = ..., limit: int | None = ...
    ) -> Results[ResourceT]: ...
    async def get(self, name: str) -> ResourceT: ...
    async def update(
        self, name: str, *, title: str | None = ..., description: str | None = ..., etag: str = ...
    ) -> ResourceT: ...
    async def delete(self, name: str) -> None: ...

class _AsyncDatasets(_AsyncProjectCollection[Dataset], _AsyncDatasetImages):
    async def ingest(
        self,
        name: str,
        sources: str | Path | Iterable[str | Path],
        *,
        recipe: Path | str | Mapping[str, object] | None = ...,
        catalogue: str | Path | None = ...,
        catalogue_key: str | None = ...,
        catalogue_radius_arcsec: float | None = ...,
        request_id: str | None = ...,
    ) -> AsyncOperation[Dataset]: ...
    async def upload(
        self,
        name: str,
        files: str | Path | Mapping[str, Path],
        *,
        recipe: Path | str | Mapping[str, object] | None = ...,
        request_id: str | None = ...,
        catalogue: str | Path | None = ...,
        catalogue_key: str | None = ...,
        catalogue_radius_arcsec: float | None = ...,
    ) -> AsyncOperation[Dataset]: ...
    async def preview_upload(
        self,
        files: str | Path | Mapping[str, Path],
        *,
        count: int = ...,
        recipe: Path | str | Mapping[str, object] | None = ...,
        catalogue: str | Path | None = ...,
        catalogue_key: str | None = ...,
        catalogue_radius_arcsec: float | None = ...,
    ) -> Preview: ...
    async def add(
        self,
        name: str,
        sources: str | Path | Iterable[str | Path],
        *,
        catalogue: str | Path | None = ...,
        catalogue_key: str | None = ...,
        catalogue_radius_arcsec: float | None = ...,
        request_id: str | None = ...,
    ) -> AsyncOperation[Dataset]: ...
    async def subset(
        self,
        name: str,
        *,
        of: str,
        rows: Iterable[int] | None = ...,
        without: Iterable[str] | None = ...,
        request_id: str | None = ...,
    ) -> AsyncOperation[Dataset]: ...
    async def delete(self, name: str, *, force: bool = ...) -> None: ...
    async def preview(
        self,
        sources: str | Path | Iterable[str | Path],
        *,
        recipe: Path | str | Mapping[str, object] | None = ...,
        count: int = ...,
        catalogue: str | Path | None = ...,
        catalogue_key: str | None = ...,
        catalogue_radius_arcsec: float | None = ...,
    ) -> Preview: ...
    async def duplicates(self, dataset: str, *, experiment: str | None = ...) -> pa.Table: ...
    async def footprint(self, dataset: str, *, order: int | None = ...) -> MOC: ...

class _AsyncMethodsOfKind(Generic[ResourceT]):
    async def methods(self) -> builtins.list[Method]: ...

class _AsyncEncoders(_AsyncProjectCollection[Encoder], _AsyncMethodsOfKind[Encoder]):
    async def train(
        self,
        name: str,
        *,
        dataset: str,
        method: str,
        parameters: Mapping[str, object] | None = ...,
        settings: Mapping[str, object] | None = ...,
        request_id: str | None = ...,
        **more: object,
    ) -> AsyncOperation[Encoder]: ...
    async def retrain(
        self,
        name: str,
        *,
        dataset: str | None = ...,
        parameters: Mapping[str, object] | None = ...,
        settings: Mapping[str, object] | None = ...,
        request_id: str | None = ...,
        **more: object,
    ) -> AsyncOperation[Encoder]: ...
    async def import_onnx(
        self, name: str, path: str | Path, *, request_id: str | None = ...
    ) -> AsyncOperation[Encoder]: ...
    async def pretrained(
        self,
        name: str,
        backbone: str,
        *,
        dataset: str,
        weights: str | Path | None = ...,
        parameters: Mapping[str, object] | None = ...,
        request_id: str | None = ...,
        **more: object,
    ) -> AsyncOperation[Encoder]: ...
    async def estimate(
        self,
        *,
        dataset: str,
        method: str,
        parameters: Mapping[str, object] | None = ...,
        settings: Mapping[str, object] | None = ...,
        **more: object,
    ) -> TrainingEstimate: ...
    async def preview_views(
        self,
        dataset: str,
        *,
        method: str,
        count: int = ...,
        parameters: Mapping[str, object] | None = ...,
        settings: Mapping[str, object] | None = ...,
        **more: object,
    ) -> ViewsPreview: ...
    async def evaluate(
        self, name: str, *, dataset: str, label_column: str | None = ..., request_id: str | None = ...
    ) -> AsyncOperation[Evaluation]: ...
    async def card(self, name: str) -> EncoderCard: ...
    async def training_run(self, name: str, *, version: int | None = ...) -> TrainingRun: ...
    async def select_version(
        self, name: str, *, version: int | None = ..., precision: Precision | None = ...
    ) -> Encoder: ...
    async def load(self, name: str, *, version: int | None = ...) -> Encoder: ...
    async def unload(self, name: str, *, version: int | None = ...) -> Encoder: ...
    async def delete(self, name: str, *, force: bool = ...) -> None: ...
    async def backbones(self) -> builtins.list[Backbone]: ...

class _AsyncExperiments(_AsyncProjectCollection[Experiment]):
    async def encode(
        self,
        name: str,
        *,
        dataset: str,
        encoder: str,
        encoder_version: int | None = ...,
        neighbours: int | None = ...,
        request_id: str | None = ...,
    ) -> AsyncOperation[Experiment]: ...
    async def import_vectors(
        self, name: str, path: str | Path, *, dataset: str, request_id: str | None = ...
    ) -> AsyncOperation[Experiment]: ...
    async def rebuild(self, name: str, *, request_id: str | None = ...) -> AsyncOperation[Experiment]: ...
    async def vectors(
        self, name: str, *, rows: Iterable[int] | None = ..., columns: Iterable[str] = ...
    ) -> pa.Table: ...
    async def near_duplicates(self, name: str, *, min_similarity: float | None = ...) -> pa.Table: ...
    async def outliers(self, name: str, *, by: str = ..., k: int = ...) -> pa.Table: ...

class _AsyncExperimentCollection(Generic[ResourceT]):
    async def list(
        self, experiment: str, *, filter: str = ..., order_by: str = ..., view: View = ..., limit: int | None = ...
    ) -> Results[ResourceT]: ...
    async def get(self, experiment: str, name: str) -> ResourceT: ...
    async def update(
        self, experiment: str, name: str, *, title: str | None = ..., description: str | None = ..., etag: str = ...
    ) -> ResourceT: ...
    async def delete(self, experiment: str, name: str) -> None: ...

class _AsyncProjections(_AsyncExperimentCollection[Projection], _AsyncMethodsOfKind[Projection]):
    async def run(
        self,
        name: str,
        *,
        experiment: str,
        method: str,
        parameters: Mapping[str, object] | None = ...,
        settings: Mapping[str, object] | None = ...,
        request_id: str | None = ...,
        **more: object,
    ) -> AsyncOperation[Projection]: ...
    async def transform(
        self, projection: str, *, experiment: str, target: str, name: str, request_id: str | None = ...
    ) -> AsyncOperation[Projection]: ...
    async def coordinates(
        self, experiment: str, name: str, *, rows: Iterable[int] | None = ..., columns: Iterable[str] = ...
    ) -> pa.Table: ...
    async def trust(self, experiment: str, name: str, *, rows: Iterable[int] | None = ...) -> pa.Table: ...
    async def drift(self, experiment: str, name: str, *, rows: Iterable[int] | None = ...) -> pa.Table: ...
    async def point_cloud(self, experiment: str, name: str, folder: str | Path) -> Path: ...

class _AsyncClusterings(_AsyncExperimentCollection[Clustering], _AsyncMethodsOfKind[Clustering]):
    async def run(
        self,
        name: str,
        *,
        experiment: str,
        method: str,
        on: str = ...,
        parameters: Mapping[str, object] | None = ...,
        settings: Mapping[str, object] | None = ...,
        request_id: str | None = ...,
        **more: object,
    ) -> AsyncOperation[Clustering]: ...
    async def cut(
        self,
        name: str,
        *,
        experiment: str,
        source: str,
        level: float | None = ...,
        n_clusters: int | None = ...,
        request_id: str | None = ...,
    ) -> AsyncOperation[Clustering]: ...
    async def levels(self, experiment: str, name: str) -> pa.Table: ...
    async def update(
        self,
        experiment: str,
        name: str,
        *,
        cluster_titles: Mapping[int, str] | None = ...,
        title: str | None = ...,
        description: str | None = ...,
        etag: str = ...,
    ) -> Clustering: ...
    async def assignments(
        self,
        experiment: str,
        name: str,
        *,
        rows: Iterable[int] | None = ...,
        columns: Iterable[str] = ...,
        level: float | None = ...,
    ) -> pa.Table: ...
    async def compare(
        self, experiment: str, a: str, b: str | None = ..., *, column: str | None = ...
    ) -> Comparison: ...

class _AsyncPredictions(_AsyncExperimentCollection[Prediction], _AsyncMethodsOfKind[Prediction]):
    async def run(
        self,
        name: str,
        *,
        experiment: str,
        scheme: str | None = ...,
        column: str | None = ...,
        method: str = ...,
        parameters: Mapping[str, object] | None = ...,
        settings: Mapping[str, object] | None = ...,
        request_id: str | None = ...,
        **more: object,
    ) -> AsyncOperation[Prediction]: ...
    async def table(
        self, experiment: str, name: str, *, rows: Iterable[int] | None = ..., columns: Iterable[str] = ...
    ) -> pa.Table: ...

class _AsyncSearch:
    async def similar(
        self,
        experiment: str,
        *,
        image: str | int | None = ...,
        row: int | None = ...,
        file: str | Path | bytes | None = ...,
        vector: Sequence[float] | npt.NDArray[np.floating] | None = ...,
        selection: str | None = ...,
        cluster: tuple[str, int] | None = ...,
        like: Examples | None = ...,
        unlike: Examples | None = ...,
        k: int = ...,
        scope: Scope = ...,
        clustering: str | None = ...,
        filter: str = ...,
        exact: bool = ...,
    ) -> Results[Match]: ...
    async def similar_to_each(
        self,
        experiment: str,
        *,
        images: Iterable[str] | None = ...,
        rows: Iterable[int] | None = ...,
        vectors: npt.ArrayLike | None = ...,
        k: int = ...,
        filter: str = ...,
        exact: bool = ...,
    ) -> pa.Table: ...

class _AsyncExplanations:
    async def traverse(
        self,
        experiment: str,
        *,
        image: str | int | None = ...,
        row: int | None = ...,
        axes: Sequence[int] = ...,
        components: int | None = ...,
        steps: int = ...,
        reach: float = ...,
    ) -> Traversals: ...
    async def interpolate(
        self, experiment: str, first: str | int, second: str | int, *, steps: int = ...
    ) -> ImagePath: ...
    async def sample(self, encoder: str, *, count: int = ..., seed: int = ...) -> ImageSamples: ...
    async def similarity(self, experiment: str, first: str | int, second: str | int) -> Similarity: ...
    async def prototypes(
        self, experiment: str, clustering: str, *, count: int = ..., diverse: bool = ...
    ) -> Prototypes: ...
    async def concepts(self, experiment: str, *, count: int = ..., images: int = ..., seed: int = ...) -> Concepts: ...
    async def concept_strengths(
        self, experiment: str, concept: int, *, count: int = ..., seed: int = ...
    ) -> NDArray[np.float32]: ...

class _AsyncLabelSchemes(_AsyncProjectCollection[LabelScheme]):
    async def create(
        self,
        name: str,
        *,
        title: str = ...,
        description: str = ...,
        classes: Iterable[str] = ...,
        class_definitions: Mapping[str, str] | None = ...,
    ) -> LabelScheme: ...
    async def update(
        self,
        name: str,
        *,
        title: str | None = ...,
        description: str | None = ...,
        etag: str = ...,
        classes: Iterable[str] | None = ...,
        class_definitions: Mapping[str, str] | None = ...,
    ) -> LabelScheme: ...

class _AsyncLabels:
    async def set(self, scheme: str, *, dataset: str, rows: Iterable[int], label: str) -> int: ...
    async def table(
        self,
        scheme: str,
        *,
        dataset: str,
        rows: Iterable[int] | None = ...,
        columns: Iterable[str] = ...,
        each_expert: bool = ...,
    ) -> pa.Table: ...
    async def agreement(self, scheme: str, *, dataset: str) -> ExpertAgreement: ...
    async def suggest(self, scheme: str, *, experiment: str, count: int = ...) -> Suggestion: ...

class _AsyncRemarks:
    async def set(
        self,
        dataset: str,
        *,
        rows: Iterable[int],
        interest: int | None = ...,
        add_tags: Iterable[str] = ...,
        remove_tags: Iterable[str] = ...,
        note: str | None = ...,
    ) -> int: ...
    async def table(
        self, dataset: str, *, rows: Iterable[int] | None = ..., columns: Iterable[str] = ...
    ) -> pa.Table: ...
    async def rank(self, experiment: str, *, count: int = ..., unjudged_only: bool = ...) -> pa.Table: ...

class _AsyncSelections(_AsyncProjectCollection[Selection]):
    async def create(
        self, name: str, *, dataset: str, rows: Iterable[int], title: str = ..., description: str = ...
    ) -> Selection: ...

class _AsyncBookmarks(_AsyncProjectCollection[Bookmark]):
    async def create(
        self, name: str, *, query: str, title: str = ..., description: str = ..., pinned: bool = ...
    ) -> Bookmark: ...
    async def update(
        self,
        name: str,
        *,
        query: str | None = ...,
        pinned: bool | None = ...,
        title: str | None = ...,
        description: str | None = ...,
        etag: str = ...,
    ) -> Bookmark: ...

class _AsyncOperations:
    async def list(
        self, *, active: bool = ..., filter: str = ..., everywhere: bool = ..., limit: int | None = ...
    ) -> list[AsyncOperation[Any]]: ...
    async def get(self, name: str) -> AsyncOperation[Any]: ...
    async def cancel(self, name: str) -> None: ...
    async def retry(self, name: str, *, request_id: str | None = ...) -> AsyncOperation[Any]: ...

class _AsyncAccess:
    async def caller(self) -> Caller: ...
    async def caller_in_project(self) -> Caller: ...
    async def projects(self) -> list[Project]: ...
    async def create_project(self, project: str, *, title: str = ..., description: str = ...) -> Project: ...
    async def update_project(self, *, title: str | None = ..., description: str | None = ...) -> Project: ...
    async def delete_project(self, project: str) -> None: ...
    async def members(self) -> list[Member]: ...
    async def add_member(self, principal: str, role: Role) -> Member: ...
    async def set_role(self, principal: str, role: Role) -> Member: ...
    async def remove_member(self, principal: str) -> None: ...
    async def tokens(self, *, service_accounts: bool = ..., principal: str = ...) -> list[Token]: ...
    async def create_token(
        self,
        *,
        service_account: str | None = ...,
        title: str = ...,
        role: Role = ...,
        projects: Iterable[str] = ...,
        days: float | None = ...,
    ) -> tuple[Token, str]: ...
    async def revoke_token(self, name: str) -> None: ...
    async def quotas(self) -> list[Quota]: ...
    async def quota(self) -> Quota: ...
    async def set_quota(self, **limits: int | None) -> Quota: ...
    def audit(
        self, *, filter: str = ..., everywhere: bool = ..., limit: int | None = ...
    ) -> AsyncIterator[AuditEntry]: ...
    async def garbage(self, *, everywhere: bool = ...) -> list[Garbage]: ...
    async def remove_garbage(self, what: Iterable[str], *, everywhere: bool = ...) -> list[Garbage]: ...

class AsyncClient:
    @property
    def project(self) -> str: ...
    @property
    def address(self) -> str: ...
    async def projects(self) -> list[str]: ...
    async def close(self) -> None: ...
    async def health(self, service: str = ...) -> str: ...
    async def ping(self) -> bool: ...
    async def service_states(self) -> dict[str, str]: ...
    async def export(
        self,
        experiment: str,
        out: str | Path,
        *,
        format: str | None = ...,
        selection: str | None = ...,
        vectors: bool = ...,
    ) -> Path: ...
    datasets: _AsyncDatasets
    encoders: _AsyncEncoders
    experiments: _AsyncExperiments
    projections: _AsyncProjections
    clusterings: _AsyncClusterings
    predictions: _AsyncPredictions
    search: _AsyncSearch
    explanations: _AsyncExplanations
    label_schemes: _AsyncLabelSchemes
    labels: _AsyncLabels
    remarks: _AsyncRemarks
    selections: _AsyncSelections
    bookmarks: _AsyncBookmarks
    operations: _AsyncOperations
    access: _AsyncAccess

    def __init__(self, sync: Client) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_: object) -> None: ...
    def with_project(self, project: str) -> AsyncClient: ...

def connect_async(address: str | None = ..., *, token: str | None = ..., project: str | None = ...) -> AsyncClient: ...
