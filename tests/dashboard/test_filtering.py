"""Bars of charts, and what passes them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.clouds import coloured, mask_of

from lse.pointcloud.sets import PointSet
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import Colouring, Groups
from lse_dashboard.data.filtering import BARS, Interval, Kept, chart_of, interval_typed, passing, passing_others
from lse_dashboard.data.gradient import gradient
from lse_dashboard.state.background import immediately
from lse_dashboard.state.filters import Filters
from lse_dashboard.state.scatter import Scatter

values = st.lists(
    st.one_of(st.just(np.nan), st.floats(-1e6, 1e6), st.integers(0, 9).map(float)), min_size=1, max_size=200
)


@given(values, st.integers(0, BARS - 1), st.integers(0, BARS - 1))
def test_bars_that_are_chosen_pass_what_they_show(numbers: list[float], first: int, last: int) -> None:
    column = gradient("x", np.array(numbers))
    chart = chart_of(column)
    assert sum(chart.counts()) == len(numbers)
    interval = chart.between(first, last)
    low, high = sorted((first, last))
    passes = passing(column, interval)
    assert passes.mask().tolist() == ((chart.bars >= low) & (chart.bars <= high)).tolist()
    assert chart.bars_of(interval)[0] == low


def test_a_tail_does_not_squeeze_the_rest() -> None:
    chart = chart_of(gradient("flux", np.append(np.linspace(0, 1, 999), 1e6)))
    assert chart.edges[-1] == pytest.approx(1.0, abs=0.01)
    assert sum(chart.counts()) == 1000


def test_what_is_missing_passes_no_interval() -> None:
    column = gradient("x", np.array([1.0, np.nan, 3.0]))
    assert passing(column, Interval()).mask().tolist() == [True, False, True]
    assert passing(column, Interval(high=1.0)).mask().tolist() == [True, False, False]
    assert passing(column, Kept(frozenset({"1"}))).places().tolist() == []


@pytest.mark.parametrize(
    ("low", "high", "interval"),
    [
        ("", "", Interval()),
        ("-1e3", "", Interval(-1000.0)),
        ("", "−2", Interval(high=-2.0)),
        ("x", "", None),
        ("nan", "", None),
    ],
)
def test_ends_are_typed(low: str, high: str, interval: Interval | None) -> None:
    assert interval_typed(low, high) == interval


def test_each_chart_counts_what_passes_the_others() -> None:
    count = 1000
    random = np.random.default_rng(0)
    columns = {
        "a": gradient("a", random.normal(size=count)),
        "b": Groups("b", random.integers(0, 3, count).astype(np.int32), ("u", "v", "w")),
    }
    scatter = Scatter()

    def of_images(colouring: Colouring) -> Colouring:
        assert scatter.cloud is not None
        return coloured(scatter.cloud, colouring)

    def shown() -> list[bool]:
        assert scatter.cloud is not None
        assert scatter.shown is not None
        return mask_of(scatter.cloud, scatter.shown).tolist()

    filters = Filters(immediately, scatter, lambda key: lambda: of_images(columns[key]))
    cloud = Cloud.of(np.arange(count), random.normal(size=(count, 2)).astype(np.float32))
    scatter.enter(cloud, None)
    filters.add("a")
    filters.add("b")
    filters.limit("a", Interval(0.5))
    filters.keep("b", "v")
    above, v = columns["a"].values >= 0.5, columns["b"].codes == 1
    assert shown() == (above & v).tolist()
    assert filters.charts["b"].passing[:3] == tuple(np.bincount(columns["b"].codes[above], minlength=3))
    assert sum(filters.charts["a"].passing) == v.sum()
    assert filters.charts["a"].every == chart_of(columns["a"]).counts()

    # Another map of the same images is filtered alike; a filter that is asked for again shows groups as before.
    scatter.enter(Cloud.of(cloud.rows, cloud.coordinates[::-1].copy()), None, keep=True)
    assert shown() == (above & v).tolist()
    filters.keep("b", "v")
    assert shown() == above.tolist()
    filters.remove("a")
    assert all(shown())
    filters.keep("b", "u")
    scatter.show_all()
    assert filters.limits == {}
    assert filters.charts["b"].limit is None

    # Other groups under the same name: what cannot be asked of them any more is not.
    filters.keep("b", "u")
    columns["b"] = Groups("c", columns["b"].codes, ("x", "y", "z"))
    filters.refresh()
    assert filters.limits == {}
    assert filters.charts["b"].chart.labels == ("x", "y", "z")
    assert all(shown())

    # Other images: nothing of it is left.
    filters.keep("b", "x")
    scatter.enter(Cloud.of(np.arange(5), cloud.coordinates[:5]), None)
    assert filters.charts == {}
    assert all(shown())


def test_nothing_else_hides_anything_of_a_chart_alone() -> None:
    assert passing_others({"a": PointSet.all_of(2)}, "a") is None
