"""From the labels of some images to the classes of all: linear probe and fine-tuning, one module each."""

from __future__ import annotations

from lse.methods import Registry
from lse.representation.prediction.labelled import Labelled, Predictor
from lse.representation.prediction.predictor import Learn, Material, PredictorFacts, PredictorParameters, Run

__all__ = ["PREDICTORS", "Labelled", "Learn", "Material", "Predictor", "PredictorFacts", "PredictorParameters"]

PREDICTORS: Registry[Run, PredictorFacts] = Registry(
    kind="prediction method",
    package="lse.representation.prediction",
    group="lse.predictors",
    parameters=PredictorParameters,
    facts=PredictorFacts,
)
