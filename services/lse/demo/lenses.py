"""Gravitational lenses: a red elliptical that bends the light of a blue galaxy behind it into arcs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lse.demo.canvas import Array, Canvas, band_fluxes, rotated
from lse.demo.galaxies import measured, red_colour
from lse.demo.population import SPHEROIDS, Truth, draw_galaxy

__all__ = ["arc", "source_plane"]

_CORE = 0.02  # of the Einstein radius: keeps the deflection finite at the centre


def source_plane(
    x: Array, y: Array, *, einstein_radius: float, axis_ratio: float, position_angle: float
) -> tuple[Array, Array]:
    """Where the light seen at an offset comes from, behind a singular isothermal ellipsoid.

    Parameters
    ----------
    x, y
        Offsets west and north of the lens, arcsec, of shapes that broadcast.
    einstein_radius
        Of the lens, arcsec.
    axis_ratio, position_angle
        Shape of the mass; degrees from north to east.

    Returns
    -------
    tuple of ndarray
        Offsets along and across the major axis of the lens in the source plane, arcsec (Kormann, Schneider &
        Bartelmann 1994, with the small core of Keeton 2001).
    """
    along, across = rotated(x, y, position_angle)
    flattening = np.sqrt(1 - axis_ratio**2)
    core = _CORE * einstein_radius
    distance = np.sqrt(axis_ratio**2 * (core**2 + along**2) + across**2)
    strength = einstein_radius * np.sqrt(axis_ratio) / flattening
    return (
        along - strength * np.arctan(flattening * along / (distance + core)),
        across - strength * np.arctanh(flattening * across / (distance + axis_ratio**2 * core)),
    )


def arc(canvas: Canvas, rng: np.random.Generator) -> Truth:
    """Draw a massive elliptical and the arcs and counter-images of a small blue galaxy behind it."""
    galaxy = draw_galaxy(rng, replace(SPHEROIDS, magnitude=-22.6, magnitude_scatter=0.3), (0.9, 1.7))
    fluxes = band_fluxes(galaxy.r_mag, red_colour(rng, galaxy.redshift))
    axis_ratio = float(rng.uniform(0.6, 0.95))
    angle = float(rng.uniform(0, 180))
    canvas.add_sersic(fluxes, radius=galaxy.radius, index=4.0, axis_ratio=axis_ratio, position_angle=angle)
    einstein_radius = float(rng.uniform(1.6, 3.2))
    along, across = source_plane(
        canvas.x,
        canvas.y,
        einstein_radius=einstein_radius,
        axis_ratio=max(axis_ratio, 0.7),
        position_angle=angle + float(rng.normal(0, 8)),
    )
    # Close to the axis the images merge into a ring, farther off into one long arc and a small counter-image.
    offset, direction = einstein_radius * float(rng.uniform(0.04, 0.55)), float(rng.uniform(0, 2 * np.pi))
    along, across = along - offset * np.cos(direction), across - offset * np.sin(direction)
    radius = float(rng.uniform(0.09, 0.22))
    stretch = float(rng.uniform(0.5, 1.0))
    source = np.exp(-1.678 * np.sqrt(along**2 + (across / stretch) ** 2) / radius)
    clump = np.exp(-0.5 * ((along - 0.7 * radius) ** 2 + (across + 0.4 * radius) ** 2) / (0.3 * radius) ** 2)
    source_fluxes = band_fluxes(float(rng.uniform(21.9, 23.6)), float(rng.normal(0.1, 0.12)))
    # Lensing keeps surface brightness, so unit flux is that of the source unlensed.
    unit = 2 * np.pi * (radius / 1.678) ** 2 * stretch
    canvas.add(source_fluxes, (source + 0.5 * clump) / unit)
    return measured(
        canvas,
        galaxy,
        sersic_index=4.0,
        bulge_fraction=1.0,
        axis_ratio=axis_ratio,
        position_angle=angle,
        einstein_radius=einstein_radius,
    )
