"""Pictures on their way to the browser: a sample first, then all points, and only what was asked last."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import holoviews as hv
import numpy as np
import pyarrow as pa
import pytest
from bokeh.models import ColumnDataSource
from PIL import Image

from lse.pointcloud.sets import PointSet
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import groups
from lse_dashboard.plots.scatter_2d import View, fitted_view
from lse_dashboard.state.scatter import Scatter
from lse_dashboard.theme import DARK
from lse_dashboard.views import scatter_2d
from lse_dashboard.views.scatter_2d import Scatter2D


class Later:
    """Background work that a test runs when it likes."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def __call__(self, work: Callable[[], Any], then: Callable[[Any], None], failed: Callable[[Any], None]) -> None:
        self.waiting.append(lambda: then(work()))

    def soon(self, step: Callable[[], None]) -> None:
        step()

    def run(self) -> None:
        self.waiting.pop(0)()

    def run_all(self) -> None:
        while self.waiting:
            self.run()


class Page:
    """A plot of 20,000 points in a page whose browser is this test."""

    def __init__(self, later: Later) -> None:
        rng = np.random.default_rng(0)
        self.scatter = Scatter()
        self.cloud = Cloud.of(np.arange(20_000), rng.normal(size=(20_000, 2)).astype(np.float32))
        self.scatter.enter(self.cloud, groups("class", pa.array(rng.integers(0, 4, 20_000)), none="no value"))
        self.shown: list[tuple[int, bool]] = []
        self.plot = Scatter2D(
            self.scatter, DARK, lambda _: None, lambda _: None, background=later, on_frame=self._remember, thumbnail=str
        )
        self.root = self.plot.pane.get_root()
        self.plot.view = fitted_view(self.cloud.extent, 200, 160)

    def _remember(self) -> None:
        frame = self.plot.frame
        assert frame is not None
        self.shown.append((frame.points, frame.exact))

    def sent(self) -> dict[str, Any]:
        """The picture that the browser has."""
        sources = self.root.select({"type": ColumnDataSource})
        (source,) = (one for one in sources if "png" in one.column_names)
        return dict(source.data)


@pytest.fixture
def later() -> Later:
    return Later()


@pytest.fixture
def page(later: Later, monkeypatch: pytest.MonkeyPatch) -> Page:
    monkeypatch.setattr(scatter_2d, "FIRST_POINTS", 2_000)
    hv.extension("bokeh")
    return Page(later)


def test_a_sample_is_shown_first_and_then_all_points(page: Page, later: Later) -> None:
    page.plot.redraw()
    later.run()
    (sample,) = page.shown
    assert sample == (pytest.approx(2_000, rel=0.05), False)
    first = page.sent()
    assert Image.open(io.BytesIO(first["png"][0])).size == (200, 160)
    later.run()
    assert page.shown[1:] == [(20_000, True)]
    assert later.waiting == []
    whole = page.sent()
    assert len(whole["png"][0]) > len(first["png"][0])
    assert page.plot.view is not None
    left, right = page.plot.view.x_range
    assert (whole["x"], whole["width"]) == ([left], [right - left])


def test_only_the_picture_that_was_asked_last_is_shown(page: Page, later: Later) -> None:
    page.plot.redraw()
    middle = View((-0.1, 0.1), (-0.08, 0.08), 200, 160)
    page.plot.view = middle
    page.plot.redraw()
    later.run()
    assert page.shown == []
    later.run()
    assert page.plot.frame is not None
    assert page.plot.frame.view == middle
    assert page.sent()["width"] == [pytest.approx(0.2)]


def test_what_is_selected_is_seen_in_the_next_picture(page: Page, later: Later) -> None:
    page.plot.view = View((-0.1, 0.1), (-0.08, 0.08), 200, 160)
    page.plot.redraw()
    later.run_all()
    before = page.sent()["png"]
    near = np.hypot(*page.cloud.coordinates.T) < 0.05
    page.scatter.param.update(selected=PointSet.of(near))
    page.plot.redraw()
    later.run_all()
    assert page.sent()["png"] != before
    alpha = np.asarray(Image.open(io.BytesIO(page.sent()["png"][0])).convert("RGBA"))[..., 3]
    assert alpha[60:100, 80:120].max() > 150
    assert alpha[:20].max() < 60


def test_a_map_is_seen_without_what_lies_far_away_until_it_is_asked_for() -> None:
    page = Page(Later())
    points = page.cloud.coordinates[np.argsort(page.cloud.rows)]
    points[7] = 90
    cloud = Cloud.of(np.arange(20_000), points)
    page.scatter.enter(cloud, None)
    page.plot.fit()
    assert page.plot.view is not None
    assert page.plot.view.x_range[1] < 12
    assert page.plot.place(120, 90) is not None  # the minimap shows all, and where the view is
    page.plot.show_whole()
    assert page.plot.view.x_range[1] > 90
    assert page.plot.place(120, 90) is None
