"""The ways to learn from labels, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from pydantic import Field

from lse.platform.parameters import Method, MethodDescription, Parameters, find_method, parse_parameters
from lse.training.linear_probe import linear_probe
from lse.training.predictions.fine_tuning import FineTuningParameters, fine_tune
from lse.training.predictions.labelled import Labelled, Predictor

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from lse.platform.progress import ProgressCallback, ShouldStop
    from lse.training.images import ArrayLike

__all__ = ["Learn", "Material", "learner", "list_prediction_methods", "needs_encoder", "read_prediction_parameters"]

Learn: TypeAlias = Callable[[Labelled], Predictor]


@dataclass(frozen=True)
class Material:
    """What a prediction may learn from.

    Attributes
    ----------
    vectors
        Vectors of all images of the experiment, float32, shape (n, dimension).
    images
        Their prepared images, shape (n, channels, size, size).
    new_encoder
        Reads the encoder of the experiment, with the weights of its training each time.
    seed
        Of all randomness.
    on_progress, should_stop
        Called now and then.
    """

    vectors: NDArray[np.float32]
    images: ArrayLike
    new_encoder: Callable[[], nn.Module]
    seed: int
    on_progress: ProgressCallback | None = None
    should_stop: ShouldStop | None = None


class LinearProbeParameters(Parameters):
    """Parameters of the linear probe."""

    inverse_regularisation: float | None = Field(
        default=None,
        gt=0,
        description="Larger values trust the labels more; when not given, 10 with fewer than 45 labels, and found by "
        "cross-validation on them with more.",
    )
    folds: int = Field(default=5, ge=2, le=20, description="Folds over which the prediction is scored.")


_Run: TypeAlias = Callable[[Material, Any], Learn]


def _linear_probe(material: Material, parameters: Any) -> Learn:
    vectors = material.vectors
    fit = linear_probe(material.seed, strength=parameters.inverse_regularisation, population=vectors, calibrated=True)

    def learn(labelled: Labelled) -> Predictor:
        probe = fit(vectors[labelled.rows], labelled.codes)

        def predict(rows: NDArray[np.int64]) -> NDArray[np.float32]:
            # A fold may have no image of a class that it could learn from.
            probabilities = np.zeros((len(rows), len(labelled.classes)), np.float32)
            probabilities[:, probe.classes_] = probe.predict_proba(vectors[rows])
            return probabilities

        return predict

    return learn


def _fine_tuning(material: Material, parameters: Any) -> Learn:
    def learn(labelled: Labelled) -> Predictor:
        return fine_tune(
            material.new_encoder(),
            material.images,
            labelled,
            parameters=parameters,
            seed=material.seed,
            on_progress=material.on_progress,
            should_stop=material.should_stop,
        )

    return learn


_ALL: tuple[Method[_Run], ...] = (
    Method(
        name="linear-probe",
        title="Linear probe",
        help="A logistic regression on the vectors: takes seconds, works with every encoder, and is hard to beat "
        "with up to five labels a class.",
        parameters=LinearProbeParameters,
        run=_linear_probe,
    ),
    Method(
        name="fine-tuning",
        title="Fine-tuning",
        help="The encoder goes on learning from the labels: takes minutes, and does better from ten labels a class.",
        parameters=FineTuningParameters,
        run=_fine_tuning,
    ),
)
_METHODS: Mapping[str, Method[_Run]] = {method.name: method for method in _ALL}


def list_prediction_methods() -> list[MethodDescription]:
    """All methods with their parameters, simplest first."""
    return [method.describe() for method in _METHODS.values()]


def read_prediction_parameters(method: str, values: Mapping[str, object]) -> Parameters:
    """Parameters of a method in force, of values or texts; what is not given takes its default.

    Raises
    ------
    InvalidArgumentError
        The method or a key is unknown, or a value is wrong.
    """
    return parse_parameters(find_method(_METHODS, method).parameters, values)


def needs_encoder(method: str) -> bool:
    """Whether a method needs the weights of the encoder, and not its vectors alone."""
    return find_method(_METHODS, method).run is _fine_tuning


def learner(method: str, material: Material, parameters: Parameters) -> Learn:
    """Function that learns from labelled images by a method."""
    return find_method(_METHODS, method).run(material, parameters)
