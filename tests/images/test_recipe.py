"""Recipes: what they accept, and what they do to images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lse.errors import InvalidArgumentError
from lse.images.formats import SourceImage
from lse.images.recipe import (
    PreparedImage,
    Recipe,
    RejectedImageError,
    load_recipe,
    prepare_image,
    render,
    suggest_recipe,
)

RGB = ("red", "green", "blue")


def image(pixels: object, channels: tuple[str, ...] | None = None, **metadata: str | int | bool) -> SourceImage:
    array = np.asarray(pixels, dtype=np.float32)
    array = array[np.newaxis] if array.ndim == 2 else array
    names = channels or (("grey",) if len(array) == 1 else tuple(f"plane{index}" for index in range(len(array))))
    return SourceImage(pixels=array, channels=names, metadata=metadata)


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def rejected(source: SourceImage, recipe: Recipe, reason: str) -> None:
    with pytest.raises(RejectedImageError) as caught:
        prepare_image(source, recipe)
    assert caught.value.reason == reason
    assert caught.value.message.endswith(".")


def outcome(source: SourceImage, recipe: Recipe) -> PreparedImage | str:
    """Prepared image, or the reason why there is none."""
    try:
        return prepare_image(source, recipe)
    except RejectedImageError as error:
        return error.reason


def test_nothing_gives_the_defaults_and_yaml_goes_round() -> None:
    assert load_recipe(None) == load_recipe("") == load_recipe({}) == Recipe()
    assert Recipe().size == 64
    recipe = load_recipe(
        """
        channels: [r, 0]
        crop: 128
        fit: pad
        stretch: {kind: asinh, softening: 0.05, limits: {kind: percentile, low: 2, high: 99}, jointly: true}
        nan: {policy: nearest, max_fraction: 0.2}
        normalisation: standard
        thumbnail: 48
        """
    )
    assert load_recipe(recipe.to_yaml()) == recipe
    assert recipe.channel_count == 2
    assert load_recipe({"stretch": "log"}).stretch.kind == "log"
    assert load_recipe({"stretch": {"kind": "sqrt", "limits": "zscale"}}).stretch.limit_finder.kind == "zscale"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sise: 3", ("'sise'", "channels, crop, centre, fit, background, size")),
        ("size: huge", ("'size'", "'huge'")),
        ("size: 4", ("'size'", "8")),
        ("channels: colour", ("'channels'", "all, grey, rgb")),
        ("channels: [true]", ("'channels'", "True")),
        ("stretch: wild", ("'stretch'", "asinh, each, linear, log, percentile, sqrt, zscale")),
        ("stretch: {softening: 1}", ("'stretch'", "must be of kind asinh, each, linear")),
        ("stretch: {kind: log, softening: 1}", ("'stretch.softening'", "scale")),
        ("stretch: {kind: log, limits: {kind: percentile, lo: 1}}", ("'stretch.limits.lo'", "low, high")),
        ("stretch: {kind: log, limits: {kind: fixed, low: 1, high: 0}}", ("'stretch.limits'", "less than")),
        ("stretch: {kind: percentile, low: 9, high: 3}", ("'stretch'", "less than")),
        ("nan: ignore", ("'nan.policy'", "one of median, zero, nearest, reject")),
        ("nan: {polic: zero}", ("'nan.polic'", "policy, max_fraction")),
        ("normalisation: max", ("'normalisation'", "one of unit, none")),
        ("[1, 2]", ("mapping",)),
        ("a: [", ("YAML", "line 1")),
        ("size: 16\nstretch: linear\nsize: 32", ("line 3", "the key 'size' is given twice, first in line 1")),
    ],
)
def test_wrong_recipes_name_the_key_and_what_is_allowed(text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        load_recipe(text)
    assert caught.value.reason == "RECIPE_INVALID"
    assert "\n" not in caught.value.message
    for word in words:
        assert word in caught.value.message


def test_channels() -> None:
    grey, colour = image(noise(16, 16)), image(noise(3, 16, 16), RGB)
    bands = image(noise(4, 16, 16), ("g", "r", "i", "z"))
    linear = {"size": 16, "stretch": {"kind": "linear", "limits": {"kind": "fixed", "low": -9, "high": 9}}}

    def tensor(source: SourceImage, channels: object) -> np.ndarray:
        return prepare_image(source, load_recipe(linear | {"channels": channels})).tensor * 18 - 9

    assert tensor(grey, "all").shape == (1, 16, 16)
    assert tensor(grey, "rgb").shape == tensor(bands, "rgb").shape == (3, 16, 16)
    np.testing.assert_allclose(tensor(grey, "rgb")[2], grey.pixels[0], atol=1e-5)
    luminance = 0.299 * colour.pixels[0] + 0.587 * colour.pixels[1] + 0.114 * colour.pixels[2]
    np.testing.assert_allclose(tensor(colour, "grey")[0], luminance, atol=1e-5)
    np.testing.assert_allclose(tensor(bands, "grey")[0], bands.pixels.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(tensor(bands, ["z", 0]), bands.pixels[[3, 0]], atol=1e-5)
    rejected(grey, load_recipe(linear | {"channels": [0, 1]}), "CHANNEL_MISMATCH")
    rejected(bands, load_recipe(linear | {"channels": ["u"]}), "CHANNEL_MISMATCH")
    rejected(image(noise(2, 16, 16)), load_recipe(linear | {"channels": "rgb"}), "CHANNEL_MISMATCH")


def test_crop_fit_and_sampling() -> None:
    pixels = np.zeros((40, 60))
    pixels[16:24, 26:34] = 1  # eight pixels around the centre
    pixels[18, 28] = 2
    prepared = prepare_image(image(pixels), load_recipe({"crop": 8, "size": 8}))
    np.testing.assert_allclose(prepared.tensor[0], pixels[16:24, 26:34] - 1)
    assert (prepared.used_width, prepared.used_height, prepared.sampling) == (8, 8, 1)
    squeezed = prepare_image(image(pixels), load_recipe({"fit": "squeeze", "size": 20}))
    assert (squeezed.used_width, squeezed.used_height) == (60, 40)
    padded = prepare_image(image(pixels), load_recipe({"fit": "pad", "size": 60, "nan": "zero"}))
    assert padded.padded_fraction == pytest.approx(1 / 3)
    assert padded.nan_fraction == 0
    assert padded.tensor[0, :10].max() == 0
    whole = prepare_image(image(pixels), load_recipe({"crop": 1000, "size": 20}))
    assert whole.used_width == 40
    assert whole.sampling == 0.5


def test_reducing_averages() -> None:
    pixels = np.indices((64, 64)).sum(axis=0) % 2  # a chequerboard is grey from afar
    pixels[0, 0] = 3
    recipe = load_recipe({"size": 8, "stretch": {"kind": "linear", "limits": {"kind": "fixed", "low": 0, "high": 1}}})
    tensor = prepare_image(image(pixels), recipe).tensor
    np.testing.assert_allclose(tensor[0, 2:, 2:], 0.5, atol=0.02)


def test_missing_pixels_do_not_leak_into_their_neighbours() -> None:
    pixels = np.full((64, 64), 1000.0)
    pixels[:, 32:] = 2000
    pixels[10:14, 5:9] = np.nan
    recipe = {"size": 16, "stretch": {"kind": "linear", "limits": {"kind": "fixed", "low": 0, "high": 4000}}}
    for policy in ("median", "nearest"):
        prepared = prepare_image(image(pixels), load_recipe(recipe | {"nan": policy}))
        assert prepared.nan_fraction == pytest.approx(16 / 64**2)
        assert set(np.unique(prepared.tensor[0, :, :7].round(4))) <= {0.25, 0.5}
    nearest = prepare_image(image(pixels), load_recipe(recipe | {"nan": "nearest"}))
    np.testing.assert_allclose(nearest.tensor[0, :, :7], 0.25)
    zero = prepare_image(image(pixels), load_recipe(recipe | {"nan": "zero", "size": 64}))
    assert (zero.tensor == 0).sum() == 16


def test_what_shows_nothing_is_rejected() -> None:
    recipe = Recipe()
    holed = noise(20, 20)
    holed[:12] = np.nan
    rejected(image(np.full((20, 20), np.nan)), recipe, "PIXELS_ALL_MISSING")
    rejected(image(np.full((20, 20), 7.0)), recipe, "IMAGE_CONSTANT")
    rejected(image(np.where(np.eye(20) > 0, np.nan, 7)), recipe, "IMAGE_CONSTANT")
    rejected(image(holed), load_recipe({"nan": {"policy": "median", "max_fraction": 0.5}}), "PIXELS_TOO_MANY_MISSING")
    second_missing = np.stack([np.arange(400.0).reshape(20, 20), np.full((20, 20), np.nan)])
    rejected(image(second_missing), recipe, "CHANNEL_ALL_MISSING")
    rejected(image(holed), load_recipe({"nan": "reject"}), "PIXELS_SOME_MISSING")
    fixed = load_recipe({"stretch": {"kind": "linear", "limits": {"kind": "fixed", "low": 100, "high": 200}}})
    rejected(image(noise(20, 20)), fixed, "STRETCHED_IMAGE_CONSTANT")
    assert prepare_image(image(holed), recipe).nan_fraction == pytest.approx(0.6)


def test_clipping_is_recorded() -> None:
    pixels = np.arange(400.0).reshape(20, 20)
    recipe = {"size": 20, "stretch": {"kind": "linear", "limits": {"kind": "fixed", "low": 100, "high": 299}}}
    unit = prepare_image(image(pixels), load_recipe(recipe))
    assert (unit.clipped_low_fraction, unit.clipped_high_fraction) == (0.25, 0.25)
    assert (unit.low, unit.high) == ((100,), (299,))
    free = prepare_image(image(pixels), load_recipe(recipe | {"normalisation": "none"}))
    assert (free.clipped_low_fraction, free.clipped_high_fraction) == (0, 0)
    assert free.tensor.max() > 1


def test_limits_that_coincide_are_widened() -> None:
    pixels = np.zeros((64, 64))
    pixels[3, 3] = 5
    prepared = prepare_image(image(pixels), load_recipe({"stretch": {"kind": "percentile", "low": 1, "high": 90}}))
    assert prepared.limits_widened
    assert prepared.tensor.max() == 1


def test_normalisations() -> None:
    source = image(noise(3, 40, 40))
    minmax = prepare_image(source, load_recipe({"normalisation": "minmax", "stretch": "asinh"})).tensor
    assert (minmax.min(), minmax.max()) == (0, 1)
    standard = prepare_image(source, load_recipe({"normalisation": "standard", "stretch": "asinh"})).tensor
    assert standard.mean() == pytest.approx(0, abs=1e-5)
    assert standard.std() == pytest.approx(1, abs=1e-5)


def test_jointly_keeps_the_ratio_of_channels() -> None:
    pixels = np.stack([noise(64, 64), 10 * noise(64, 64)])
    each = prepare_image(image(pixels), load_recipe({"stretch": {"kind": "linear"}}))
    joint = prepare_image(image(pixels), load_recipe({"stretch": {"kind": "linear", "jointly": True}}))
    assert len(each.low) == 2
    assert len(joint.low) == 1
    assert each.tensor.std(axis=(1, 2)) == pytest.approx(each.tensor.std(axis=(1, 2))[::-1], rel=0.3)
    assert joint.tensor[1].std() == pytest.approx(10 * joint.tensor[0].std(), rel=0.1)


STRETCHES = [
    {"kind": "linear"},
    {"kind": "sqrt"},
    {"kind": "log", "scale": 500},
    {"kind": "asinh", "softening": 0.02},
    {"kind": "zscale"},
    {"kind": "percentile", "low": 5, "high": 95},
    {"kind": "asinh", "limits": {"kind": "zscale"}},
]


@pytest.mark.parametrize("normalisation", ["unit", "none", "minmax", "standard"])
@pytest.mark.parametrize("stretch", STRETCHES)
@settings(max_examples=25, deadline=None)
@given(
    pixels=hnp.arrays(
        np.float32, (8, 8), elements=st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False)
    )
)
def test_stretches_are_finite_and_never_turn_the_order(
    stretch: dict[str, object], normalisation: str, pixels: np.ndarray
) -> None:
    recipe = load_recipe({"size": 8, "stretch": stretch, "normalisation": normalisation})
    result = outcome(image(pixels), recipe)
    if isinstance(result, str):
        assert result in ("IMAGE_CONSTANT", "STRETCHED_IMAGE_CONSTANT")
        return
    tensor = result.tensor
    assert tensor.dtype == np.float32
    assert np.isfinite(tensor).all()
    if normalisation == "unit":
        assert tensor.min() >= 0
        assert tensor.max() <= 1
    order = np.argsort(pixels.reshape(-1), kind="stable")
    steps = np.diff(tensor.reshape(-1)[order])
    assert steps.min() >= -1e-6 * np.abs(tensor).max()


@settings(max_examples=50, deadline=None)
@given(
    height=st.integers(2, 40),
    width=st.integers(2, 40),
    channels=st.integers(1, 4),
    missing=st.floats(0, 1),
    fit=st.sampled_from(["crop", "pad", "squeeze"]),
    policy=st.sampled_from(["median", "zero", "nearest"]),
    crop=st.none() | st.integers(2, 50),
)
def test_every_image_gives_the_same_shape_or_a_reason(
    *, height: int, width: int, channels: int, missing: float, fit: str, policy: str, crop: int | None
) -> None:
    pixels = noise(channels, height, width)
    pixels[np.random.default_rng(1).random(pixels.shape) < missing] = np.nan
    recipe = load_recipe({"channels": "grey", "size": 16, "fit": fit, "nan": policy, "crop": crop, "stretch": "asinh"})
    result = outcome(image(pixels), recipe)
    if isinstance(result, str):
        assert result in ("PIXELS_ALL_MISSING", "PIXELS_TOO_MANY_MISSING", "IMAGE_CONSTANT", "STRETCHED_IMAGE_CONSTANT")
    else:
        assert result.tensor.shape == (1, 16, 16)
        assert np.isfinite(result.tensor).all()


def test_render_is_for_the_eye() -> None:
    picture = render(image(noise(2, 30, 30)), load_recipe({"normalisation": "standard"}), 96)
    assert picture.shape == (2, 96, 96)
    assert picture.min() >= 0
    assert picture.max() <= 1


def test_suggestions() -> None:
    photos = [image(noise(3, 30, 40, seed=seed), RGB, format="JPEG", bit_depth=8) for seed in range(3)]
    recipe = suggest_recipe(photos)
    assert (recipe.channels, recipe.crop, recipe.stretch.kind) == ("rgb", None, "linear")
    assert recipe.stretch.limit_finder.model_dump() == {"kind": "fixed", "low": 0, "high": 255}

    field = noise(300, 300)
    field[140:160, 140:160] += 200
    recipe = suggest_recipe([image(field, format="FITS", bit_depth=32, floating=True)])
    assert (recipe.channels, recipe.stretch.kind) == ("grey", "asinh")
    assert recipe.crop is not None
    assert 30 <= recipe.crop <= 150

    galaxies = [image(noise(3, 420, 420, seed=seed), RGB, format="JPEG", bit_depth=8) for seed in range(3)]
    for galaxy in galaxies:
        galaxy.pixels[:, 170:250, 170:250] += 300
    crop = suggest_recipe(galaxies).crop
    assert crop is not None
    assert 80 <= crop <= 240
    # One bright thing in the middle of one photograph of three does not make them images of sources.
    assert suggest_recipe([*photos[:2], galaxies[0]]).crop is None

    bands = [image(noise(2, 64, 64), ("g", "r"), format="FITS", bit_depth=32, floating=True)]
    assert suggest_recipe(bands).channels == ("g", "r")
    assert suggest_recipe([*photos, image(noise(30, 30), format="PNG", bit_depth=8)]).channels == "rgb"
    with pytest.raises(InvalidArgumentError):
        suggest_recipe([])


def test_limits_are_those_of_the_source() -> None:
    pixels = noise(64, 64)
    pixels[20, 30] = 1000
    for size in (16, 64, 200):
        prepared = prepare_image(image(pixels), load_recipe({"size": size, "stretch": "linear"}))
        assert (prepared.low, prepared.high) == ((float(pixels.min()),), (1000.0,))
    percentiles = load_recipe({"size": 16, "stretch": {"kind": "percentile", "low": 2, "high": 98}})
    holed = pixels.copy()
    holed[:, :9] = np.nan
    prepared = prepare_image(image(holed), percentiles)
    assert (prepared.low[0], prepared.high[0]) == pytest.approx(tuple(np.nanpercentile(holed, (2, 98))), rel=1e-6)


@pytest.mark.parametrize("policy", ["zero", "median", "nearest"])
def test_padding_and_gaps_do_not_move_the_limits(policy: str) -> None:
    pixels = 1000 + noise(40, 60)
    recipe = load_recipe({"size": 60, "fit": "pad", "nan": policy, "stretch": "linear"})
    prepared = prepare_image(image(pixels), recipe)
    assert (prepared.low[0], prepared.high[0]) == (float(pixels.min()), float(pixels.max()))
    np.testing.assert_allclose(prepared.tensor[0, 10:50], (pixels - pixels.min()) / np.ptp(pixels), atol=1e-6)


def test_thumbnail_and_tensor_are_stretched_alike() -> None:
    pixels = noise(300, 300)
    pixels[150, 150] = 500
    recipe = load_recipe({"size": 32, "stretch": "linear"})
    tensor = prepare_image(image(pixels), recipe).tensor
    np.testing.assert_allclose(render(image(pixels), recipe, 32), tensor, atol=1e-6)
    assert abs(float(render(image(pixels), recipe, 96).mean()) - float(tensor.mean())) < 1e-3


@pytest.mark.parametrize("pedestal", [2.0**30, 1e9, 1e15])
def test_a_pedestal_hides_no_signal(pedestal: float) -> None:
    signal = np.arange(4096.0).reshape(64, 64)
    source = SourceImage(pixels=(pedestal + signal)[np.newaxis], channels=("grey",))
    for size in (64, 32):
        recipe = load_recipe({"size": size, "stretch": "linear"})
        prepared = prepare_image(source, recipe)
        assert (prepared.low[0], prepared.high[0]) == (pedestal, pedestal + 4095)
        plain = prepare_image(image(signal), recipe).tensor
        np.testing.assert_allclose(prepared.tensor, plain, atol=1e-6)
