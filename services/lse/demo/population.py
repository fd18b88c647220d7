"""How bright, large, red and far simulated galaxies are, and the truth kept of each object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["DISCS", "SPHEROIDS", "Galaxy", "Population", "Truth", "draw_galaxy"]

_REDSHIFTS = np.linspace(0.0, 0.7, 351)
# Flat universe with H0 = 70 km/s/Mpc and a matter density of 0.3; comoving distance in Mpc.
_INVERSE_HUBBLE = (299792.458 / 70.0) / np.sqrt(0.3 * (1 + _REDSHIFTS) ** 3 + 0.7)
_COMOVING = np.concatenate([[0.0], np.cumsum(0.5 * (_INVERSE_HUBBLE[1:] + _INVERSE_HUBBLE[:-1]) * np.diff(_REDSHIFTS))])
_ANGULAR = _COMOVING / (1 + _REDSHIFTS)
_KPC_PER_MPC_ARCSEC = 1000 * np.pi / (180 * 3600)


@dataclass(frozen=True)
class Truth:
    """What was drawn; None where a quantity has no meaning for the object.

    Attributes
    ----------
    g_mag, r_mag
        Total AB magnitudes.
    redshift
        Redshift from which apparent size, magnitude and colour follow.
    effective_radius
        Half-light radius along the major axis, arcsec.
    sersic_index, bulge_fraction
        Sérsic index of the whole or of the bulge; share of the bulge in the r flux.
    axis_ratio, position_angle, inclination
        Apparent shape; degrees from north to east; degrees from face-on.
    einstein_radius
        Of a gravitational lens, arcsec.
    """

    g_mag: float | None = None
    r_mag: float | None = None
    redshift: float | None = None
    effective_radius: float | None = None
    sersic_index: float | None = None
    bulge_fraction: float | None = None
    axis_ratio: float | None = None
    position_angle: float | None = None
    inclination: float | None = None
    einstein_radius: float | None = None


@dataclass(frozen=True)
class Population:
    """A kind of galaxy: its luminosities and its relation of size to luminosity.

    Attributes
    ----------
    magnitude, magnitude_scatter
        Absolute r magnitude, mean and standard deviation.
    radius, radius_slope, radius_scatter
        Effective radius in kpc at absolute magnitude −21, change of its logarithm a magnitude, scatter in dex.
    """

    magnitude: float
    magnitude_scatter: float
    radius: float
    radius_slope: float
    radius_scatter: float


SPHEROIDS = Population(-21.9, 0.7, 4.0, -0.18, 0.10)
DISCS = Population(-21.0, 0.7, 5.2, -0.14, 0.12)


@dataclass(frozen=True)
class Galaxy:
    """A galaxy before its shape: redshift, apparent r magnitude and effective radius in arcsec."""

    redshift: float
    r_mag: float
    radius: float


def draw_galaxy(rng: np.random.Generator, population: Population, radii: tuple[float, float]) -> Galaxy:
    """Draw a galaxy whose apparent size lies in a range, as a survey limited in size selects it.

    Parameters
    ----------
    rng
        Source of chance.
    population
        Kind of galaxy.
    radii
        Smallest and largest apparent effective radius, arcsec; a galaxy too large for them at redshift 0.7 is larger.

    Returns
    -------
    Galaxy
        Its redshift follows from the physical and the apparent size (flat ΛCDM), its magnitude from the distance.
    """
    absolute = population.magnitude + population.magnitude_scatter * float(np.clip(rng.normal(), -2, 2))
    kpc = population.radius * 10 ** (
        population.radius_slope * (absolute + 21) + population.radius_scatter * float(np.clip(rng.normal(), -2, 2))
    )
    # A large galaxy never looks smaller than at the depth of the survey.
    smallest = max(radii[0], kpc / (float(_ANGULAR[-1]) * _KPC_PER_MPC_ARCSEC))
    radius = float(np.exp(rng.uniform(np.log(smallest), np.log(max(radii[1], 1.1 * smallest)))))
    redshift = float(np.interp(kpc / (radius * _KPC_PER_MPC_ARCSEC), _ANGULAR, _REDSHIFTS))
    luminosity_distance = float(np.interp(redshift, _REDSHIFTS, _COMOVING)) * (1 + redshift)
    return Galaxy(redshift, absolute + 5 * float(np.log10(luminosity_distance)) + 25, radius)
