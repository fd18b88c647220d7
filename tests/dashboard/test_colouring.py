"""Groups and gradients made of clusters and metadata."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from lse_dashboard.data.colouring import (
    MAX_GROUPS,
    Gradient,
    Groups,
    class_columns,
    colourable_columns,
    column_colouring,
    number_gradient,
    numbered_groups,
    text_groups,
)
from lse_dashboard.data.images import ImageTable, positions
from lse_dashboard.plots.palette import FAINT, group_colours, point_colours


@pytest.fixture
def images() -> ImageTable:
    count = 60
    return ImageTable.from_arrow(
        pa.table(
            {
                "name": [f"image-{i}" for i in range(count)] + ["broken"],
                "row": [*range(count), -1],
                "source": [f"{i}.fits" for i in range(count)] + ["broken.fits"],
                "status": ["prepared"] * count + ["rejected"],
                "ra_deg": [83.6331] * count + [None],
                "dec_deg": [22.0145] * count + [None],
                "class": ["spiral", "ring", ""] * (count // 3) + ["spiral"],
                "redshift": [*np.linspace(0, 1, count - 1), np.nan, 9.0],
                "bands": [1, 2, 2] * (count // 3) + [7],
                "merging": [True, False, None] * (count // 3) + [True],
                "same": ["a"] * (count + 1),
                "header.object": [f"target {i}" for i in range(count)] + ["x"],
                "nan_fraction": [0.25] * count + [None],
            }
        )
    )


def test_only_prepared_images_are_kept(images: ImageTable) -> None:
    assert images.rows.tolist() == list(range(60))
    assert images.instance(-1) is None
    assert images.name(3) == "image-3"


def test_an_instance_tells_catalogue_header_and_preparation_apart(images: ImageTable) -> None:
    instance = images.instance(3)
    assert instance is not None
    assert instance.name == "image-3"
    assert dict(instance.catalogue)["class"] == "spiral"
    assert dict(instance.catalogue)["merging"] == "yes"
    assert instance.header == (("object", "target 3"),)
    assert instance.preparation == (("nan fraction", "0.25"),)
    assert instance.ra_deg == 83.6331
    last = images.instance(59)
    assert last is not None
    assert not {"class", "merging", "redshift"} & {key for key, _ in last.catalogue}


def test_columns_that_say_nothing_or_only_names_do_not_colour(images: ImageTable) -> None:
    assert set(colourable_columns(images)) == {"class", "redshift", "bands", "merging"}


def test_missing_texts_form_a_faint_group(images: ImageTable) -> None:
    groups = column_colouring(images, "class", np.array([0, 1, 2, 2, 99]))
    assert isinstance(groups, Groups)
    assert groups.labels == ("ring", "spiral", "no value")
    assert [groups.labels[code] for code in groups.codes] == ["spiral", "ring", *["no value"] * 3]
    assert groups.counts == (1, 1, 3)
    assert group_colours(groups)[2] == FAINT


def test_few_whole_numbers_and_truth_values_are_groups(images: ImageTable) -> None:
    bands = column_colouring(images, "bands", images.rows)
    merging = column_colouring(images, "merging", images.rows)
    assert isinstance(bands, Groups)
    assert isinstance(merging, Groups)
    assert bands.labels == ("2", "1")
    assert merging.labels == ("no", "yes", "no value")


def test_a_number_is_a_gradient_and_says_what_is_missing(images: ImageTable) -> None:
    gradient = column_colouring(images, "redshift", images.rows)
    assert isinstance(gradient, Gradient)
    assert gradient.missing == 1
    assert 0 < gradient.low < 0.05
    assert 0.95 < gradient.high < 1
    colours = point_colours(gradient, 60)
    assert colours.shape == (60, 3)
    assert bytes(colours[59]).hex() == FAINT.removeprefix("#")


def test_clusters_are_in_order_and_noise_is_last() -> None:
    groups = numbered_groups("kmeans", np.array([2, 0, -1, 10, 0]), none=-1, none_label="noise")
    assert groups.labels == ("0", "2", "10", "noise")
    assert groups.counts == (2, 1, 1, 1)
    assert groups.faint == {3}
    assert groups.hidden_mask(frozenset({"0", "noise"})).tolist() == [False, True, True, False, True]


def test_too_many_texts_are_gathered_and_counted() -> None:
    texts = [f"kind {i}" for i in range(100)] + ["kind 0"]
    groups = text_groups("kind", texts, none="no value")
    assert len(groups.labels) == MAX_GROUPS
    assert groups.labels[0] == "kind 0"
    assert groups.labels[-1] == f"other ({100 - MAX_GROUPS + 1} values)"
    assert sum(groups.counts) == 101


def test_no_points_have_no_groups() -> None:
    groups = text_groups("kind", [], none="no value")
    assert groups.labels == ()
    assert groups.hidden_mask(frozenset({"x"})).tolist() == []


def test_positions_of_absent_rows_are_negative() -> None:
    assert positions(np.array([1, 4, 9]), np.array([9, 2, 1, 10])).tolist() == [2, -1, 0, -1]
    assert positions(np.array([], dtype=np.int64), np.array([1])).tolist() == [-1]


def test_columns_of_names_can_teach_classes(images: ImageTable) -> None:
    assert set(class_columns(images)) == {"class", "bands", "merging"}


def test_numbers_that_are_not_finite_are_missing() -> None:
    gradient = number_gradient("probability", np.array([0.2, np.nan, 0.8, np.inf], np.float32))
    assert gradient.missing == 2
    assert 0.2 <= gradient.low < gradient.high <= 0.8 + 1e-6
