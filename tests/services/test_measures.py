"""Outlier scores and the trust of maps from door to door: client, export, explorer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lse.client import connect
from lse.errors import FailedPreconditionError, InvalidArgumentError
from lse_dashboard.data.colour_choices import measures
from lse_dashboard.data.gradient import Gradient
from lse_dashboard.data.library import Library
from lse_dashboard.data.opening import Wanted, opened
from running_services import RunningServices


def test_scores_and_shares_are_read_exported_and_coloured_by(
    services: RunningServices, prepared: str, tmp_path: Path
) -> None:
    with connect(services.address, project=prepared) as client:
        experiment = client.experiments.get("first")
        assert (experiment.neighbour_recall, experiment.neighbour_recall_images) == (1.0, 0)
        assert experiment.outlier_scores == ("knn_distance", "lof", "isolation_forest", "mahalanobis")
        assert client.experiments.vectors("first").column_names == ["row", "name", "vector"]
        worst = client.experiments.outliers("first", by="lof", k=3).to_pandas()
        assert list(worst.columns) == ["row", "name", *experiment.outlier_scores]
        every = client.experiments.vectors("first", columns=["lof"]).to_pandas()["lof"]
        np.testing.assert_array_equal(worst["lof"], np.sort(every)[::-1][:3])
        with pytest.raises(InvalidArgumentError, match="use knn_distance, lof"):
            client.experiments.outliers("first", by="size")
        assert client.projections.coordinates("first", "first").column_names == ["row", "x", "y"]
        trust = client.projections.trust("first", "first").to_pandas()
        figures = client.projections.get("first", "first").figures
        for share in ("false_neighbours", "missed_neighbours"):
            assert figures[share] == pytest.approx(trust[share].mean(), abs=1e-6)
        client.export("first", tmp_path / "all.parquet")
        import pandas as pd

        exported = pd.read_parquet(tmp_path / "all.parquet")
        np.testing.assert_array_equal(exported["first.false_neighbours"], trust["false_neighbours"])
        np.testing.assert_array_equal(exported["outlier.lof"], every)
        library = Library(lambda: client)
        shown = opened(library, prepared, Wanted("first"))
        offered = measures(shown.contents, shown.projection)
        assert offered["map · false neighbours"] == "trust:false_neighbours"
        assert offered["outlier · isolation forest"] == "outlier:isolation_forest"
        for colour in offered.values():
            coloured = opened(library, prepared, Wanted("first", colour_by=colour)).colouring
            assert isinstance(coloured, Gradient)
            assert coloured.missing == 0


def test_experiments_of_earlier_versions_say_what_to_do(client, world) -> None:
    world.experiment("old", world.dataset("d", [{"class": "a"}] * 5), np.eye(5))
    with pytest.raises(FailedPreconditionError, match="encode the dataset again"):
        client.experiments.outliers("old")
