"""What a second map takes over from the first."""

from __future__ import annotations

import numpy as np

from lse_dashboard.data.colouring import Groups, moved
from lse_dashboard.data.gradient import Gradient, gradient


def test_colours_go_with_the_image_not_with_the_place() -> None:
    groups = Groups("class", np.array([0, 1, 1], np.int32), ("a", "b"))
    at = np.array([2, 0, -1])
    other = moved(groups, at)
    assert isinstance(other, Groups)
    assert [other.labels[code] for code in other.codes] == ["b", "a", "no value"]
    numbers = moved(gradient("x", np.array([1.0, 2.0, 3.0])), at)
    assert isinstance(numbers, Gradient)
    np.testing.assert_array_equal(numbers.values, [3.0, 1.0, np.nan])
    assert numbers.missing == 1
    assert moved(None, at) is None
