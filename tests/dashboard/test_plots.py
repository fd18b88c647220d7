"""Pictures of clouds, looked at pixel by pixel."""

from __future__ import annotations

import gc
import io
import json
from pathlib import Path
from weakref import ref
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from tests.support.clouds import coloured, points_where

from lse.pointcloud.coded import HIDDEN
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import groups
from lse_dashboard.data.gradient import Gradient
from lse_dashboard.plots.overlay import Over
from lse_dashboard.plots.palette import group_colours, rgb
from lse_dashboard.plots.scatter_2d import View, draw, drawn, fitted_view, painted
from lse_dashboard.plots.scatter_3d import Solid, picture, solid
from lse_dashboard.plots.screenshot import FORMATS, write_figure
from lse_dashboard.theme import DARK, LIGHT, Theme
from lse_dashboard.views.point_stream import PointStream


def test_a_fitted_view_holds_everything_at_one_scale() -> None:
    view = fitted_view((0, 0, 10, 8), 400, 300, corner=(100, 200))
    assert (view.x_range[1] - view.x_range[0]) / 400 == pytest.approx((view.y_range[1] - view.y_range[0]) / 300)
    assert view.x_range[0] < 0
    assert view.x_range[1] - 100 * view.pixel > 10
    assert view.y_range[0] < 0
    assert view.y_range[1] > 8


def test_a_fitted_view_is_below_what_lies_in_its_corner_where_it_is_larger_there() -> None:
    view = fitted_view((0, 0, 10, 2), 400, 300, corner=(100, 150))
    assert view.x_range[1] - 100 * view.pixel < 10 < view.x_range[1]
    assert view.y_range[1] - 150 * view.pixel > 2
    assert view.y_range[0] < 0


def picture_of(
    points: np.ndarray,
    classes: list[int],
    *,
    shown: list[bool] | None = None,
    selected: list[bool] | None = None,
    size: int = 5,
) -> np.ndarray:
    cloud = Cloud.of(np.arange(len(points)), points.astype(np.float32))
    chosen = None if selected is None else points_where(cloud, selected)
    colouring = coloured(cloud, groups("kmeans", pa.array(classes), none="noise"))
    seen = cloud.every if shown is None else points_where(cloud, shown)
    points_ = painted(cloud, colouring, DARK, shown=seen, selected=chosen)
    return draw(points_, View((0, 1), (0, 1), 80, 60), point_size=size).picture.rgba()


RED, BLUE = (tuple(rgb(colour)) for colour in group_colours(groups("kmeans", pa.array([0, 1]), none=""), DARK))


def test_points_are_drawn_where_they_are_in_their_colour() -> None:
    image = picture_of(np.array([[0.25, 0.25], [0.75, 0.75]]), [0, 1])
    assert image.shape == (60, 80, 4)
    assert tuple(image[15, 20, :3]) == RED
    assert tuple(image[45, 60, :3]) == BLUE
    assert image[15, 20, 3] > 150
    assert image[15, 60, 3] == 0
    assert 15 < np.count_nonzero(image[..., 3]) < 100


def test_hidden_points_are_not_drawn_and_unselected_ones_are_dim() -> None:
    points = np.array([[0.25, 0.25], [0.75, 0.75], [0.25, 0.75]])
    image = picture_of(points, [0, 1, 0], shown=[True, True, False], selected=[False, True, False])
    assert 0 < image[15, 20, 3] < 60
    assert image[45, 60, 3] > 150
    assert image[45, 20, 3] == 0


def test_nothing_shown_is_an_empty_picture() -> None:
    assert not picture_of(np.zeros((1, 2)), [0], shown=[False]).any()


def test_a_pixel_shows_most_of_its_points_and_never_a_colour_that_no_legend_has() -> None:
    rng = np.random.default_rng(0)
    classes = np.repeat([0, 1], [200_000, 200_000]).tolist()
    points = np.concatenate([rng.normal(0.4, 0.1, (200_000, 2)), rng.normal(0.6, 0.1, (200_000, 2))])
    image = picture_of(points, classes, size=1)
    filled = image[image[..., 3] > 0]
    assert {tuple(colour) for colour in np.unique(filled[:, :3], axis=0)} == {RED, BLUE}
    assert tuple(image[24, 32, :3]) == RED
    assert tuple(image[36, 48, :3]) == BLUE
    assert image[24, 32, 3] > image[10, 14, 3]


def test_numbers_are_drawn_by_their_mean_and_missing_ones_in_grey() -> None:
    points = np.array([[0.2, 0.5], [0.2, 0.5], [0.8, 0.5], [0.5, 0.5]])
    cloud = Cloud.of(np.arange(4), points.astype(np.float32))
    colouring = coloured(cloud, Gradient("redshift", np.array([0.0, 1.0, 0.5, np.nan]), 0, 1, 1))
    drawn = draw(painted(cloud, colouring, DARK, shown=cloud.every), View((0, 1), (0, 1), 80, 60), point_size=5)
    image = drawn.picture.rgba()
    assert tuple(image[30, 16, :3]) == tuple(image[30, 64, :3])
    assert tuple(image[30, 40, :3]) == tuple(rgb(DARK.grey))


def test_pictures_that_are_kept_keep_no_colouring() -> None:
    cloud = Cloud.of(np.arange(4), np.arange(8, dtype=np.float32).reshape(4, 2))
    view = View((0, 8), (0, 8), 80, 60)

    def looked_at() -> list[ref[object]]:
        colourings = groups("class", pa.array([0, 1, 0, 1]), none=""), Gradient("z", np.arange(4.0), 0, 3, 0)
        for one in colourings:
            points = painted(cloud, one, DARK, shown=cloud.every)
            assert drawn(points, view)[0] is drawn(painted(cloud, one, DARK, shown=cloud.every), view)[0]
        return [ref(one) for one in colourings]

    found = looked_at()
    gc.collect()
    assert [one() for one in found] == [None, None]
    assert len(cloud.derived) >= 3


def test_a_picture_is_a_png_of_the_same_pixels_in_few_bytes() -> None:
    rng = np.random.default_rng(1)
    for kinds in (8, 300):
        classes, middles = rng.integers(0, kinds, 300_000), rng.normal(size=(kinds, 2)) * 3
        cloud = Cloud.of(np.arange(300_000), (middles[classes] + rng.normal(size=(300_000, 2))).astype(np.float32))
        colouring = coloured(cloud, groups("class", pa.array(classes), none="no value", limit=None))
        points = painted(cloud, colouring, DARK, shown=cloud.every)
        view = fitted_view(cloud.extent, 914, 798)
        first, whole = draw(points, view, budget=20_000), draw(points, view)
        assert not first.exact
        assert first.points == pytest.approx(20_000, rel=0.05)
        assert whole.exact
        assert whole.points == 300_000
        png = whole.picture.png()
        decoded = np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))
        drawn = whole.picture.rgba()[::-1]
        visible = drawn[..., 3] > 0
        assert np.array_equal(decoded[visible], drawn[visible])
        assert not decoded[~visible][:, 3].any()
        if kinds == 8:
            assert len(png) < 150_000


@pytest.mark.parametrize(("suffix", "theme"), [("png", DARK), ("svg", LIGHT), ("pdf", LIGHT)], ids=FORMATS)
def test_a_figure_has_room_for_its_legend_and_says_where_it_comes_from(
    tmp_path: Path, suffix: str, theme: Theme
) -> None:
    clusters = groups("kmeans", pa.array(["discs $x^2$", "rings & <b>", None]), none="noise")
    gradient = Gradient("redshift", np.array([0.1, 0.2, np.nan]), 0.1, 0.2, 1)
    cloud = np.zeros((300, 400, 4), dtype=np.uint8)
    cloud[:, 50:, 3] = 255
    said = [("Dataset", "δ-survey, 3 images"), ("Projection", "flat: umap (n_neighbors 15)")]
    for number, colouring in enumerate((clusters, gradient, None)):
        path = write_figure(
            tmp_path / f"{number}.{suffix}",
            cloud,
            theme,
            title="title",
            caption="3 of 3 points shown",
            colouring=colouring,
            provenance=said,
        )
        data = path.read_bytes()
        if suffix == "png":
            picture = Image.open(path)
            assert picture.format == "PNG"
            assert picture.width >= 400
            assert picture.height > 300
            assert len(set(picture.convert("L").tobytes())) > 20
            assert picture.convert("RGB").getpixel((2, 2)) == tuple(rgb(theme.ground))
            assert picture.info["Dataset"] == "δ-survey, 3 images"
        elif suffix == "svg":
            assert ET.fromstring(data).tag.endswith("svg")
            texts = [each.text or "" for each in ET.fromstring(data).iter("{http://www.w3.org/2000/svg}text")]
            assert {"title", "3 of 3 points shown", "Dataset: δ-survey, 3 images"} <= set(texts)
            assert ({"discs $x^2$", "rings & <b>", "noise"} <= set(texts)) == (colouring is clusters)
        else:
            assert data[:5] == b"%PDF-"
            assert b"/Subject" in data


def test_images_over_the_points_are_in_the_figure(tmp_path: Path) -> None:
    red, grey = np.zeros((20, 20, 3), dtype=np.uint8), np.zeros((20, 20), dtype=np.uint8)
    red[:10, :, 0] = 255  # the upper half
    grey[:, 10:] = 200
    over = Over(images=[(7, 1.0, 3.0), (9, 3.0, 1.0)], pictures=[red, grey])
    picture, view = np.zeros((400, 400, 4), dtype=np.uint8), View((0.0, 4.0), (0.0, 4.0), 200, 200)
    path = write_figure(tmp_path / "map.png", picture, DARK, title="t", caption="", colouring=None, over=(over, view))
    drawn = np.asarray(Image.open(path).convert("RGB"))
    top = 4 * max(1, round(400 / 48))  # the title has four units above the map
    assert drawn[top + 100 - 24, 100].tolist() == [255, 0, 0]
    assert drawn[top + 100 + 24, 100].tolist() == [0, 0, 0]
    assert drawn[top + 300, 300 + 24].tolist() == [200, 200, 200]
    assert drawn[top + 300, 300 + 90].tolist() == list(rgb(DARK.ground))


def eye_on(eye: tuple[float, float, float]) -> np.ndarray:
    """Camera along -x at a distance, without perspective worth the name, so that y goes to the right and z up."""
    x, y, z = eye
    return np.array([[0, 10, 0, -10 * y], [0, 0, 10, -10 * z], [-0.02, 0, 0, 0.02 * x - 1], [-1, 0, 0, x]], float)


def codes_of(made: Solid) -> dict[int, int]:
    """Code as which the point of each image is drawn."""
    places = made.part.places(made.part.tiles.all_spans)
    return dict(zip(made.part.cloud.rows[places].tolist(), made.coded.at(places).tolist(), strict=True))


def test_a_solid_cloud_is_all_of_a_map_that_a_browser_can_take() -> None:
    cloud = Cloud.of(np.array([3, 5, 8]), np.arange(9, dtype=np.float32).reshape(3, 3))
    clusters = coloured(cloud, groups("kmeans", pa.array([0, 1, 0]), none="noise"))
    made = solid(cloud, clusters, DARK, shown=points_where(cloud, [True, True, False]))
    assert (made.part.cloud, len(made.part)) == (cloud.tiled, 3)
    assert codes_of(made) == {3: 0, 5: 1, 8: HIDDEN}
    assert tuple(made.colours[1]) == tuple(rgb(group_colours(clusters, DARK)[1]))
    first = points_where(cloud, [True, False, False])
    assert codes_of(solid(cloud, clusters, DARK, shown=cloud.every, selected=first)) == {3: 2, 5: 1, 8: 0}


def test_of_a_larger_map_the_points_that_are_shown_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lse_dashboard.plots.scatter_3d.MAX_POINTS", 5)
    cloud = Cloud.of(np.arange(9), np.arange(27, dtype=np.float32).reshape(9, 3))
    clusters = coloured(cloud, groups("kmeans", pa.array([0, 1, 2] * 3), none="noise"))
    shown = points_where(cloud, np.arange(9) % 3 == 1)
    made = solid(cloud, clusters, DARK, shown=shown)
    assert codes_of(made) == {1: 1, 4: 1, 7: 1}
    # Another selection leaves the places as they are: only colours are sent.
    again = solid(cloud, clusters, DARK, shown=shown, selected=points_where(cloud, np.arange(9) == 4), before=made)
    assert again.part is made.part
    assert codes_of(again) == {1: 1, 4: 4, 7: 1}
    assert len(solid(cloud, clusters, DARK, shown=cloud.every, before=again).part) == 9


def test_a_solid_picture_has_the_nearest_point_in_front_and_a_selection_on_top() -> None:
    points = np.array([[0, 0, 0], [5, 0, 0], [0, 0.5, 0], [0, -0.5, 0.5]], np.float32)
    cloud = Cloud.of(np.arange(4), points)
    clusters = coloured(cloud, groups("kmeans", pa.array([0, 1, 1, 1]), none="noise"))
    camera = eye_on((15, 0, 0))
    made = solid(cloud, clusters, DARK, shown=cloud.every)
    image = picture(made, camera, DARK, size=(80, 60), diameter=6)
    assert image.shape == (60, 80, 4)
    assert image[30, 40, 3] == 255
    # The nearest hides the other one; what is farther away is paler.
    assert np.argmax(image[30, 40, :3]) == np.argmax(BLUE)
    right = image[30, 40 + round(0.5 * 10 / 15 * 40), :3].astype(int)
    assert np.abs(right - np.array(BLUE)).sum() > np.abs(image[30, 40, :3].astype(int) - np.array(BLUE)).sum()
    assert image[30 + round(0.5 * 10 / 15 * 30), 40 - round(0.5 * 10 / 15 * 40), 3] == 255
    assert image[5, 5, 3] == 0
    assert 90 < np.count_nonzero(image[..., 3]) < 250
    chosen = solid(cloud, clusters, DARK, shown=cloud.every, selected=points_where(cloud, np.arange(4) == 0))
    above = picture(chosen, camera, DARK, size=(80, 60), diameter=6)[30, 40, :3].astype(int)
    assert np.argmax(above) == np.argmax(RED) != np.argmax(BLUE)


def test_what_the_browser_asks_is_answered() -> None:
    rng = np.random.default_rng(2)
    cloud = Cloud.of(np.arange(5000), rng.normal(size=(5000, 3)).astype(np.float32))
    stream = PointStream()
    assert stream.answer(b"{}") is None
    made = solid(cloud, groups("kmeans", pa.array(np.arange(5000) % 3), none=""), DARK, shown=cloud.every)
    version, paint = stream.show(made)
    camera = [*np.eye(4).ravel().tolist()]
    camera[:12] = [one / 10 for one in camera[:12]]

    def ask(**question: object) -> bytes:
        answer = stream.answer(json.dumps({"cloud": version, **question}).encode())
        assert answer is not None
        return answer

    tiles = ask(tiles={"camera": camera, "budget": 10**9})
    painted, count, drawn, view, exact = np.frombuffer(tiles, "<u4", 5).tolist()
    assert (painted, drawn, view, exact) == (paint, 5000, 5000, 1)
    numbers = np.frombuffer(tiles, "<u4", 3 * count, 32).reshape(3, -1)
    assert numbers[1].sum() == 5000
    assert len(tiles) == 32 + count * 36
    spans = numbers[:2].T.ravel().tolist()
    points, codes = ask(points=spans), ask(codes=spans)
    assert len(points) == 32 + 5000 * 10
    assert points[32 + 5000 * 8 :] == codes[32:]
    assert np.array_equal(np.frombuffer(codes, "<u2", offset=32), made.coded.codes)

    # Other colours are another version of the same points; other points are no longer asked for.
    again = solid(cloud, None, DARK, shown=cloud.every, before=made)
    assert stream.show(again) == (version, paint + 1)
    assert np.frombuffer(ask(codes=spans), "<u4", 1)[0] == paint + 1
    last = len(made.part)
    nonsense = (
        {"points": [last - 1, 2]},
        {"points": [-1, 1]},
        {"codes": [0]},
        {"tiles": {"camera": [1], "budget": 5}},
        {"tiles": {"camera": [float("nan")] * 16, "budget": 5}},
        {"points": [0, 5000] * 500},
        {},
        {"points": "x"},
    )
    for question in nonsense:
        assert stream.answer(json.dumps({"cloud": version, **question}).encode()) is None
    assert stream.answer(json.dumps({"cloud": version + 9, "codes": spans}).encode()) is None
    assert stream.answer(b"\xff") is None
    stream.show(None)
    assert stream.answer(json.dumps({"cloud": version, "codes": spans}).encode()) is None
