"""Steps of the end-to-end chain on the simulated survey, small enough for a busy machine of two cores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lse.client import Client

__all__ = ["RECIPE", "TRAINING", "make_dataset", "make_encoder"]

RECIPE = {
    "channels": ["g", "r"],
    "size": 32,
    "nan": {"policy": "median", "max_fraction": 0.9},
    "stretch": {"kind": "asinh", "limits": {"kind": "percentile", "low": 1, "high": 99.9}},
}
# Small enough for a busy machine of two cores; what is tested is the way, not the quality.
TRAINING = {"epochs": 4, "width": 8, "latent_dim": 16, "batch_size": 64}


def make_dataset(client: Client, survey: Path, name: str = "survey") -> Any:
    """Operation that ingests the survey."""
    return client.datasets.ingest(name, [survey / "images"], recipe=RECIPE, catalogue=survey / "catalogue.csv")


def make_encoder(client: Client, name: str = "encoder", dataset: str = "survey") -> Any:
    """Operation that trains an encoder on it."""
    return client.encoders.train(name, dataset=dataset, method="simclr", parameters=TRAINING, seed=7)
