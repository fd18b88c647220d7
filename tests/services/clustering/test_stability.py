"""The stability of a clustering through the doors: a figure, a value a cluster and a value an image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lse.client import connect
from lse.errors import InvalidArgumentError
from running_services import RunningServices


def test_stability_is_measured_where_it_is_asked_for(services: RunningServices, prepared: str, tmp_path: Path) -> None:
    with connect(services.address, project=prepared) as client:
        made = client.clusterings.run(
            "stable", experiment="first", method="kmeans", parameters={"n_clusters": 3, "stability_runs": 4}
        ).wait(show_progress=False)
        assert 0 <= made.figures["stability"] <= 1
        assert all(each.stability is not None and 0 <= each.stability <= 1 for each in made.clusters)
        assert any("4 repetitions on 80% of the images" in note for note in made.notes)
        values = client.clusterings.assignments("first", "stable")["stability"].to_numpy()
        assert len(values) == 24
        assert 0 <= np.nanmin(values) <= np.nanmax(values) <= 1
        table = client.export("first", tmp_path / "out.csv")
        assert "stability.stable" in table.read_text()
        plain = client.clusterings.get("first", "first")
        assert "stability" not in plain.figures
        assert all(each.stability is None for each in plain.clusters)
        assert client.clusterings.assignments("first", "first").column_names == ["row", "cluster", "membership"]
        client.clusterings.delete("first", "stable")
        with pytest.raises(InvalidArgumentError, match="100"):
            client.clusterings.run("x", experiment="first", method="kmeans", stability_runs=101)
