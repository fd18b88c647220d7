"""What is in every survey and is not a galaxy: stars, saturated stars and the trails of satellites."""

from __future__ import annotations

import numpy as np

from lse.demo.canvas import PIXEL_SCALE, Canvas, band_fluxes, rotated
from lse.demo.population import Truth

__all__ = ["satellite_trail", "saturated_star", "star"]


def star(canvas: Canvas, rng: np.random.Generator) -> Truth:
    """Draw a star that the detector can hold."""
    return _star(canvas, rng, float(rng.triangular(17.0, 21.5, 22.0)))


def saturated_star(canvas: Canvas, rng: np.random.Generator) -> Truth:
    """Draw a star too bright for the detector, with the halo and the diffraction spikes of the telescope."""
    r_mag = float(rng.uniform(11.6, 14.0))
    truth = _star(canvas, rng, r_mag)
    fluxes = canvas.points[-1].fluxes
    square = canvas.x**2 + canvas.y**2
    canvas.add(0.02 * fluxes, 1 / (np.pi * 4.0 * (1 + square / 2.0) ** 1.5))
    # Two vanes, four spikes; an alt-azimuth mount turns them from field to field.
    angle = float(rng.uniform(0, 90))
    for vane in (angle, angle + 90):
        along, across = rotated(canvas.x, canvas.y, vane)
        width = 0.12 + 0.012 * np.abs(along)
        fall = 1 / (1 + (along / 1.5) ** 2) ** 0.75
        canvas.add(0.006 * fluxes, fall * np.exp(-0.5 * (across / width) ** 2) / (width * np.sqrt(2 * np.pi) * 7.9))
    return truth


def satellite_trail(canvas: Canvas, rng: np.random.Generator) -> Truth:
    """Draw the straight trail of a satellite, seen in one band, at times tumbling or one of a pair."""
    angle = float(rng.uniform(0, 180))
    along, across = rotated(canvas.x, canvas.y, angle)
    half = canvas.size * PIXEL_SCALE / 2
    offset = float(rng.uniform(-0.35, 0.35)) * half
    width = float(rng.uniform(0.12, 0.5))  # near satellites are out of focus
    brightness = float(np.exp(rng.uniform(np.log(1.5e3), np.log(3e4))))  # nJy/arcsec² at the crest
    course = np.ones_like(along)
    if rng.random() < 0.3:
        course = 1 + float(rng.uniform(0.3, 0.9)) * np.sin(along * rng.uniform(0.5, 2.5) + rng.uniform(0, 2 * np.pi))
    trail = course * np.exp(-0.5 * ((across - offset) / width) ** 2)
    if rng.random() < 0.2:
        second = offset + float(rng.choice([-1.0, 1.0]) * rng.uniform(1.2, 3.0))
        trail = trail + 0.7 * np.exp(-0.5 * ((across - second) / width) ** 2)
    band = int(rng.integers(0, 2))
    canvas.add(brightness * np.eye(2)[band], trail)
    return Truth(position_angle=angle)


def _star(canvas: Canvas, rng: np.random.Generator, r_mag: float) -> Truth:
    colour = float(rng.normal(0.5, 0.12) if rng.random() < 0.55 else rng.normal(1.35, 0.15))
    fluxes = band_fluxes(r_mag, colour)
    canvas.add_point(fluxes, 0.0, 0.0)
    return Truth(g_mag=r_mag + colour, r_mag=r_mag)
