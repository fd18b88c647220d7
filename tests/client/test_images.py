"""Images by their names and rows, as arrays and as pictures."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lse.client import Results
from lse.errors import InvalidArgumentError


def test_arrays_are_the_prepared_images_in_the_order_of_the_rows(prepared_client, services):
    every = prepared_client.datasets.arrays("first")
    assert (every.shape, every.dtype) == ((24, 1, 16, 16), np.float32)
    np.testing.assert_array_equal(prepared_client.datasets.arrays("first", rows=[7, 0, 7]), every[[7, 0, 7]])
    assert prepared_client.datasets.arrays("first", rows=[]).shape == (0, 1, 16, 16)
    name = prepared_client.datasets.image("first", row=7).id
    with Image.open(services.images / f"{name}.png") as file:
        drawn = np.asarray(file, np.float32)
    # The recipe stretches the values between their limits.
    assert np.corrcoef(drawn.ravel(), every[7].ravel())[0, 1] > 0.99
    with pytest.raises(InvalidArgumentError, match="has no row 24"):
        prepared_client.datasets.arrays("first", rows=[24])


def test_thumbnails_are_pictures(prepared_client):
    first, second = prepared_client.datasets.thumbnails("first", [3, 0])
    assert first != second
    assert first.media_type == "image/jpeg"
    assert first._repr_mimebundle_()["image/jpeg"].startswith(b"\xff\xd8")
    assert first.to_pil().size[0] >= 16


def test_an_image_is_named_or_is_a_row(prepared_client):
    found = prepared_client.datasets.image("first", "disc-05")
    row = found.row
    assert prepared_client.datasets.image("first", row=row) == found
    assert prepared_client.datasets.trace("first", row=row).image == found
    assert prepared_client.datasets.original("first", row=row).pixels.shape == (1, 16, 16)
    by_name = prepared_client.search.similar("first", image="disc-05", k=4)
    assert prepared_client.search.similar("first", row=row, k=4) == by_name
    assert isinstance(by_name, Results)
    for given in ({}, {"image": "disc-05", "row": row}):
        with pytest.raises(InvalidArgumentError) as caught:
            prepared_client.datasets.image("first", **given)
        assert caught.value.reason == "QUERY_INVALID"
    with pytest.raises(InvalidArgumentError, match="has no row 99"):
        prepared_client.search.similar("first", row=99)


def test_a_notebook_shows_what_a_resource_is(prepared_client):
    shown = prepared_client.datasets.get("first")._repr_html_()
    assert shown.startswith("<table>")
    assert "projects/prepared/datasets/first" in shown
    described = prepared_client.datasets.update("first", description="<b>bars & discs</b>")
    assert "&lt;b&gt;bars &amp; discs&lt;/b&gt;" in described._repr_html_()
    prepared_client.datasets.update("first", description="")
