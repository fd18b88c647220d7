"""Similarities of search are cosines, also of imported vectors of tiny and of huge length."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lse.client import connect
from running_services import RunningServices


def test_tiny_and_huge_vectors_are_found_by_their_direction(services: RunningServices, prepared: str, tmp_path: Path):
    with connect(services.address, project=prepared) as client:
        names = client.datasets.table("first").to_pandas().query("status == 'prepared'").sort_values("row")["name"]
        random = np.random.default_rng(0)
        directions = random.normal(size=(len(names), 8))
        lengths = 10.0 ** random.uniform(-30, 30, len(names))
        vectors = (directions * lengths[:, None]).astype(np.float32)
        np.savez(tmp_path / "vectors.npz", names=names.to_numpy(str), vectors=vectors)
        client.experiments.import_vectors("lengths", tmp_path / "vectors.npz", dataset="first").wait(
            show_progress=False
        )
        exact = vectors.astype(np.float64)
        exact /= np.linalg.norm(exact, axis=1, keepdims=True)
        cosines = exact @ exact[0]
        expected = np.argsort(-cosines)[1:6]
        found = client.search.similar("lengths", image=names.iloc[0], k=5, exact=True)
        assert [match.row for match in found] == expected.tolist()
        assert [match.similarity for match in found] == pytest.approx(cosines[expected], abs=1e-5)
        for scale in (1e-30, 1e30):
            by_vector = client.search.similar("lengths", vector=directions[0] * scale, k=1, exact=True)
            assert (by_vector[0].row, by_vector[0].similarity) == (0, pytest.approx(1, abs=1e-5))
