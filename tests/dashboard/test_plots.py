"""Pictures of clouds, looked at pixel by pixel."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import Gradient, numbered_groups
from lse_dashboard.plots.flat import View, fitted_view, shade
from lse_dashboard.plots.palette import point_colours
from lse_dashboard.plots.screenshot import picture_with_title
from lse_dashboard.plots.solid import drawn_points, figure

RED, BLUE = (255, 0, 0), (0, 0, 255)


def test_a_fitted_view_holds_everything_at_one_scale() -> None:
    view = fitted_view((0, 0, 10, 2), 400, 300, right=100)
    assert (view.x_range[1] - view.x_range[0]) / 400 == pytest.approx((view.y_range[1] - view.y_range[0]) / 300)
    assert view.x_range[0] < 0
    assert view.x_range[1] - 100 * view.pixel > 10
    assert view.y_range[0] < 0
    assert view.y_range[1] > 2


def test_points_are_drawn_where_they_are_in_their_colour() -> None:
    points = np.array([[0.25, 0.25], [0.75, 0.75]], dtype=np.float32)
    view = View((0, 1), (0, 1), 80, 60)
    image = shade(points, np.array([RED, BLUE], dtype=np.uint8), view, shown=np.ones(2, bool), point_size=5)
    assert image.shape == (60, 80, 4)
    assert tuple(image[15, 20, :3]) == RED
    assert tuple(image[45, 60, :3]) == BLUE
    assert image[15, 20, 3] > 150
    assert image[15, 60, 3] == 0
    assert 15 < np.count_nonzero(image[..., 3]) < 100


def test_hidden_points_are_not_drawn_and_unselected_ones_are_dim() -> None:
    points = np.array([[0.25, 0.25], [0.75, 0.75], [0.25, 0.75]], dtype=np.float32)
    view = View((0, 1), (0, 1), 80, 60)
    image = shade(
        points,
        np.array([RED, BLUE, RED], dtype=np.uint8),
        view,
        shown=np.array([True, True, False]),
        selected=np.array([False, True, False]),
        point_size=5,
    )
    assert 0 < image[15, 20, 3] < 60
    assert image[45, 60, 3] > 150
    assert image[45, 20, 3] == 0


def test_nothing_shown_is_an_empty_picture() -> None:
    view = View((0, 1), (0, 1), 8, 6)
    image = shade(np.zeros((1, 2), np.float32), np.zeros((1, 3), np.uint8), view, shown=np.zeros(1, bool))
    assert not image.any()


def test_a_screenshot_is_a_png_with_room_for_the_legend() -> None:
    groups = numbered_groups("kmeans", np.array([0, 1, -1]), none=-1, none_label="noise")
    gradient = Gradient("redshift", np.array([0.1, 0.2, np.nan]), 0.1, 0.2, 1)
    cloud = np.zeros((300, 400, 4), dtype=np.uint8)
    cloud[..., 3] = 255
    for colouring in (groups, gradient, None):
        png = picture_with_title(cloud, title="title", caption="3 of 3 points shown", colouring=colouring)
        picture = Image.open(io.BytesIO(png))
        assert picture.format == "PNG"
        assert picture.width >= 400
        assert picture.height > 300
        assert len(set(picture.convert("L").tobytes())) > 20


def test_all_points_of_a_solid_cloud_are_drawn_up_to_the_limit() -> None:
    shown = np.arange(50) % 2 == 0
    assert drawn_points(shown).tolist() == list(range(0, 50, 2))
    sample = drawn_points(shown, limit=10)
    assert len(sample) == 10
    assert shown[sample].all()
    assert np.array_equal(sample, drawn_points(shown, limit=10))


def test_a_solid_figure_gives_each_point_its_row_and_colour() -> None:
    cloud = Cloud(np.array([3, 5, 8]), np.arange(9, dtype=np.float32).reshape(3, 3))
    groups = numbered_groups("kmeans", np.array([0, 1, 0]), none=None, none_label="")
    colours = point_colours(groups, 3)
    drawn = np.arange(3)
    made = figure(cloud, colours, drawn, selected=None, marked=1, point_size=3, revision="r")
    points, ring = made["data"]
    assert points["customdata"].tolist() == [3, 5, 8]
    assert points["x"].tolist() == [0, 3, 6]
    scale = points["marker"]["colorscale"]
    assert len(scale) == 4
    codes = points["marker"]["color"]
    assert codes[0] == codes[2] != codes[1]
    assert scale[2 * int(codes[1])][1] == f"#{bytes(colours[1]).hex()}"
    assert ring["customdata"].tolist() == [5]
    chosen = figure(
        cloud, colours, drawn, selected=np.array([True, False, False]), marked=None, point_size=3, revision="r"
    )
    assert [len(trace["x"]) for trace in chosen["data"]] == [2, 1, 0]
