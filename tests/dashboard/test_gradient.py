"""Numbers on scales: where each point is, what the ends are, and what is said of it."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from lse.errors import InvalidArgumentError
from lse_dashboard.data.gradient import COLOURS, USUAL, Colours, Scale, gradient
from lse_dashboard.plots.palette import gradient_css, gradient_image, point_colours, rgb
from lse_dashboard.theme import DARK, LIGHT, Theme

VALUES = np.array([np.nan, -3.0, 0.0, 0.01, 0.1, 1.0, 10.0, 100.0, np.inf])
FLUX = gradient("flux", VALUES)


def test_a_logarithm_has_equal_steps_of_factors_and_no_place_for_what_is_not_above_0() -> None:
    found = FLUX.scaled(Scale("log", 0.1, 10.0))
    assert found.steps(3).tolist() == [3, 3, 3, 0, 0, 1, 2, 2, 3]
    assert found.at(0.5) == pytest.approx(1.0)
    assert (found.missing, found.not_positive, found.beyond) == (2, 2, (1, 1))
    assert found.ends() == ("0.1", "1", "10")
    said = " ".join(found.notes())
    assert "logarithmic" in said
    assert "1 below and 1 above" in said
    assert "grey: 2 not above 0" in said
    assert "grey: 2 without a value" in said
    # Percentiles of what has a logarithm.
    assert 0.01 <= FLUX.scaled(Scale("log")).low < 0.02


def test_an_equalised_scale_has_as_many_points_on_each_step() -> None:
    values = np.random.default_rng(0).lognormal(sigma=3, size=20_000)
    counts = np.bincount(gradient("flux", values).scaled(Scale("equalised")).steps(20), minlength=20)
    # The first and the last step of a scale are half as wide, and hold what lies beyond the percentiles.
    assert np.ptp(counts[1:19]) < 0.05 * counts[1:19].mean()
    half = gradient("flux", values).scaled(Scale("equalised", low=float(np.median(values))))
    assert half.steps(2).mean() == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("scale", [USUAL, Scale("log"), Scale("equalised"), Scale(low=0.5), Scale("log", 0.5, 7.0)])
def test_steps_never_fall_where_numbers_rise(scale: Scale) -> None:
    values = np.sort(np.random.default_rng(1).lognormal(size=999))
    found = gradient("flux", values).scaled(scale)
    for count in (2, 24, 200):
        steps = found.steps(count)
        assert (np.diff(steps.astype(int)) >= 0).all()
        assert (steps[0], steps[-1]) == (0, count - 1)


def test_signed_numbers_have_0_in_the_middle_of_diverging_colours() -> None:
    found = gradient("velocity", np.linspace(-1, 4, 101)).scaled(Scale(colours="diverging"))
    assert found.low == -found.high
    assert "0 in the middle" in " ".join(found.notes())
    assert gradient("flux", np.linspace(1, 4, 9)).scaled(Scale(colours="diverging")).low > 0


@pytest.mark.parametrize(
    ("scale", "sentence"),
    [
        (Scale(low=2.0, high=1.0), "The lower limit, 2, is not below the upper one, 1."),
        (Scale(low=1.0, high=1.0), "is not below"),
        (Scale(low=1e6), "is not below the upper one, "),
        (Scale("log", low=0.0), "above 0"),
        (Scale("equalised", 0.02, 0.03), "No value lies between 0.02 and 0.03."),
    ],
)
def test_limits_that_do_not_fit_are_refused(scale: Scale, sentence: str) -> None:
    with pytest.raises(InvalidArgumentError, match=sentence) as error:
        FLUX.scaled(scale)
    assert error.value.reason == "COLOUR_SCALE_INVALID"


def test_no_logarithm_of_numbers_below_0_nor_of_times() -> None:
    times = gradient("seen", np.array([1.0, 2.0]), text=lambda one: f"2020-01-0{one:.0f}")
    for found in (gradient("z", np.array([-1.0, -2.0])), times):
        with pytest.raises(InvalidArgumentError, match="above 0"):
            found.scaled(Scale("log"))
    assert not times.typed


def test_visitors_who_choose_the_same_share_it_while_one_has_it() -> None:
    found = FLUX.scaled(Scale("log", 0.1))
    assert FLUX.scaled(Scale("log", 0.1)) is found
    assert found.values is FLUX.values
    assert found.scaled(USUAL) is FLUX
    assert found.scaled(Scale("log", 0.1)) is found


def test_a_scale_goes_through_a_link_and_nonsense_is_as_if_not_said() -> None:
    for scale in (USUAL, Scale("log", 0.1, None, "cividis", True), Scale(high=-2.0)):
        assert Scale.meant(scale.said()) == scale
    assert USUAL.said() == {}
    assert Scale.meant({"stretch": "sqrt", "low": "1", "high": True, "colours": 3, "reversed": 0}) == USUAL


def test_typed_limits_are_numbers_or_nothing() -> None:
    assert Scale.typed({"low": " −1e-3 ", "high": "", "stretch": "linear"}) == Scale(low=-1e-3)
    for text in ("deep", "nan", "1,5"):
        with pytest.raises(InvalidArgumentError, match=f"“{text}” is not a number."):
            Scale.typed({"low": text})


@pytest.mark.parametrize("theme", [DARK, LIGHT])
@pytest.mark.parametrize("colours", COLOURS)
def test_every_scale_is_seen_on_the_ground_and_can_run_the_other_way(colours: Colours, theme: Theme) -> None:
    assert colours in get_args(Colours)
    scale, other = Scale(colours=colours), Scale(colours=colours, reversed=True)
    line = gradient_image(scale, 50, 1, theme)[0]
    assert (gradient_image(other, 50, 1, theme)[0] == line[::-1]).all()
    assert (np.abs(line.astype(int) - rgb(theme.ground)).max(axis=1) > 40).all()
    assert len(np.unique(line, axis=0)) > 40
    assert gradient_css(scale, theme).count("rgb(") == 13
    pixels = point_colours(FLUX.scaled(Scale("log", 0.01, 100.0, colours)), len(VALUES), theme)
    assert (pixels[[0, 1, 2, 8]] == rgb(theme.grey)).all()
    assert (pixels[3] == line[0]).all()
    assert (pixels[7] == line[-1]).all()
