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
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

import yaml
from pydantic import BaseModel

from lse.client.client import Client
from lse.client.clusterings import LATENT
from lse.client.operations import Operation
from lse.client.pipeline_check import check_pipeline
from lse.client.pipeline_file import PRETRAINED, ClusteringStep, Pipeline, ProjectionStep, load_pipeline
from lse.client.pipeline_matching import as_declared, within
from lse.client.pipeline_report import ClusteringReport, PipelineReport, Rejection, StageReport, clustering_report
from lse.client.requests import recipe_text
from lse.client.resources import Clustering, Dataset, Encoder, Evaluation, Experiment, MadeResource, Projection
from lse.errors import AlreadyExistsError, FailedPreconditionError, InvalidArgumentError, NotFoundError

__all__ = ["Pipeline", "PipelineReport", "Watch", "check_pipeline", "load_pipeline", "run_pipeline", "wait_quietly"]

ResourceT = TypeVar("ResourceT", bound=MadeResource)
FoundT = TypeVar("FoundT")

_NAMESPACE = uuid.UUID("6f6ab3d5-5a0b-52a8-a3c2-9f0a1d2b7c11")
# So often a step can have failed, been cancelled or been deleted before it is refused.
_ATTEMPTS = 1000


class Watch(Protocol):
    """Waits for the end of an operation and returns its result, showing what it likes meanwhile."""

    def __call__(self, operation: Operation[Any], *, label: str) -> Any:
        """Wait; `label` names the stage."""


def wait_quietly(operation: Operation[Any], *, label: str) -> Any:
    """Wait for the end of an operation and return its result, without a word."""
    del label
    return operation.wait(show_progress=False)


def run_pipeline(client: Client, pipeline: Pipeline, *, watch: Watch = wait_quietly) -> PipelineReport:
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


@dataclass(frozen=True)
class _Made(Generic[ResourceT]):
    """What a step makes.

    Attributes
    ----------
    kind
        Its kind, for a person.
    collection
        Where it is found.
    ids
        Its short id, after the one of the experiment that it lies below.
    start
        Starts making it, given a ``request_id``.
    differences
        What of one that was found was not made as the step says.
    """

    kind: str
    collection: Any
    ids: tuple[str, ...]
    start: Callable[..., Operation[ResourceT]]
    differences: Callable[[ResourceT], list[str]]

    def find(self) -> ResourceT | None:
        """The resource; None where there is none."""
        return _found(lambda: self.collection.get(*self.ids))

    def delete(self) -> None:
        """Delete the resource."""
        self.collection.delete(*self.ids)


class _Run:
    """A pipeline on its way."""

    def __init__(self, client: Client, pipeline: Pipeline, watch: Watch) -> None:
        self._client = client
        self._pipeline = pipeline
        self._watch = watch
        self._stages: dict[str, StageReport] = {}
        self._left_out: dict[str, str] = {}

    def run(self) -> PipelineReport:
        """Run all steps in their order, once nothing is wrong with any."""
        pipeline = self._pipeline
        check_pipeline(self._client, pipeline)
        dataset = self._dataset()
        encoder = self._encoder()
        evaluation = self._evaluation(dataset, encoder)
        experiment = self._experiment()
        for projection in pipeline.projections:
            self._projection(projection)
        clusterings = [self._clustering(step) for step in pipeline.clusterings]
        return PipelineReport(
            dataset=dataset,
            encoder=encoder,
            experiment=experiment,
            rejections=self._rejections(),
            stages=self._stages,
            evaluation=evaluation,
            clusterings={made.id: self._scores(made) for made in clusterings if made is not None},
            left_out=self._left_out,
        )

    def _dataset(self) -> Dataset:
        step, datasets = self._pipeline.dataset, self._client.datasets
        start = partial(
            datasets.ingest,
            step.name,
            step.sources,
            recipe=recipe_text(step.recipe) if step.recipe else None,
            catalogue=step.catalogue,
            catalogue_key=step.catalogue_key,
        )

        def differences(found: Dataset) -> list[str]:
            # A dataset does not say what was joined, so one with a catalogue is known by its identifier only.
            agrees = {
                "catalogue": step.catalogue is None,
                "sources": list(found.sources) == step.sources,
                "recipe": within(step.recipe or {}, yaml.safe_load(found.recipe) or {}),
            }
            return [key for key, value in agrees.items() if not value]

        return self._ensure("ingest", _Made("dataset", datasets, (step.name,), start, differences), step)

    def _encoder(self) -> Encoder:
        step, encoders = self._pipeline.encoder, self._client.encoders
        dataset = self._pipeline.dataset.name
        wanted: dict[str, object] = {"dataset": dataset, "method": step.method}
        start: Callable[..., Operation[Encoder]]
        if step.method == PRETRAINED:
            network: dict[str, Any] = dict(step.parameters)
            start = partial(encoders.pretrained, step.name, dataset=dataset, **network)
        else:
            wanted["seed"] = step.seed
            start = partial(
                encoders.train, step.name, dataset=dataset, method=step.method, parameters=step.all_parameters()
            )
        differences = as_declared(wanted, step.parameters, encoders.methods)
        made = _Made("encoder", encoders, (step.name,), start, differences)
        return self._ensure("train", made, step, dataset=dataset)

    def _experiment(self) -> Experiment:
        step, experiments = self._pipeline.experiment, self._client.experiments
        of = {"dataset": self._pipeline.dataset.name, "encoder": self._pipeline.encoder.name}
        start = partial(
            experiments.encode,
            step.name,
            dataset=of["dataset"],
            encoder=of["encoder"],
            neighbours=step.neighbours,
        )
        differences = as_declared({**of, "neighbours": step.neighbours})
        return self._ensure("encode", _Made("experiment", experiments, (step.name,), start, differences), step, **of)

    def _projection(self, step: ProjectionStep) -> Projection | None:
        projections, experiment = self._client.projections, self._pipeline.experiment.name
        start = partial(
            projections.run,
            step.name,
            experiment=experiment,
            method=step.method,
            parameters=step.all_parameters(),
        )
        wanted = {"method": step.method, "components": step.components, "seed": step.seed}
        differences = as_declared(wanted, step.parameters, projections.methods)
        made = _Made("projection", projections, (experiment, step.name), start, differences)
        return self._arrange(f"project-{step.name}", made, step, experiment)

    def _clustering(self, step: ClusteringStep) -> Clustering | None:
        clusterings, experiment = self._client.clusterings, self._pipeline.experiment.name
        start = partial(
            clusterings.run,
            step.name,
            experiment=experiment,
            method=step.method,
            on=step.on,
            parameters=step.all_parameters(),
        )
        wanted = {"method": step.method, "projection": "" if step.on == LATENT else step.on, "seed": step.seed}
        differences = as_declared(wanted, step.parameters, clusterings.methods)
        made = _Made("clustering", clusterings, (experiment, step.name), start, differences)
        return self._arrange(f"cluster-{step.name}", made, step, experiment)

    def _arrange(
        self, stage: str, made: _Made[ResourceT], step: ProjectionStep | ClusteringStep, experiment: str
    ) -> ResourceT | None:
        """Make what arranges or groups the images; None where it is optional and the images do not allow it."""
        try:
            return self._ensure(stage, made, step, experiment=experiment)
        except InvalidArgumentError as error:
            # What was refused before it began is wrong whatever the images are, such as a name.
            if not step.optional or made.find() is None:
                raise
            made.delete()
            self._left_out[stage] = error.message
            return None

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
            partial(self._client.encoders.evaluate, encoder.name, dataset=dataset.name, label_column=step.label_column),
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

    def _ensure(self, stage: str, made: _Made[ResourceT], step: BaseModel, **of: str) -> ResourceT:
        """Find the resource of a step again, wait for it where it is being made, or make it."""
        identifiers = _identifiers(
            self._client.project, {"step": made.kind, **of, **step.model_dump(exclude={"optional"})}
        )
        found = made.find()
        if found is not None and found.state == "failed":
            made.delete()  # nothing of it can be read, and its name is needed
            found = None
        if found is None:
            operation = self._start(
                made.start, identifiers, still_there=lambda operation: _made_by(made.find(), operation.name)
            )
            result: ResourceT = self._watch(operation, label=stage)
            self._record(stage, operation, reused=False)
            return result
        maker = self._operation(found.operation)
        asked_here = maker is not None and maker.request_id in set(identifiers)
        differences = [] if asked_here else made.differences(found)
        if differences:
            raise AlreadyExistsError(
                f"The {made.kind} '{found.id}' exists already and was made with other parameters "
                f"({'; '.join(differences)}): delete it or give the one of the pipeline another name.",
                reason="PARAMETERS_MISMATCH",
                name=found.name,
            )
        reused = found.state == "ready"
        if not reused:
            if maker is None:
                raise FailedPreconditionError(
                    f"The {made.kind} '{found.id}' is being made by an operation that is not known any more: "
                    "delete it.",
                    reason="OPERATION_LOST",
                    name=found.name,
                )
            found = self._watch(maker, label=stage)
        self._record(stage, maker, reused=reused)
        return found

    def _start(
        self,
        start: Callable[..., Operation[Any]],
        identifiers: list[str],
        *,
        still_there: Callable[[Operation[Any]], bool],
    ) -> Operation[Any]:
        """First operation that goes on or whose result is still there.

        The same identifier gives the same operation, also one that failed, was cancelled, or whose result was deleted
        since: then the next identifier is taken.
        """
        for identifier in identifiers:
            operation = start(request_id=identifier)
            if not operation.done or still_there(operation):
                return operation
        raise FailedPreconditionError(
            f"This step was tried {len(identifiers)} times: change its name or its parameters.",
            reason="ATTEMPTS_TOO_MANY",
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
