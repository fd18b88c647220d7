"""Several encoders on the same images: what each is worth in one table, and which to use.

    from lse.client import connect
    from lse.client.bake_off import run_bake_off

    found = run_bake_off(connect(), "survey", methods=["simclr", "package:efficientnet_lite0"])

Running it again continues: encoders that are there are used, and evaluations that were made are not made again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lse.client.pipeline import wait_quietly
from lse.client.pipeline_file import PRETRAINED
from lse.errors import AlreadyExistsError, FailedPreconditionError, LseError, NotFoundError

if TYPE_CHECKING:
    from lse.client.client import Client
    from lse.client.operations import Operation
    from lse.client.pipeline import Watch
    from lse.client.resources import Dataset, Encoder, Evaluation

__all__ = ["BakeOff", "BakeOffRun", "Contender", "StillRunningError", "look", "run_bake_off"]

# Differences of two scores by chance, in standard errors of one of them.
_BY_CHANCE = 2.0
_LONGEST_ID = 63


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One encoder of a bake-off.

    Attributes
    ----------
    encoder, method
        Its short id, and how it was made.
    neighbours, linear_probe
        Balanced accuracies of the 20 nearest neighbours and of a linear probe; None without classes.
    views
        Share of images whose other view is nearer than an image of equal background, which needs no classes.
    nuisances
        Share of the variance of the vectors that properties explain which should not matter.
    sound
        Whether the verdict objects to nothing.
    seconds
        Time that its making took; None where that is not known any more.
    parameter_count, dimension
        Weights of the network, and length of its vectors.
    images
        Images that it was scored on.
    failure
        Why it could not be made or scored; empty otherwise.
    doing
        What is done with it now; empty once it is judged.
    """

    encoder: str
    method: str
    neighbours: float | None = None
    linear_probe: float | None = None
    views: float | None = None
    nuisances: float | None = None
    sound: bool | None = None
    seconds: float | None = None
    parameter_count: int = 0
    dimension: int = 0
    images: int = 0
    failure: str = ""
    doing: str = ""

    @property
    def score(self) -> float:
        """What contenders are compared by: the neighbours, which maps and searches show, or views without classes."""
        found = self.views if self.neighbours is None else self.neighbours
        return -math.inf if found is None or self.failure else found

    @property
    def uncertainty(self) -> float:
        """How far its score may differ from another by chance."""
        share = min(max(self.score, 0.0), 1.0)
        return _BY_CHANCE * math.sqrt(share * (1 - share) / max(self.images, 1))


@dataclass(frozen=True, kw_only=True)
class BakeOff:
    """What came out.

    Attributes
    ----------
    dataset
        Short id of the dataset.
    contenders
        The best first.
    recommendation
        Which to use, and why; empty until all are judged.
    """

    dataset: str
    contenders: tuple[Contender, ...]
    recommendation: str


def run_bake_off(
    client: Client,
    dataset: str,
    *,
    encoders: Sequence[str] = (),
    methods: Sequence[str] = (),
    label_column: str | None = None,
    again: bool = False,
    watch: Watch = wait_quietly,
) -> BakeOff:
    """Make and judge encoders on a dataset, or what is still missing of that.

    Parameters
    ----------
    client
        Client of the project.
    dataset
        Dataset that they are made for and judged on.
    encoders
        Encoders that are there; when neither these nor `methods` are given, all that take the images.
    methods
        Training methods, and pretrained networks such as ``package:efficientnet_lite0``: each is made with its default
        parameters, as ``<dataset>-<method>``, unless it is there.
    label_column
        Column of the classes (default: ``class``, and no classes where there is no such column).
    again
        Whether evaluations that are there are made again.
    watch
        Waits for the operation of each step.

    Raises
    ------
    AlreadyExistsError
        If an encoder of the name of a method was made otherwise.
    FailedPreconditionError
        If there is no encoder to judge.
    """
    run = BakeOffRun(client, dataset, encoders, methods, watch=watch, label_column=label_column, again=again)
    while not run.ended:
        run.step()
    return run.found()


class BakeOffRun:
    """A bake-off, one encoder after the other.

    Parameters
    ----------
    client, dataset, encoders, methods, label_column, again
        As for `run_bake_off`, whose errors these are, too.
    watch
        Waits for the operation of each step; where it is `look`, steps wait for nothing.
    """

    def __init__(
        self,
        client: Client,
        dataset: str,
        encoders: Sequence[str] = (),
        methods: Sequence[str] = (),
        *,
        watch: Watch,
        label_column: str | None = None,
        again: bool = False,
    ) -> None:
        self._client, self._images, self._watch = client, client.datasets.get(dataset), watch
        self._label_column, self._again = label_column, again
        self._known = {method.id for method in client.encoders.methods()}
        wanted = list(encoders)
        if not encoders and not methods:
            wanted = [each.id for each in client.encoders.list() if each.state == "ready" and _fits(each, self._images)]
            if not wanted:
                raise FailedPreconditionError(
                    f"No encoder takes the images of '{self._images.id}': name methods to train, such as simclr.",
                    reason="ENCODER_MISSING",
                )
        self._left = [*((each, "") for each in wanted), *((_id_of(self._images.id, each), each) for each in methods)]
        self._judging: Operation[Evaluation] | None = None
        self._contenders: list[Contender] = []
        self._doing = ""

    @property
    def ended(self) -> bool:
        """Whether all are judged, or failed."""
        return not self._left

    def step(self) -> None:
        """Make and judge the next encoder; where nothing is waited for, see how far it is."""
        name, method = self._left[0]
        try:
            made = _made(self._client, self._images, name, method, trained=method in self._known, watch=self._watch)
            self._contenders.append(_contender(self._client, made, self._evaluation(made)))
        except StillRunningError as running:
            self._doing = str(running)
            return
        except AlreadyExistsError:
            raise
        except LseError as error:
            # One that fails must not cost the others.
            self._contenders.append(Contender(encoder=name, method=method, failure=error.message))
        self._left.pop(0)
        self._judging, self._doing = None, ""

    def found(self) -> BakeOff:
        """What came out so far, the best first; then what is under way, and what has to wait."""
        ended = sorted(self._contenders, key=lambda each: -each.score)
        left = [
            Contender(encoder=name, method=method, doing=self._doing if self._doing and not number else "waiting")
            for number, (name, method) in enumerate(self._left)
        ]
        advice = "" if left else " ".join(_recommend(ended))
        return BakeOff(dataset=self._images.id, contenders=(*ended, *left), recommendation=advice)

    def _evaluation(self, encoder: Encoder) -> Evaluation:
        """The newest evaluation of the version in use on the dataset, made where there is none."""
        images, column = self._images, self._label_column
        for each in reversed(encoder.evaluations):
            same = (each.version, each.dataset) == (encoder.version, images.name) and bool(each.verdict)
            if same and not self._again and column in (None, each.label_column):
                return each
        if self._judging is None:
            self._judging = self._client.encoders.evaluate(encoder.id, dataset=images.id, label_column=column)
        found: Evaluation = self._watch(self._judging, label=f"judging {encoder.id}")
        return found


class StillRunningError(LseError):
    """What is waited for has not ended yet; the text is what it does."""


def look(operation: Operation[Any], *, label: str) -> Any:  # noqa: ARG001 - the signature of `Watch`
    """Result of an operation that has ended.

    Raises
    ------
    StillRunningError
        It has not.
    """
    if operation.refresh().done:
        return operation.result()
    progress = operation.last_progress
    share = f", {progress.done / progress.total:.0%}" if progress.total else ""
    raise StillRunningError(f"{progress.stage or operation.state}{share}")


def _fits(encoder: Encoder, images: Dataset) -> bool:
    return (encoder.channels, encoder.image_size) == (len(images.channels), images.image_size)


def _id_of(dataset: str, method: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", method.lower().rpartition("/")[2]).strip("-")
    return f"{dataset}-{slug}"[-_LONGEST_ID:].strip("-")


def _made(client: Client, images: Dataset, name: str, method: str, *, trained: bool, watch: Watch) -> Encoder:
    """An encoder that is there, is being made, or is made now."""
    try:
        found = client.encoders.get(name)
    except NotFoundError:
        if not method:
            raise
    else:
        if method and (found.dataset, found.method) != (images.name, method if trained else PRETRAINED):
            raise AlreadyExistsError(
                f"The encoder '{name}' exists already and was not made by {method} of '{images.id}': name it among the "
                "encoders instead, or delete it.",
                reason="PARAMETERS_MISMATCH",
                name=found.name,
            )
        if found.state != "failed" or not method:
            return found if found.state == "ready" else watch(client.operations.get(found.operation), label=name)
        client.encoders.delete(name)  # nothing of it can be read, and its name is needed
    operation = (
        client.encoders.train(name, dataset=images.id, method=method)
        if trained
        else client.encoders.pretrained(name, method, dataset=images.id)
    )
    made: Encoder = watch(operation, label=name)
    return made


def _contender(client: Client, encoder: Encoder, evaluation: Evaluation) -> Contender:
    return Contender(
        encoder=encoder.id,
        method=encoder.method,
        neighbours=evaluation.knn_balanced_accuracy,
        linear_probe=evaluation.linear_probe_balanced_accuracy,
        views=evaluation.figures.get("views_nearer"),
        nuisances=evaluation.figures.get("nuisances_variance_explained"),
        sound=evaluation.sound,
        seconds=_seconds(client, encoder),
        parameter_count=encoder.parameter_count,
        dimension=encoder.dimension,
        images=evaluation.images,
    )


def _seconds(client: Client, encoder: Encoder) -> float | None:
    """Time that the version in use took to make."""
    makers = [version.operation for version in encoder.versions if version.version == encoder.version]
    try:
        stages = client.operations.get((makers or [encoder.operation])[0]).stages
    except LseError:
        return None  # operations are not kept for ever
    return sum(seconds for _, seconds in stages) or None


def _recommend(contenders: Sequence[Contender]) -> Iterator[str]:
    """Which to use, in sentences."""
    scored = [each for each in contenders if each.score > -math.inf]
    if not scored:
        yield "Nothing could be judged: see the failures."
        return
    best = scored[0]
    measure = "its nearest neighbours recognise {:.1%} (balanced over the classes)"
    if best.neighbours is None:
        measure = "it finds another view of an image before an image of equal background in {:.1%}"
    level = [each for each in scored if best.score - each.score <= best.uncertainty]
    smallest = min(level, key=lambda each: (each.sound is False, each.parameter_count or math.inf, -each.score))
    yield f"Use {smallest.encoder}: {measure.format(smallest.score)}."
    others = [each.encoder for each in level if each is not smallest]
    if others:
        objections = [each.sound is False for each in level]
        among = " of those without objections" if any(objections) and not all(objections) else ""
        yield (
            f"{', '.join(others)} cannot be told from it (differences up to {100 * best.uncertainty:.1f} points happen "
            f"by chance), and it has the fewest weights{among}."
        )
    elif len(scored) > 1:
        yield f"That is {100 * (best.score - scored[1].score):.1f} points ahead of {scored[1].encoder}."
    if smallest.sound is False:
        yield f"Its verdict has objections: `lse encoder card {smallest.encoder}` names them."
