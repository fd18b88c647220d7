"""A declared chain from images to clusters, run through the client.

    from lse.client import connect
    from lse.client.pipeline import load_pipeline, run_pipeline

    report = run_pipeline(connect(), load_pipeline("examples/first-radio.yaml"))

Running it again continues: every step is asked for with an identifier made of its content, so that what is done is
found again and what is under way is waited for.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import yaml

from lse.client.client import Client
from lse.client.operations import Operation
from lse.client.pipeline_file import ClusteringStep, Pipeline, ProjectionStep, load_pipeline
from lse.client.pipeline_report import ClusteringReport, PipelineReport, Rejection, StageReport, clustering_report
from lse.client.requests import recipe_text, setting_text
from lse.client.resources import Clustering, Dataset, Encoder, Evaluation, Experiment, MadeResource, Projection
from lse.platform.errors import AlreadyExistsError, FailedPreconditionError, NotFoundError

__all__ = ["Pipeline", "PipelineReport", "Watch", "load_pipeline", "run_pipeline"]

ResourceT = TypeVar("ResourceT", bound=MadeResource)

_NAMESPACE = uuid.UUID("6f6ab3d5-5a0b-52a8-a3c2-9f0a1d2b7c11")
# So often a step can have failed, been cancelled or been deleted before it is refused.
_ATTEMPTS = 1000


class Watch(Protocol):
    """Waits for the end of an operation and returns its result, showing what it likes meanwhile."""

    def __call__(self, operation: Operation[Any], *, label: str) -> Any:
        """Wait; `label` names the stage."""


def _wait(operation: Operation[Any], *, label: str) -> Any:
    del label
    return operation.wait(show_progress=False)


def run_pipeline(client: Client, pipeline: Pipeline, *, watch: Watch = _wait) -> PipelineReport:
    """Run what is declared, or what is still missing of it, and report on all of it.

    Parameters
    ----------
    client
        Client of the project in which the resources are made.
    pipeline
        The declared chain; its own project is not looked at.
    watch
        Waits for the operation of each stage.

    Raises
    ------
    AlreadyExistsError
        If a resource of a step's name exists that was made with other parameters.
    LseError
        What a step ends with.
    """
    return _Run(client, pipeline, watch).run()


class _Run:
    """A pipeline on its way."""

    def __init__(self, client: Client, pipeline: Pipeline, watch: Watch) -> None:
        self._client = client
        self._pipeline = pipeline
        self._watch = watch
        self._stages: dict[str, StageReport] = {}

    def run(self) -> PipelineReport:
        """Run all steps in their order."""
        pipeline = self._pipeline
        dataset = self._dataset()
        encoder = self._encoder()
        evaluation = self._evaluation(dataset, encoder)
        experiment = self._experiment()
        for projection in pipeline.projections:
            self._projection(projection)
        clusterings = {step.name: self._scores(self._clustering(step)) for step in pipeline.clusterings}
        return PipelineReport(
            dataset=dataset,
            encoder=encoder,
            experiment=experiment,
            rejections=self._rejections(),
            stages=self._stages,
            evaluation=evaluation,
            clusterings=clusterings,
        )

    def _dataset(self) -> Dataset:
        step = self._pipeline.dataset
        datasets = self._client.datasets

        def same(found: Dataset) -> bool:
            # What was joined is not told by a dataset, so one with a catalogue is known by its identifier only.
            return (
                step.catalogue is None
                and list(found.sources) == step.sources
                and _within(step.recipe or {}, yaml.safe_load(found.recipe) or {})
            )

        return self._ensure(
            "ingest",
            target=f"dataset '{step.name}'",
            content={"step": "dataset", **step.model_dump()},
            get=lambda: datasets.get(step.name),
            start=lambda request_id: datasets.ingest(
                step.name,
                step.sources,
                recipe=recipe_text(step.recipe) if step.recipe else None,
                catalogue=step.catalogue,
                catalogue_key=step.catalogue_key,
                request_id=request_id,
            ),
            same=same,
            delete=lambda: datasets.delete(step.name),
        )

    def _encoder(self) -> Encoder:
        step, dataset = self._pipeline.encoder, self._pipeline.dataset.name
        encoders = self._client.encoders
        return self._ensure(
            "train",
            target=f"encoder '{step.name}'",
            content={"step": "encoder", "dataset": dataset, **step.model_dump()},
            get=lambda: encoders.get(step.name),
            start=lambda request_id: encoders.train(
                step.name,
                dataset=dataset,
                method=step.method,
                settings=step.settings,
                seed=step.seed,
                request_id=request_id,
            ),
            same=lambda found: (
                (_id(found.dataset), found.method, found.seed) == (dataset, step.method, step.seed)
                and _same_settings(step.settings, found.settings)
            ),
            delete=lambda: encoders.delete(step.name),
        )

    def _experiment(self) -> Experiment:
        step, pipeline = self._pipeline.experiment, self._pipeline
        experiments = self._client.experiments
        wanted = (pipeline.dataset.name, pipeline.encoder.name)
        return self._ensure(
            "encode",
            target=f"experiment '{step.name}'",
            content={"step": "experiment", "of": list(wanted), **step.model_dump()},
            get=lambda: experiments.get(step.name),
            start=lambda request_id: experiments.encode(
                step.name,
                dataset=pipeline.dataset.name,
                encoder=pipeline.encoder.name,
                neighbours=step.neighbours,
                request_id=request_id,
            ),
            same=lambda found: (
                (_id(found.dataset), _id(found.encoder)) == wanted and step.neighbours in (None, found.neighbours)
            ),
            delete=lambda: experiments.delete(step.name),
        )

    def _projection(self, step: ProjectionStep) -> Projection:
        experiment, projections = self._pipeline.experiment.name, self._client.projections
        wanted = (step.method, step.components, step.seed)
        return self._ensure(
            f"project-{step.name}",
            target=f"projection '{step.name}'",
            content={"step": "projection", "experiment": experiment, **step.model_dump()},
            get=lambda: projections.get(experiment, step.name),
            start=lambda request_id: projections.run(
                step.name,
                experiment=experiment,
                method=step.method,
                components=step.components,
                settings=step.settings,
                seed=step.seed,
                request_id=request_id,
            ),
            same=lambda found: (
                (found.method, found.components, found.seed) == wanted and _same_settings(step.settings, found.settings)
            ),
            delete=lambda: projections.delete(experiment, step.name),
        )

    def _clustering(self, step: ClusteringStep) -> Clustering:
        experiment, clusterings = self._pipeline.experiment.name, self._client.clusterings
        wanted = (step.method, "" if step.on == "latent" else step.on, step.seed)
        return self._ensure(
            f"cluster-{step.name}",
            target=f"clustering '{step.name}'",
            content={"step": "clustering", "experiment": experiment, **step.model_dump()},
            get=lambda: clusterings.get(experiment, step.name),
            start=lambda request_id: clusterings.run(
                step.name,
                experiment=experiment,
                method=step.method,
                on=step.on,
                settings=step.settings,
                seed=step.seed,
                request_id=request_id,
            ),
            same=lambda found: (
                (found.method, _id(found.projection), found.seed) == wanted
                and _same_settings(step.settings, found.settings)
            ),
            delete=lambda: clusterings.delete(experiment, step.name),
        )

    def _evaluation(self, dataset: Dataset, encoder: Encoder) -> Evaluation | None:
        step = self._pipeline.evaluate
        if step is None:
            return None
        # An evaluation has no name of its own: it is found again as long as what it was made of stays the same.
        content = {
            "step": "evaluate",
            "encoder": encoder.uid,
            "dataset": [dataset.uid, dataset.prepared, dataset.rejected],
            **step.model_dump(),
        }
        operation = self._start(
            lambda request_id: self._client.encoders.evaluate(
                encoder.name, dataset=dataset.name, label_column=step.label_column, request_id=request_id
            ),
            _identifiers(self._client.project, content),
            still_there=lambda operation: operation.error is None,
        )
        reused = operation.done
        evaluation: Evaluation = self._watch(operation, label="evaluate")
        self._record("evaluate", operation, reused=reused)
        return evaluation

    def _scores(self, clustering: Clustering) -> ClusteringReport:
        adjusted_rand = clustering.figures.get("adjusted_rand")
        if adjusted_rand is None and self._pipeline.evaluate is not None:
            experiment = self._pipeline.experiment.name
            column = self._pipeline.evaluate.label_column
            adjusted_rand = self._client.clusterings.compare(experiment, clustering.id, column=column).adjusted_rand
        return clustering_report(clustering, adjusted_rand)

    def _rejections(self) -> tuple[Rejection, ...]:
        columns = ["source", "status", "reason", "message"]
        table = self._client.datasets.table(self._pipeline.dataset.name, columns).select(columns)
        return tuple(
            Rejection(row["source"], row["reason"], row["message"])
            for batch in table.to_batches()
            for row in batch.to_pylist()
            if row["status"] == "rejected"
        )

    def _ensure(
        self,
        stage: str,
        *,
        target: str,
        content: Mapping[str, Any],
        get: Callable[[], ResourceT],
        start: Callable[[str], Operation[ResourceT]],
        same: Callable[[ResourceT], bool],
        delete: Callable[[], None],
    ) -> ResourceT:
        """Find the resource of a step again, wait for it where it is being made, or make it."""
        identifiers = _identifiers(self._client.project, content)
        found = _found(get)
        if found is not None and found.state == "failed":
            delete()  # nothing of it can be read, and its name is needed
            found = None
        if found is None:
            operation = self._start(
                start, identifiers, still_there=lambda operation: _made_by(_found(get), operation.name)
            )
            made: ResourceT = self._watch(operation, label=stage)
            self._record(stage, operation, reused=False)
            return made
        maker = self._operation(found.operation)
        asked_here = maker is not None and maker.request_id in set(identifiers)
        if not asked_here and not same(found):
            raise AlreadyExistsError(
                f"The {target} exists already and was made with other parameters: delete it or give the one of the "
                "pipeline another name.",
                reason="OTHER_PARAMETERS",
                name=found.name,
            )
        reused = found.state == "ready"
        if not reused:
            if maker is None:
                raise FailedPreconditionError(
                    f"The {target} is being made by an operation that is not known any more: delete it.",
                    reason="OPERATION_NOT_FOUND",
                    name=found.name,
                )
            found = self._watch(maker, label=stage)
        self._record(stage, maker, reused=reused)
        return found

    def _start(
        self,
        start: Callable[[str], Operation[Any]],
        identifiers: list[str],
        *,
        still_there: Callable[[Operation[Any]], bool],
    ) -> Operation[Any]:
        """First operation that goes on or whose result is still there.

        The same identifier gives the same operation, also one that failed, was cancelled, or whose result was deleted
        since: then the next identifier is taken.
        """
        for identifier in identifiers:
            operation = start(identifier)
            if not operation.done or still_there(operation):
                return operation
        raise FailedPreconditionError(
            f"This step was tried {len(identifiers)} times: change its name or its parameters.", reason="TOO_MANY_TRIES"
        )

    def _operation(self, name: str) -> Operation[Any] | None:
        return _found(lambda: self._client.operations.get(name)) if name else None

    def _record(self, stage: str, operation: Operation[Any] | None, *, reused: bool) -> None:
        parts: dict[str, float] = {}
        seconds = 0.0
        if operation is not None:
            parts = dict(operation.stages)
            seconds = sum(parts.values())
            if not parts and operation.start_time and operation.end_time:
                seconds = (operation.end_time - operation.start_time).total_seconds()
        self._stages[stage] = StageReport(seconds=seconds, parts=parts, reused=reused)


FoundT = TypeVar("FoundT")


def _found(get: Callable[[], FoundT]) -> FoundT | None:
    try:
        return get()
    except NotFoundError:
        return None


def _made_by(resource: MadeResource | None, operation: str) -> bool:
    return resource is not None and resource.operation == operation


def _identifiers(project: str, content: Mapping[str, Any]) -> list[str]:
    """Request ids of a step, one for each time that it may be tried: UUIDs made of its content."""
    text = json.dumps({"project": project, **content}, sort_keys=True, default=str)
    first = uuid.uuid5(_NAMESPACE, text)
    return [str(first), *(str(uuid.uuid5(first, str(attempt))) for attempt in range(1, _ATTEMPTS))]


def _id(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def _same_settings(wanted: Mapping[str, object], in_force: Mapping[str, str]) -> bool:
    """Whether all parameters wanted are in force; what was left to the data may be anything."""
    return all(value is None or _same_text(setting_text(value), in_force.get(key)) for key, value in wanted.items())


def _same_text(a: str, b: str | None) -> bool:
    if b is None:
        return False
    try:
        return float(a) == float(b)
    except ValueError:
        return a.strip() == b.strip()


def _within(part: object, whole: object) -> bool:
    """Whether all keys declared in a part have the same values in the whole."""
    if isinstance(part, Mapping):
        return isinstance(whole, Mapping) and all(key in whole and _within(part[key], whole[key]) for key in part)
    return part == whole
