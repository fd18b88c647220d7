"""What the simulator draws keeps to the physics it names."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lse.demo.canvas import Canvas, band_fluxes, magnitude
from lse.demo.encounters import simulate_encounter
from lse.demo.lenses import source_plane
from lse.demo.observation import CHIP_SHAPE, convolve, detect, draw_conditions, point_images


@given(
    # Below a pixel and a quarter a thin, cuspy profile falls between the samples, by up to 8 per cent.
    radius=st.floats(0.25, 0.9),
    index=st.floats(0.5, 2.0),
    axis_ratio=st.floats(0.3, 1.0),
    angle=st.floats(0, 180),
    x=st.floats(-1, 1),
)
@settings(max_examples=25, deadline=None)
def test_a_sersic_profile_holds_its_flux(
    radius: float, index: float, axis_ratio: float, angle: float, x: float
) -> None:
    canvas = Canvas(64, (32.0, 32.0))
    fluxes = band_fluxes(20.0, 0.7)
    canvas.add_sersic(fluxes, radius=radius, index=index, axis_ratio=axis_ratio, position_angle=angle, centre=(x, -x))
    assert canvas.light.sum(axis=(1, 2)) == pytest.approx(fluxes, rel=0.02)


def test_half_of_the_light_lies_within_the_effective_radius() -> None:
    canvas = Canvas(128, (64.2, 63.9))
    canvas.add_sersic(np.array([1.0, 1.0]), radius=1.2, index=4.0)
    within = canvas.light[0][np.hypot(canvas.x, canvas.y) <= 1.2].sum()
    assert within == pytest.approx(0.5, abs=0.01)


def test_position_angle_runs_from_north_to_east() -> None:
    canvas = Canvas(64, (32.0, 32.0))
    canvas.add_sersic(np.array([1.0, 1.0]), radius=1.0, index=1.0, axis_ratio=0.3, position_angle=45.0)
    # East is left, so that the major axis goes through the upper left.
    assert (canvas.light[0] * canvas.x * canvas.y).sum() < 0


def test_seeing_and_binning_keep_the_flux() -> None:
    conditions = draw_conditions(np.random.default_rng(3))
    canvas = Canvas(64, (31.7, 32.4))
    fluxes = band_fluxes(19.0, 0.5)
    canvas.add_sersic(fluxes, radius=0.5, index=1.0)
    canvas.add_point(fluxes, 0.0, 0.0)
    blurred, points = convolve(canvas, conditions, canvas.light), point_images(canvas, conditions)
    assert blurred.sum(axis=(1, 2)) == pytest.approx(fluxes, rel=0.02)
    assert points.sum(axis=(1, 2)) == pytest.approx(fluxes, rel=0.04)
    rows, columns = np.mgrid[:64, :64]
    assert (points[1] * columns).sum() / points[1].sum() == pytest.approx(31.7, abs=0.05)
    assert (points[1] * rows).sum() / points[1].sum() == pytest.approx(32.4, abs=0.05)


def test_noise_is_what_the_conditions_say() -> None:
    conditions = draw_conditions(np.random.default_rng(4))
    image = detect(np.random.default_rng(5), np.zeros((2, 256, 256)), conditions, (500, 500))
    # Neighbouring pixels share the gradient of the sky, so their differences show the noise alone.
    noise = np.diff(image, axis=2).std(axis=(1, 2)) / np.sqrt(2)
    assert noise == pytest.approx(conditions.sky_noise, rel=0.02)


def test_charge_above_the_full_well_flows_along_its_column() -> None:
    conditions = draw_conditions(np.random.default_rng(6))
    model = np.zeros((2, 64, 64))
    model[:, 30, 20] = 6.5 * conditions.saturation
    image = detect(np.random.default_rng(7), model, conditions, (500, 500))
    full = image > 0.98 * conditions.saturation[:, None, None]
    assert np.unique(np.nonzero(full)[2]).tolist() == [20]
    assert full.sum(axis=(1, 2)) == pytest.approx([6, 6], abs=1)
    assert image[:, :, 20].sum(axis=1) == pytest.approx(model.sum(axis=(1, 2)), rel=0.03)


def test_pixels_outside_of_the_chip_are_missing() -> None:
    conditions = draw_conditions(np.random.default_rng(8))
    corner = (CHIP_SHAPE[1] - 60, -10)
    missing = np.isnan(detect(np.random.default_rng(9), np.zeros((2, 64, 64)), conditions, corner))
    assert missing[:, :10].all()
    assert missing[:, :, 60:].all()
    assert not missing[:, 10:, :60].any()


def test_a_round_lens_maps_its_einstein_ring_onto_one_point() -> None:
    azimuth = np.linspace(0, 2 * np.pi, 50)
    along, across = source_plane(
        2.0 * np.cos(azimuth), 2.0 * np.sin(azimuth), einstein_radius=2.0, axis_ratio=0.9999, position_angle=30.0
    )
    assert np.hypot(along, across).max() < 0.06


def test_a_prograde_encounter_throws_out_tails() -> None:
    def reach(tilt: float) -> float:
        encounter = simulate_encounter(
            np.random.default_rng(10), mass_ratio=1.0, pericentre=0.8, after=4.0, tilts=(tilt, tilt)
        )
        away = np.linalg.norm(encounter.particles - encounter.nuclei[:, None, :], axis=2)
        return float(np.quantile(away, 0.95))

    # Discs that turn against the orbit keep their stars (Toomre & Toomre 1972).
    assert reach(0.0) > 1.3 * reach(180.0)


def test_magnitudes_and_fluxes_agree() -> None:
    assert [magnitude(flux) for flux in band_fluxes(20.0, 0.6)] == pytest.approx([20.6, 20.0])
