"""Groups and gradients made of clusters and metadata."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lse.client.resources import Image
from lse.kinds import Scalar
from lse_dashboard.data.colouring import MAX_GROUPS, Groups, colouring_of, groups, use_of
from lse_dashboard.data.gradient import Gradient, gradient
from lse_dashboard.data.images import ImageIndex, image_details, ordered_columns, positions
from lse_dashboard.plots.palette import group_colours, point_colours
from lse_dashboard.theme import DARK

COUNT = 60
ROWS = np.arange(COUNT)
TABLE = pa.table(
    {
        "class": ["spiral", "ring", ""] * (COUNT // 3),
        "redshift": [*np.linspace(0, 1, COUNT - 1), np.nan],
        "bands": [1, 2, 2] * (COUNT // 3),
        "merging": [True, False, None] * (COUNT // 3),
        "same": ["a"] * COUNT,
        "header.object": [f"target {i} of {'many ' * (i % 7)}" for i in range(COUNT)],
        "mirrored": [True] * COUNT,
    }
)


def test_only_prepared_images_are_kept() -> None:
    table = pa.table({"name": ["c", "broken", "a"], "row": [1, -1, 0]})
    images = ImageIndex.from_arrow(table)
    assert images.rows.tolist() == [0, 1]
    assert (images.name(1), images.name(-1), images.name(2)) == ("c", None, None)
    # Names stay with their rows where an image between them is not there any more.
    assert images.names_of(np.array([1, 7, 0])) == ["c", "", "a"]


def test_details_tell_catalogue_header_and_preparation_apart() -> None:
    metadata: dict[str, Scalar] = {
        "class": "spiral",
        "merging": True,
        "z": float("nan"),
        "note": "",
        "header.object": "M 1",
    }
    image = Image(
        name="projects/p/datasets/d/images/image-3",
        row=3,
        source="3.fits",
        status="prepared",
        rejection_reason="",
        rejection_message="",
        metadata={**metadata, "nan_fraction": 0.25, "gone": None},
        ra_deg=83.6331,
        dec_deg=22.0145,
    )
    details = image_details(image)
    assert (details.row, details.name, details.ra_deg) == (3, "image-3", 83.6331)
    assert details.catalogue == (("class", "spiral"), ("merging", True))
    assert details.header == (("object", "M 1"),)
    assert details.preparation == (("nan fraction", 0.25),)


def test_columns_that_say_nothing_or_only_names_do_not_colour() -> None:
    uses = {name: use_of(TABLE[name]) for name in TABLE.column_names}
    names = pa.chunked_array([[f"image-{i}" for i in range(COUNT + 1)]])
    assert {name for name, use in uses.items() if use == "groups"} == {"class", "bands", "merging", "header.object"}
    assert {name for name, use in uses.items() if use == "gradient"} == {"redshift"}
    assert use_of(names) is None


def test_the_catalogue_comes_before_preparation_and_header() -> None:
    assert ordered_columns(["header.object", "mirrored", "class", "z"]) == ["class", "z", "mirrored", "header.object"]


def test_missing_texts_form_a_faint_group() -> None:
    found = colouring_of("class", TABLE["class"], np.array([0, 1, 2, 2, -1]))
    assert isinstance(found, Groups)
    assert found.labels == ("ring", "spiral", "no value")
    assert [found.labels[code] for code in found.codes] == ["spiral", "ring", *["no value"] * 3]
    assert found.counts == (1, 1, 3)
    assert group_colours(found, DARK)[2] == DARK.grey


def test_few_whole_numbers_and_truth_values_are_groups() -> None:
    bands = colouring_of("bands", TABLE["bands"], ROWS)
    merging = colouring_of("merging", TABLE["merging"], ROWS)
    assert isinstance(bands, Groups)
    assert isinstance(merging, Groups)
    assert bands.labels == ("1", "2")
    assert merging.labels == ("no", "yes", "no value")


def test_a_number_is_a_gradient_and_says_what_is_missing() -> None:
    found = colouring_of("redshift", TABLE["redshift"], ROWS)
    assert isinstance(found, Gradient)
    assert found.missing == 1
    assert 0 < found.low < 0.05
    assert 0.95 < found.high < 1
    colours = point_colours(found, COUNT, DARK)
    assert colours.shape == (COUNT, 3)
    assert f"#{bytes(colours[59]).hex()}" == DARK.grey


def test_times_are_a_gradient_whose_ends_are_read_as_times() -> None:
    times = pa.chunked_array([pa.array([1_600_000_000 * 10**6, None, 1_600_000_090 * 10**6], pa.timestamp("us"))])
    found = colouring_of("seen", times, np.array([0, 1, 2, -1]))
    assert isinstance(found, Gradient)
    assert found.missing == 2
    assert (found.text(1.6e15), found.text(float("nan"))) == ("2020-09-13 12:26:40", "–")


def test_clusters_are_in_order_and_noise_is_last() -> None:
    found = groups("kmeans", pa.array([2, 0, None, 10, 0]), none="noise", limit=None)
    assert found.labels == ("0", "2", "10", "noise")
    assert found.counts == (2, 1, 1, 1)
    assert found.faint == {3}
    assert found.points_in({"0", "noise"}).mask().tolist() == [False, True, True, False, True]


def test_too_many_texts_are_gathered_and_counted() -> None:
    texts = [f"kind {i:03d}" for i in range(100)] + ["kind 099"]
    found = groups("kind", pa.array(texts), none="no value")
    assert len(found.labels) == MAX_GROUPS
    assert "kind 099" in found.labels
    assert found.labels[-1] == f"other ({100 - MAX_GROUPS + 1} values)"
    assert found.faint == {MAX_GROUPS - 1}
    assert sum(found.counts) == 101


def test_labels_keep_the_order_of_their_scheme_whether_they_occur_or_not() -> None:
    found = groups("kind", pa.array(["b", "z", None]), none="not labelled", order=["c", "b"])
    assert found.labels == ("c", "b", "z", "not labelled")
    assert found.counts == (0, 1, 1, 1)


@given(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1), st.data())
def test_groups_of_some_points_are_those_of_all(values: list[str | None], data: st.DataObject) -> None:
    found = groups("kind", pa.array(values, pa.string()), none="none")
    some = data.draw(st.lists(st.integers(-1, len(values) - 1)))
    part = found.at(np.array(some, dtype=np.int64), none="none")
    assert [part.labels[code] for code in part.codes] == [(values[i] if i >= 0 else None) or "none" for i in some]
    colours = dict(zip(found.labels, group_colours(found, DARK), strict=True))
    seen = dict(zip(part.labels, group_colours(part, DARK), strict=True))
    assert seen == {"none": DARK.grey, **colours} if "none" in seen else seen == colours


def test_no_points_have_no_groups() -> None:
    found = groups("kind", pa.array([], pa.string()), none="no value")
    assert found.labels == ()
    assert found.points_in({"x"}).mask().tolist() == []
    assert found.at(np.array([-1, -1]), none="no value").counts == (2,)


def test_positions_of_absent_rows_are_negative() -> None:
    assert positions(np.array([1, 4, 9]), np.array([9, 2, 1, 10])).tolist() == [2, -1, 0, -1]
    assert positions(np.array([], dtype=np.int64), np.array([1])).tolist() == [-1]


def test_numbers_that_are_not_finite_are_missing() -> None:
    found = gradient("probability", np.array([0.2, np.nan, 0.8, np.inf], np.float32))
    assert found.missing == 2
    assert 0.2 <= found.low < found.high <= 0.8 + 1e-6
    with pytest.raises(AttributeError):
        found.low = 0.0  # type: ignore[misc]
