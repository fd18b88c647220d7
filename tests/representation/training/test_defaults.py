"""Parameters chosen from the data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lse.errors import InvalidArgumentError
from lse.representation.methods import TRAINING_METHODS
from lse.representation.training.defaults import choose_parameters, explain_choice
from lse.representation.training.facts import DatasetFacts, measure_facts

SKY = DatasetFacts(images=2000, channels=1, size=64, background=0.9, noisy=True, orientation=0.02, handedness=0.0)
PHOTOS = DatasetFacts(images=2000, channels=3, size=64, background=0.3, noisy=True, orientation=0.04, handedness=0.0)


def _sky(count: int = 200, size: int = 32) -> np.ndarray:
    """Elongated sources of any position angle in the middle of a noisy sky."""
    random = np.random.default_rng(1)
    axis = np.arange(size) - size / 2 + 0.5
    x, y = np.meshgrid(axis, axis)
    angle = random.uniform(0, np.pi, (count, 1, 1))
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    sources = np.exp(-((along / 6) ** 2) - (across / 2) ** 2)
    return (sources + 0.03 * random.normal(size=sources.shape))[:, None].astype(np.float32)


def _scenes(count: int = 200, size: int = 32) -> np.ndarray:
    """Bright sky above, dark ground below, and a thing anywhere."""
    random = np.random.default_rng(2)
    x, y = np.meshgrid(np.arange(size), np.arange(size))
    horizon = random.uniform(0.3, 0.7, (count, 1, 1)) * size
    scene = np.where(y < horizon, 0.9, 0.2) - 0.01 * y
    place = random.uniform(4, size - 4, (2, count, 1, 1))
    thing = np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / 12)
    bands = np.stack([scene * shade + thing for shade in (1.0, 0.8, 0.6)], axis=1)
    return (bands + 0.01 * random.normal(size=bands.shape)).astype(np.float32)


def test_the_sky_has_no_upright_and_scenes_have() -> None:
    sky, scenes = measure_facts(_sky()), measure_facts(_scenes())
    assert (sky.images, sky.channels, sky.size) == (200, 1, 32)
    assert sky.sparse
    assert not sky.upright
    assert not scenes.sparse
    assert scenes.upright
    assert not scenes.handed  # the thing is left as often as right


def _galaxies(count: int, size: int = 32, *, centre: float = 0.0) -> np.ndarray:
    """Galaxies of any position angle that fill the frame, in three bands; `centre` pixels from the frame's centre."""
    random = np.random.default_rng(3)
    axis = np.arange(size) - size / 2 + 0.5
    x, y = np.meshgrid(axis - centre, axis + centre)
    angle, ratio = random.uniform(0, np.pi, (count, 1, 1)), random.uniform(0.2, 1, (count, 1, 1))
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    light = np.exp(-np.sqrt(along**2 + (across / ratio) ** 2) / 12)
    bands = np.stack([shade * light for shade in (1.0, 0.8, 0.5)], axis=1)
    return (bands + 0.01 * random.normal(size=bands.shape)).astype(np.float32)


@pytest.mark.parametrize("centre", [0.0, 0.25])
def test_galaxies_that_fill_the_frame_have_no_upright_wherever_their_centre_is(centre: float) -> None:
    facts = measure_facts(_galaxies(500, centre=centre))
    assert not facts.sparse
    assert not facts.upright
    assert not facts.photographs


def test_few_scenes_are_scenes_and_the_reason_says_that_they_are_too_few_to_tell() -> None:
    scenes = _scenes(400)
    random = np.random.default_rng(4)
    blurred = np.where(random.random((400, 1, 1, 1)) < 0.5, scenes[:, :, ::-1], scenes)  # hardly an upright is left
    few = measure_facts(blurred[:20])
    assert few.too_few
    assert few.upright
    assert few.photographs
    assert "20 images are too few to tell" in " ".join(explain_choice("simclr", {}, few))
    assert not measure_facts(_sky()[:20]).too_few  # sources on an empty sky are not scenes, however few


def test_views_of_the_sky_differ_by_what_an_observation_adds() -> None:
    sky = replace(SKY, channels=3, levels=0.1)
    chosen = choose_parameters("simclr", {}, sky)
    assert (chosen.offset, chosen.saturation, chosen.hue, chosen.grey) == (0.2, 0, 0, 0)
    assert min(chosen.brightness, chosen.colour, chosen.noise, chosen.blur) > 0
    assert choose_parameters("simclr", {}, replace(sky, channels=1)).colour == 0
    assert choose_parameters("simclr", {}, replace(sky, levels=0.0)).offset == 0
    assert choose_parameters("simclr", {}, replace(sky, levels=9.0)).offset == 0.5
    assert choose_parameters("simclr", {}, replace(sky, size=32)).blur < chosen.blur
    assert "level of the background" in " ".join(explain_choice("simclr", {}, sky))


def test_the_level_of_the_background_is_measured_between_images() -> None:
    sky = _sky()
    levels = np.random.default_rng(5).normal(0, 0.5, (len(sky), 1, 1, 1)).astype(np.float32)
    assert measure_facts(sky).levels < 0.05
    assert measure_facts(sky + levels).levels == pytest.approx(0.5 / (sky + levels).std(), rel=0.2)


def test_left_and_right_of_letters_differ() -> None:
    letters = np.zeros((100, 1, 16, 16), np.float32)
    letters[:, 0, 2:14, 4:6] = letters[:, 0, 12:14, 4:12] = 1  # an L
    letters += 0.05 * np.random.default_rng(0).normal(size=letters.shape).astype(np.float32)
    assert measure_facts(letters).handed


def test_a_clipped_background_has_no_noise() -> None:
    clipped = np.where(_sky() < 0.2, 0, _sky()).astype(np.float32)
    assert not measure_facts(clipped).noisy
    assert measure_facts(_sky()).noisy


def test_facts_are_those_of_the_rows_that_count() -> None:
    both = np.concatenate([_sky(), np.repeat(_scenes()[:, :1], 1, axis=1)])
    assert measure_facts(both, np.arange(200)) == measure_facts(_sky())


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_images_have_facts_too(count: int) -> None:
    facts = measure_facts(_sky()[:count])
    assert (facts.images, facts.upright) == (count, False)
    assert choose_parameters("simclr", {}, facts).epochs > 0


def test_broken_and_empty_images_do_not_stop_the_choice() -> None:
    images = np.zeros((10, 1, 16, 16), np.float32)
    images[0] = np.nan
    assert not measure_facts(images).upright


@pytest.mark.parametrize("method", TRAINING_METHODS.ids)
def test_every_parameter_is_chosen(method: str) -> None:
    for facts in (SKY, PHOTOS):
        chosen = choose_parameters(method, {}, facts).model_dump()
        unset = {name for name, value in chosen.items() if value is None}
        assert unset <= {"validation"}  # the run holds out what suits the count of images


def test_views_are_looked_at_longer_than_images() -> None:
    def epochs(method: str, facts: DatasetFacts) -> int:
        return choose_parameters(method, {}, facts).epochs

    assert epochs("simclr", PHOTOS) == epochs("simclr", SKY) == 2 * epochs("autoencoder", SKY)
    assert epochs("autoencoder", PHOTOS) == epochs("autoencoder", SKY)
    # Fewer and smaller images are seen more often, within bounds.
    assert epochs("simclr", replace(SKY, images=100)) == epochs("simclr", replace(SKY, images=500, size=16)) == 200
    assert epochs("simclr", replace(SKY, images=10**6)) == 10


def test_what_is_given_stays() -> None:
    chosen = choose_parameters("simclr", {"epochs": "3", "rotation": 5.0, "flip": "false", "crop": "auto"}, PHOTOS)
    assert (chosen.epochs, chosen.rotation, chosen.flip) == (3, 5.0, False)
    assert chosen.crop < 1
    notes = " ".join(explain_choice("simclr", {"epochs": "3"}, PHOTOS))
    assert "epochs" not in notes
    assert "batch_size" in notes


def test_the_sky_is_turned_and_photos_are_not() -> None:
    sky, photos = choose_parameters("simclr", {}, SKY), choose_parameters("simclr", {}, PHOTOS)
    assert (sky.rotation, sky.flip, sky.crop, sky.neck) == (180, True, 1, "pooled")
    assert (photos.rotation, photos.flip, photos.neck) == (0, True, "flat")
    assert photos.crop < 1
    assert photos.grey > 0
    assert not choose_parameters("simclr", {}, replace(PHOTOS, handedness=0.1)).flip
    assert choose_parameters("autoencoder", {}, PHOTOS).rotation == 0
    assert choose_parameters("simclr", {}, replace(SKY, noisy=False)).noise == 0


def test_a_given_batch_changes_the_learning_rate() -> None:
    rates = [choose_parameters("simclr", {"batch_size": size}, SKY).learning_rate for size in (128, 256, 1024)]
    assert rates[0] < rates[1] < rates[2]


@settings(deadline=None, max_examples=60)
@given(images=st.integers(2, 10_000_000), size=st.integers(16, 1024), channels=st.integers(1, 8))
def test_choices_are_within_bounds_for_any_data_set(images: int, size: int, channels: int) -> None:
    for facts in (SKY, PHOTOS):
        chosen = choose_parameters("simclr", {}, replace(facts, images=images, size=size, channels=channels))
        # Reading them back checks every bound.
        again = choose_parameters("simclr", chosen.model_dump(), facts)
        assert again == chosen
        assert chosen.batch_size >= 2


def test_every_choice_has_its_sentence() -> None:
    notes = explain_choice("simclr", {}, SKY)
    assert all(note.endswith(".") for note in notes)
    assert any("2000 images" in note for note in notes)


def test_unknown_parameters_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="did you mean 'epochs'"):
        choose_parameters("simclr", {"epoch": 3}, SKY)
