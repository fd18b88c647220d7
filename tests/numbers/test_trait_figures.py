"""What distinguishes clusters, against SciPy's tests, and nothing where there is nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lse.analysis.traits import Members, angle_period, find_traits


def members(labels: np.ndarray) -> Members:
    inside = labels >= 0
    return Members(np.flatnonzero(inside), labels[inside], int(labels.max()) + 1)


def test_random_metadata_distinguish_nothing_but_in_one_case_of_twenty():
    shown = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        labels = random.integers(-1, 8, 600)
        metadata = pd.DataFrame(
            {
                "kind": random.choice(list("abcdefgh"), 600),
                "flux": random.lognormal(size=600),
                "count": random.poisson(1, 600),
                "ra": random.uniform(0, 360, 600),
                "field": random.choice([f"f{number}" for number in range(60)], 600),
            }
        )
        shown += bool(find_traits(metadata, members(labels), periods={"ra": 360.0}))
    # More than six of forty have a chance of 0.3 % at 5 %.
    assert shown <= 6


def test_values_are_tested_by_the_hypergeometric_distribution_and_corrected_by_holm():
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 300)
    kind = np.where((labels == 1) & (random.random(300) < 0.5), "ring", random.choice(["disc", "spiral"], 300))
    traits = find_traits(pd.DataFrame({"kind": kind}), members(labels))
    ring = traits[1][0]
    inside, every = int(((labels == 1) & (kind == "ring")).sum()), int((kind == "ring").sum())
    chance = stats.hypergeom.sf(inside - 1, 300, every, (labels == 1).sum())
    # Three clusters times three values, of which this is the smallest.
    assert ring.p_value == pytest.approx(9 * chance)
    assert (ring.value, ring.count) == ("ring", inside)
    assert (ring.here, ring.overall) == pytest.approx((inside / (labels == 1).sum(), every / 300))
    assert ring.effect == pytest.approx(ring.here / ring.overall)


@pytest.mark.parametrize("decimals", [0, 8])
def test_numbers_are_tested_by_ranks_also_with_ties(decimals):
    random = np.random.default_rng(1)
    labels = np.where(np.arange(400) < 90, 0, -1)
    flux = (random.normal(size=400) + (labels == 0)).round(decimals)
    flux[::50] = np.nan
    trait = find_traits(pd.DataFrame({"flux": flux}), members(labels))[0][0]
    here, rest = (flux[chosen & np.isfinite(flux)] for chosen in (labels == 0, labels < 0))
    expected = stats.mannwhitneyu(here, rest, method="asymptotic")
    assert trait.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert trait.effect == pytest.approx(expected.statistic / (len(here) * len(rest)))
    assert (trait.here, trait.overall) == (np.median(here), np.nanmedian(flux))


def test_right_ascensions_across_the_origin_are_one_place():
    random = np.random.default_rng(2)
    labels = np.where(np.arange(500) < 60, 0, -1)
    ra = np.where(labels == 0, random.normal(0, 3, 500) % 360, random.uniform(0, 360, 500))
    assert angle_period("ra_deg", unit="deg") == 360
    assert angle_period("x", unit="h", ucd="pos.eq.ra;meta.main") == 24
    assert angle_period("flux", unit="deg") is None
    trait = find_traits(pd.DataFrame({"ra": ra}), members(labels), periods={"ra": 360.0})[0][0]
    assert trait.kind == "angle"
    assert min(trait.here, 360 - trait.here) < 2
    # Turning everything changes nothing but the direction.
    turned = find_traits(pd.DataFrame({"ra": (ra + 123.4) % 360}), members(labels), periods={"ra": 360.0})[0][0]
    assert turned.p_value == pytest.approx(trait.p_value)
    assert (turned.here - trait.here) % 360 == pytest.approx(123.4)
    # As plain numbers they would not differ in rank: half are near 0, half near 360.
    assert not find_traits(pd.DataFrame({"x": ra}), members(labels))


def test_chances_of_directions_are_those_of_random_groups():
    random = np.random.default_rng(3)
    chances = []
    for _ in range(400):
        values = random.uniform(0, 360, 80)
        labels = np.where(random.permutation(80) < 30, 0, -1)
        found = find_traits(pd.DataFrame({"ra": values}), members(labels), periods={"ra": 360.0})
        chances.append(bool(found))
    assert 0.02 <= np.mean(chances) <= 0.09


def test_what_is_certain_comes_first_and_what_is_empty_or_constant_not_at_all():
    labels = np.repeat([0, 1], 100)
    metadata = pd.DataFrame(
        {
            "weak": np.where(np.arange(200) % 3 == 0, labels * 1.0, 0.5),
            "strong": labels * 1.0,
            "blank": [""] * 200,
            "same": ["x"] * 200,
            "none": [None] * 200,
            "name": [f"image-{row}" for row in range(200)],
        }
    )
    traits = find_traits(metadata, members(labels))
    assert [trait.column for trait in traits[0]] == ["strong", "weak"]
    assert traits[0][0].sentence().startswith("median strong is 0 here, 0.5 overall (below another image's in 100%")
