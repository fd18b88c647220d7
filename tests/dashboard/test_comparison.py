"""What sets a selection apart from the rest."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from lse_dashboard.data.colouring import groups
from lse_dashboard.data.comparison import cliffs_delta, compared


def test_effect_sizes_are_those_of_all_pairs() -> None:
    random = np.random.default_rng(5)
    first, second = random.integers(0, 9, 40).astype(float), random.integers(2, 11, 70).astype(float)
    pairs = np.sign(first[:, None] - second[None, :])
    assert cliffs_delta(first, second) == pytest.approx(pairs.mean())
    assert cliffs_delta(first, np.array([])) == 0.0


def test_the_numbers_that_differ_most_come_first() -> None:
    random = np.random.default_rng(0)
    inside = np.arange(400) < 100
    columns = {
        "same": pa.chunked_array([random.normal(size=400)]),
        "brighter": pa.chunked_array([random.normal(size=400) + 2.0 * inside]),
        "smaller": pa.chunked_array([random.normal(size=400) - 0.8 * inside]),
        "constant": pa.chunked_array([np.ones(400)]),
        "missing": pa.chunked_array([pa.nulls(400, pa.float64())]),
    }
    found = compared(inside, columns, dict.fromkeys(columns, "gradient"))
    assert (found.selected, found.rest, found.sampled) == (100, 300, False)
    assert [one.column for one in found.differences] == ["brighter", "smaller", "same"]
    assert found.differences[0].effect > 0.6
    assert found.differences[1].effect < -0.2
    assert max(found.differences[0].selected_shape) == 1.0


def test_shares_are_of_the_selection_and_of_the_rest() -> None:
    inside = np.array([True, True, True, False, False, False, False, False])
    classes = pa.chunked_array([["a", "a", "b", "b", "b", "b", "b", "a"]])
    clusters = groups("kmeans", pa.array([0, 0, 0, 1, 1, 1, 1, None]), none="noise")
    found = compared(inside, {"class": classes}, {"class": "groups"}, [clusters])
    assert [title for title, _ in found.shares] == ["kmeans", "class"]
    (only,) = found.shares[0][1]
    assert (only.label, only.count, only.selected, only.rest) == ("0", 3, 1.0, 0.0)
    first, second = found.shares[1][1]
    assert (first.label, first.count, second.label, second.count) == ("a", 2, "b", 1)
    assert first.selected == pytest.approx(2 / 3)
    assert first.rest == pytest.approx(1 / 5)
