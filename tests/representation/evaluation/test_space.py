"""The shape of a space, and what it follows, on vectors and images whose answers are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lse.representation.evaluation.background import background_level, background_noise
from lse.representation.evaluation.folded_ridge import FoldedRidge
from lse.representation.evaluation.geometry import alignment, collapse, effective_rank, uniformity
from lse.representation.evaluation.nuisances import audit, image_properties
from lse.representation.evaluation.positions import position_columns, position_properties
from lse.representation.evaluation.reconstruction import reconstruction
from lse.representation.evaluation.robustness import changed_copies, robustness
from lse.representation.evaluation.views import two_views

if TYPE_CHECKING:
    from pathlib import Path


@given(rank=st.integers(1, 8))
@settings(max_examples=8, deadline=None)
def test_effective_rank_counts_equal_directions(rank: int) -> None:
    axes = np.concatenate([np.eye(8)[:rank], -np.eye(8)[:rank]])
    assert effective_rank(axes) == pytest.approx(rank)
    assert effective_rank(3 + 7 * axes) == pytest.approx(rank)


def test_collapse_is_detected_and_said() -> None:
    random = np.random.default_rng(0)
    assert not collapse(random.normal(size=(100, 8))).collapsed
    same = collapse(5 + 1e-6 * random.normal(size=(100, 8)))
    assert same.collapsed
    assert "same vector" in same.message
    line = collapse(random.normal(size=(100, 1)) * np.ones(8) + 1e-5 * random.normal(size=(100, 8)))
    assert line.collapsed
    assert "one line" in line.message
    assert collapse(np.full((10, 3), np.nan)).collapsed
    assert collapse(np.zeros((10, 3))).collapsed


def test_alignment_and_uniformity_of_known_vectors() -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(500, 32))
    assert alignment(vectors, 3 * vectors) == pytest.approx(0, abs=1e-12)
    assert alignment(vectors, -vectors) == pytest.approx(4)
    assert alignment(vectors, random.normal(size=(500, 32))) == pytest.approx(2, abs=0.1)
    assert uniformity(np.ones((50, 8))) == pytest.approx(0, abs=1e-9)
    # Of two opposite points all pairs are 0 or 2 apart: half of them, less the pairs of a vector with itself.
    opposite = np.repeat([[1.0, 0.0], [-1.0, 0.0]], 50, axis=0)
    assert uniformity(opposite) == pytest.approx(np.log((49 + 50 * np.exp(-8)) / 99))
    assert uniformity(vectors) == pytest.approx(-3.8, abs=0.2)


def test_reconstruction_errors_of_known_drawings() -> None:
    random = np.random.default_rng(0)
    images = random.normal(size=(40, 2, 6, 6)).astype(np.float32)
    errors = reconstruction(images, images, dimension=3)
    assert errors is not None
    assert errors.error == 0
    mean = np.broadcast_to(images.mean(axis=0), images.shape)
    assert reconstruction(images, mean, dimension=3).error == pytest.approx(1, abs=1e-6)  # type: ignore[union-attr]
    # The peer is scikit-learn's PCA.
    from sklearn.decomposition import PCA

    fitted = PCA(3, svd_solver="full").fit(images.reshape(40, -1).astype(np.float64))
    assert errors.pca_error == pytest.approx(1 - fitted.explained_variance_ratio_.sum())
    assert reconstruction(np.ones((4, 1, 2, 2), np.float32), np.ones((4, 1, 2, 2), np.float32), dimension=1) is None


def _skies(count: int = 200, size: int = 32) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images with a source each, their background levels and their noise."""
    random = np.random.default_rng(7)
    axis = np.arange(size) - size / 2 + 0.5
    source = 20 * np.exp(-(axis[:, None] ** 2 + axis[None, :] ** 2) / 8)
    level, noise = random.uniform(1, 5, count), random.uniform(0.1, 1, count)
    images = source + level[:, None, None] + noise[:, None, None] * random.normal(size=(count, size, size))
    return images[:, None].astype(np.float32), level, noise


def test_background_and_noise_are_measured_beside_the_source() -> None:
    images, level, noise = _skies()
    np.testing.assert_allclose(background_level(images)[:, 0], level, atol=0.15)
    np.testing.assert_allclose(background_noise(images)[:, 0], noise, rtol=0.25)
    plain = np.zeros((2, 1, 8, 8), np.float32)
    assert (background_noise(plain) == 0).all()
    assert (background_level(plain + 3) == 3).all()


@pytest.mark.parametrize("beam", [0, 3, 5])
@pytest.mark.parametrize("size", [32, 64, 128])
def test_noise_is_right_where_a_beam_correlates_the_pixels(beam: float, size: int) -> None:
    random = np.random.default_rng(0)
    noise = random.normal(size=(40, 2, size, size))
    if beam:  # full width at half maximum, in pixels
        noise = ndimage.gaussian_filter(noise, (0, 0, beam / 2.355, beam / 2.355), mode="wrap")
    noise *= np.array([1, 3])[:, None, None] / noise.std()
    axis = np.arange(size) - size / 2 + 0.5
    source = 30 * np.exp(-(axis[:, None] ** 2 + axis[None, :] ** 2) / 8)
    gradient = 10 * axis / size
    for added in (0, source, gradient):
        measured = background_noise((noise + added).astype(np.float32))
        np.testing.assert_allclose(np.median(measured, axis=0), [1, 3], rtol=0.1)


def test_noise_of_real_radio_images_is_that_of_their_empty_sky(test_data: Path) -> None:
    files = sorted((test_data / "first_radio_fits").rglob("*.fits"))[:30]
    images = np.stack([np.squeeze(fits.getdata(file)) for file in files]).astype(np.float32)
    images = images[np.isfinite(images).all(axis=(1, 2))]
    outside = images[:, :60].reshape(len(images), -1)
    for _ in range(5):  # clipped at three sigma, as astropy does it
        far = np.abs(outside - np.nanmedian(outside, axis=1, keepdims=True)) > 3 * np.nanstd(
            outside, axis=1, keepdims=True
        )
        outside = np.where(far, np.nan, outside)
    measured = background_noise(images[:, None, 86:214, 86:214])[:, 0]
    assert np.median(measured / np.nanstd(outside, axis=1)) == pytest.approx(1, abs=0.12)


def test_the_border_tells_cut_off_sources_and_filled_gaps() -> None:
    random = np.random.default_rng(0)
    images = random.normal(size=(3, 2, 32, 32)).astype(np.float32) / 100
    images[0, :, 14:18, 14:18] += 50
    images[1, :, :3, 10:20] += 50  # a source at the upper border
    images[2, :, :, 16:] = 0  # the end of the chip
    found = image_properties(images)
    assert found["edge_flux"][0, 0] < 0.2
    assert found["edge_flux"][1, 0] > 0.6
    assert found["edge_fill"][:, 0].tolist() == pytest.approx([0, 0, 0.5], abs=0.03)
    assert found["brightness"].shape == found["noise"].shape == (3, 2)


def test_the_audit_finds_what_the_vectors_hold() -> None:
    images, level, _ = _skies()
    random = np.random.default_rng(1)
    free = random.normal(size=(200, 7))
    vectors = np.concatenate([4 * (level - level.mean())[:, None], free], axis=1)
    found = audit(vectors, image_properties(images))
    by_key = {each.key: each for each in found.nuisances}
    assert found.nuisances[0].key == "background_level"
    share = 16 * level.var() / (16 * level.var() + 7)
    assert by_key["background_level"].variance_explained == pytest.approx(share, abs=0.06)
    assert by_key["background_level"].predictability > 0.9
    assert by_key["noise"].variance_explained < 0.03
    assert by_key["noise"].predictability < 0.05
    assert found.together is not None
    assert found.together >= by_key["background_level"].variance_explained - 0.02
    assert any("background level explains" in note for note in found.notes)
    assert not any("noise explains" in note for note in found.notes)
    assert any("All nuisances together" in note for note in found.notes)


def test_the_audit_of_vectors_that_hold_nothing_is_quiet() -> None:
    images, _, _ = _skies()
    found = audit(np.random.default_rng(2).normal(size=(200, 16)), image_properties(images))
    assert found.together == pytest.approx(0, abs=0.02)
    assert all(each.variance_explained < 0.03 and each.predictability < 0.05 for each in found.nuisances)
    assert not any("explain" in note for note in found.notes)


def test_one_chip_of_twenty_that_shows_is_warned_of() -> None:
    random = np.random.default_rng(3)
    chip = random.integers(20, size=1000)
    vectors = np.concatenate([3 * (chip == 7)[:, None], random.normal(size=(1000, 15))], axis=1)
    found = audit(vectors, {"chip": np.eye(20, dtype=np.float32)[chip]})
    nuisance = found.nuisances[0]
    assert nuisance.predictability < 0.1
    assert nuisance.largest_predictability > 0.5
    assert any("one of its numbers that shows best" in note for note in found.notes)
    quiet = audit(random.normal(size=(1000, 16)), {"chip": np.eye(20, dtype=np.float32)[chip]})
    assert quiet.nuisances[0].largest_predictability < 0.05
    assert quiet.notes == ()


def test_brightness_is_context_and_warns_of_nothing() -> None:
    brightness = np.random.default_rng(0).normal(size=(100, 1)).astype(np.float32)
    found = audit(brightness, {"brightness": brightness})
    assert found.nuisances[0].variance_explained > 0.95
    assert found.together is None
    assert found.notes == ()


def test_the_audit_says_what_it_leaves_out() -> None:
    random = np.random.default_rng(0)
    half = random.normal(size=(60, 2)).astype(np.float32)
    half[30:] = np.nan
    few = np.full((60, 1), np.nan, np.float32)
    few[:5] = 1
    properties = {"half": half, "few": few, "same": np.ones((60, 1), np.float32)}
    found = audit(random.normal(size=(60, 4)), properties)
    assert [each.key for each in found.nuisances] == ["half"]
    text = " ".join(found.notes)
    assert "half is known of 30 of 60 images" in text
    assert "few was not audited: it is known of 5 images only" in text
    assert "same for all images: same" in text


@pytest.mark.parametrize(
    ("columns", "place", "chip"),
    [
        ({"x": "number", "y": "number"}, ("x", "y"), None),
        ({"X_IMAGE": "number", "Y_IMAGE": "number"}, ("X_IMAGE", "Y_IMAGE"), None),
        ({"header.ccd_x": "integer", "header.ccd_y": "integer"}, ("header.ccd_x", "header.ccd_y"), None),
        ({"xcentroid": "number", "ycentroid": "number", "chip": "integer"}, ("xcentroid", "ycentroid"), "chip"),
        ({"col": "integer", "row": "integer", "header.detector": "text"}, ("col", "row"), "header.detector"),
        ({"x": "text", "y": "text", "flux": "number", "max": "number", "chips_eaten": "integer"}, None, None),
        ({"x": "number"}, None, None),
    ],
)
def test_columns_of_a_place_on_the_chip(
    columns: dict[str, str], place: tuple[str, str] | None, chip: str | None
) -> None:
    found = dict(position_columns(columns))
    assert found.get("chip_position") == place
    assert found.get("chip") == (None if chip is None else (chip,))
    assert found["sky_position"] == ("ra_deg", "dec_deg")


def test_places_become_numbers() -> None:
    table = pd.DataFrame(
        {
            "x": [1.0, 2.0, None],
            "y": [3, 4, 5],
            "chip": ["a", "b", "a"],
            "ra_deg": [0.0, 90.0, 0.0],
            "dec_deg": [0.0, 0.0, 90.0],
        }
    )
    found = position_properties(table, position_columns({"x": "number", "y": "integer", "chip": "text"}))
    np.testing.assert_array_equal(found["chip_position"], [[1, 3], [2, 4], [np.nan, 5]])
    np.testing.assert_array_equal(found["chip"], [[1, 0], [0, 1], [1, 0]])
    np.testing.assert_allclose(found["sky_position"], [[1, 0, 0], [0, 1, 0], [0, 0, 1]], atol=1e-6)
    table[["ra_deg", "dec_deg"]] = np.nan
    assert "sky_position" not in position_properties(table, position_columns({}))


def test_changed_copies_are_what_their_names_say() -> None:
    images, _, noise = _skies(40)
    images[0] = 0  # an image without any noise
    copies = {change: (changed, rows) for change, changed, rows in changed_copies(images, seed=0)}
    np.testing.assert_array_equal(copies["rotation_90"][0][3, 0], np.rot90(images[3, 0]))
    np.testing.assert_array_equal(copies["flip_horizontal"][0][3, 0], images[3, 0, :, ::-1])
    np.testing.assert_array_equal(copies["flip_vertical"][0][3, 0], images[3, 0, ::-1])
    noisy, rows = copies["noise_2"]
    assert rows.tolist() == list(range(1, 40))
    np.testing.assert_allclose((noisy - images[rows]).std(axis=(1, 2, 3)), 2 * noise[1:40], rtol=0.25)
    assert copies["rotation_30"][0].shape == copies["blur_1"][0].shape == images.shape
    assert copies["blur_1"][0][5].max() < images[5].max()
    without = {change for change, _, _ in changed_copies(np.zeros((4, 1, 8, 8), np.float32), seed=0)}
    assert not any(change.startswith("noise") for change in without)


def test_robustness_of_encoders_whose_answers_are_known() -> None:
    images, _, _ = _skies(50)
    images = np.random.default_rng(0).normal(size=images[:50].shape).astype(np.float32)

    def sorted_pixels(batch: np.ndarray) -> np.ndarray:  # does not see where a pixel is
        return np.sort(batch.reshape(len(batch), -1), axis=1)

    def pixels(batch: np.ndarray) -> np.ndarray:
        return batch.reshape(len(batch), -1)

    copies = {change: changed for change, changed, _ in changed_copies(images, seed=0)}
    for change in ("rotation_90", "rotation_180", "rotation_270", "flip_horizontal", "flip_vertical"):
        same = robustness(change, sorted_pixels(images), sorted_pixels(copies[change]))
        assert (same.cosine, same.same_image_first) == (pytest.approx(1), 1)
        moved = robustness(change, pixels(images), pixels(copies[change]))
        assert moved.cosine == pytest.approx(0, abs=0.05)
        assert moved.same_image_first < 0.2
    alike = np.ones((10, 3))
    assert robustness("none", alike, alike) == robustness("none", 2 * alike, alike)
    assert robustness("none", alike, alike).same_image_first == 0


def test_views_are_those_of_the_method() -> None:
    images, _, _ = _skies(8)
    still = {"rotation": "0", "flip": "false"}
    first, second = two_views(images, method="autoencoder", settings=still, seed=0)
    np.testing.assert_allclose(first, images, atol=1e-3)
    np.testing.assert_allclose(second, images, atol=1e-3)
    first, second = two_views(images, method="", settings={}, seed=0)
    assert first.shape == images.shape
    assert np.abs(first - second).max() > 1
    again, _ = two_views(images, method="", settings={}, seed=0)
    np.testing.assert_array_equal(first, again)
    brighter, _ = two_views(images, method="simclr", settings={**still, "brightness": "3"}, seed=0)
    assert np.abs(np.log(np.ptp(brighter, axis=(1, 2, 3)) / np.ptp(images, axis=(1, 2, 3)))).max() > 0.3


@pytest.mark.parametrize(("count", "dimension"), [(200, 12), (60, 90)])
def test_properties_are_told_from_vectors_as_scikit_learn_tells_them(count: int, dimension: int) -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(count, dimension)) * random.random(dimension)
    targets = vectors[:, :3] @ random.normal(size=(3, 2)) + random.normal(size=(count, 2))
    ridge = FoldedRidge(vectors, seed=0)
    model = make_pipeline(StandardScaler(), RidgeCV(alphas=np.logspace(-2, 4, 13)))
    for wanted in (targets, targets[:, :1]):
        expected = cross_val_predict(model, vectors, wanted, cv=KFold(5, shuffle=True, random_state=0))
        np.testing.assert_allclose(ridge.predict(wanted), expected.reshape(wanted.shape), atol=1e-9)
