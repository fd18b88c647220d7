"""Agreement of experts: published figures, scikit-learn's kappa, and what cannot be said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from lse.analysis.agreement import agreement, cohen_kappa, krippendorff_alpha


def test_alpha_is_that_of_krippendorffs_own_example() -> None:
    """Four observers, twelve units, missing labels: 0.743 (Krippendorff 2011, section D)."""
    said = ["1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3", ". 3 3 3 2 3 4 2 2 5 1 .", "1 2 3 3 2 4 4 1 2 5 1 ."]
    triples = [
        (row, label, f"observer {number}")
        for number, line in enumerate(said)
        for row, label in enumerate(line.split())
        if label != "."
    ]
    rows, labels, authors = zip(*triples, strict=True)
    found = agreement(np.array(rows), labels, authors)
    assert found.alpha == pytest.approx(0.743, abs=5e-4)
    assert found.shared == 11  # the last has a single label
    assert found.images == (9, 11, 10, 11)
    # Of the second image one of four said otherwise, of the sixth three of four.
    assert found.disputed.tolist() == [5, 1, 7]


def test_alpha_follows_from_fleiss_kappa_where_nothing_is_missing() -> None:
    """Fleiss (1971): fourteen raters of ten subjects, kappa 0.210; alpha corrects for the number of labels."""
    votes = np.array(
        [
            [0, 0, 0, 0, 14],
            [0, 2, 6, 4, 2],
            [0, 0, 3, 5, 6],
            [0, 3, 9, 2, 0],
            [2, 2, 8, 1, 1],
            [7, 7, 0, 0, 0],
            [3, 2, 6, 3, 0],
            [2, 5, 3, 2, 2],
            [6, 5, 2, 1, 0],
            [0, 2, 2, 3, 7],
        ]
    )
    alpha = krippendorff_alpha(votes)
    assert alpha is not None
    total = votes.sum()
    assert 1 - (1 - alpha) * total / (total - 1) == pytest.approx(0.210, abs=5e-4)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_kappa_is_scikit_learns(said: list[tuple[int, int]]) -> None:
    first, second = (np.array(column) for column in zip(*said, strict=True))
    kappa = cohen_kappa(first, second, 4)
    if kappa is None:
        assert len({*first.tolist(), *second.tolist()}) == 1
    else:
        assert kappa == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)


def test_what_cannot_be_said_is_none() -> None:
    nobody = agreement(np.array([], dtype=np.int64), [], [])
    assert (nobody.experts, nobody.alpha, nobody.shared, len(nobody.disputed)) == ((), None, 0, 0)
    apart = agreement(np.array([0, 1]), ["a", "b"], ["Ada", "Bo"])
    assert (apart.pairs[0].images, apart.pairs[0].agreement, apart.pairs[0].kappa) == (0, None, None)
    assert apart.alpha is None
    same = agreement(np.array([0, 0, 1, 1]), ["a"] * 4, ["Ada", "Bo"] * 2)
    assert (same.pairs[0].agreement, same.pairs[0].kappa, same.alpha) == (1.0, None, None)
