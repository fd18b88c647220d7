"""Merging galaxies: two discs of test particles that pass each other and throw out tidal tails."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from lse.demo.canvas import Array, Canvas, band_fluxes, magnitude
from lse.demo.galaxies import red_colour
from lse.demo.population import DISCS, Truth, draw_galaxy

__all__ = ["Encounter", "merger", "simulate_encounter"]

_PARTICLES = 1000  # a disc
_SOFTENING = 0.2
_STEP = 0.04


@dataclass(frozen=True)
class Encounter:
    """Two discs after they have met, in units of the first disc's radius.

    Attributes
    ----------
    nuclei
        Positions of the two centres, shape (2, 3).
    particles
        Positions of the disc particles, shape (2, m, 3).
    birth_radii
        Distance of each particle from its own centre at the start, in units of its disc's radius, shape (m,).
    """

    nuclei: Array
    particles: Array
    birth_radii: Array


def simulate_encounter(
    rng: np.random.Generator, *, mass_ratio: float, pericentre: float, after: float, tilts: tuple[float, float]
) -> Encounter:
    """Follow two discs through a parabolic passage (the restricted method of Toomre & Toomre 1972).

    Parameters
    ----------
    rng
        Source of chance for the particles.
    mass_ratio
        Mass of the second galaxy over that of the first.
    pericentre
        Closest approach of the undisturbed orbit in radii of the first disc.
    after
        Time since closest approach; one turn at the edge of the first disc takes 2π.
    tilts
        Angles in degrees between each disc and the orbit; below 90 the disc turns with the orbit and grows tails.

    Returns
    -------
    Encounter
        Centred between the nuclei; the orbit lies in the plane z = 0. Dynamical friction, which the restricted
        method lacks, is a drag on the nuclei while they are close.
    """
    masses = np.array([1.0, mass_ratio])
    total = masses.sum()
    start = 4.0
    # Parabola: true anomaly at the starting distance, and the time from there to pericentre by Barker's equation.
    anomaly = -np.arccos(2 * pericentre / start - 1)
    half = np.tan(anomaly / 2)
    before = -np.sqrt(2 * pericentre**3 / total) * (half + half**3 / 3)
    speed = np.sqrt(total / (2 * pericentre))
    separation = start * np.array([np.cos(anomaly), np.sin(anomaly), 0.0])
    motion = speed * np.array([-np.sin(anomaly), 1 + np.cos(anomaly), 0.0])
    weights = np.array([-masses[1], masses[0]])[:, None] / total
    nuclei, velocities = weights * separation, weights * motion

    radii = np.sqrt(rng.uniform(0.15**2, 1.0, _PARTICLES))
    particles = np.empty((2, _PARTICLES, 3))
    motions = np.empty_like(particles)
    for disc in range(2):
        size = np.sqrt(masses[disc])
        azimuth = rng.uniform(0, 2 * np.pi, _PARTICLES)
        radius = radii * size
        circular = np.sqrt(masses[disc] * radius**2 / (radius**2 + _SOFTENING**2) ** 1.5)
        tilt, node = np.radians(tilts[disc]), rng.uniform(0, 2 * np.pi)
        first = np.array([np.cos(node), np.sin(node), 0.0])
        second = np.array([-np.sin(node) * np.cos(tilt), np.cos(node) * np.cos(tilt), np.sin(tilt)])
        cosine, sine = np.cos(azimuth)[:, None], np.sin(azimuth)[:, None]
        particles[disc] = nuclei[disc] + radius[:, None] * (cosine * first + sine * second)
        motions[disc] = velocities[disc] + circular[:, None] * (cosine * second - sine * first)

    # Coordinates first, so that each lies in one run of memory.
    flat, flat_motions = particles.reshape(-1, 3).T.copy(), motions.reshape(-1, 3).T.copy()
    for _ in range(int((before + after) / _STEP)):
        flat += 0.5 * _STEP * flat_motions
        nuclei = nuclei + 0.5 * _STEP * velocities
        flat_motions += _STEP * (_pull(flat, nuclei[0], masses[0]) + _pull(flat, nuclei[1], masses[1]))
        gap = nuclei[1] - nuclei[0]
        relative = velocities[1] - velocities[0]
        drag = 0.16 * np.exp(-((np.linalg.norm(gap) / 1.5) ** 2)) * relative
        force = masses[0] * masses[1] * gap / (gap @ gap + _SOFTENING**2) ** 1.5 + drag * masses.prod() / total
        velocities = velocities + _STEP * np.stack([force, -force]) / masses[:, None]
        flat += 0.5 * _STEP * flat_motions
        nuclei = nuclei + 0.5 * _STEP * velocities
    middle = nuclei.mean(axis=0)
    return Encounter(nuclei - middle, flat.T.reshape(2, -1, 3) - middle, radii)


def _pull(positions: Array, nucleus: Array, mass: float) -> Array:
    offset = nucleus[:, None] - positions
    square = offset[0] ** 2 + offset[1] ** 2 + offset[2] ** 2 + _SOFTENING**2
    pull: Array = offset * (mass / (square * np.sqrt(square)))
    return pull


def merger(canvas: Canvas, rng: np.random.Generator) -> Truth:
    """Draw two nuclei with their disturbed discs, tidal tails and new stars."""
    galaxy = draw_galaxy(rng, DISCS, (1.5, 2.6))
    mass_ratio = float(rng.uniform(0.35, 1.0))
    encounter = simulate_encounter(
        rng,
        mass_ratio=mass_ratio,
        pericentre=float(rng.uniform(0.5, 1.0)),
        after=float(rng.uniform(1.5, 6.0)),
        tilts=(float(rng.uniform(0, 50)), float(rng.uniform(0, 120))),
    )
    # Seen from a direction not too far from the pole of the orbit, where tails are not foreshortened.
    tilt, turn = np.arccos(rng.uniform(0.4, 1.0)), rng.uniform(0, 2 * np.pi)
    sky = np.array(
        [[np.cos(turn), np.sin(turn), 0.0], [-np.sin(turn) * np.cos(tilt), np.cos(turn) * np.cos(tilt), np.sin(tilt)]]
    )
    # The passage is scaled so that most of it lies in the field.
    reach = float(np.quantile(np.linalg.norm(encounter.particles.reshape(-1, 3) @ sky.T, axis=1), 0.9))
    scale = float(rng.uniform(3.0, 4.6)) / reach
    nuclei = scale * encounter.nuclei @ sky.T

    red, blue = red_colour(rng, galaxy.redshift) - 0.1, 0.4 + 0.8 * galaxy.redshift
    total = band_fluxes(galaxy.r_mag, blue)
    shares = np.array([1.0, mass_ratio]) / (1 + mass_ratio)
    weights = np.exp(-encounter.birth_radii / 0.6)
    for disc in range(2):
        x, y = (scale * encounter.particles[disc] @ sky.T).T
        canvas.add(0.6 * shares[disc] * total, _smoothed(canvas, x, y, weights))
        centre = (float(nuclei[disc, 0]), float(nuclei[disc, 1]))
        size = scale * float(np.sqrt((1.0, mass_ratio)[disc]))
        angle = float(rng.uniform(0, 180))
        nucleus = band_fluxes(galaxy.r_mag, red) * shares[disc]
        canvas.add_sersic(
            0.22 * nucleus,
            radius=0.13 * size,
            index=2.5,
            axis_ratio=rng.uniform(0.6, 1.0),
            position_angle=angle,
            centre=centre,
        )
        canvas.add_sersic(
            0.18 * shares[disc] * total,
            radius=0.4 * size,
            index=1.0,
            axis_ratio=float(rng.uniform(0.45, 0.95)),
            position_angle=angle,
            centre=centre,
        )
        young = rng.choice(_PARTICLES, 10, replace=False)
        canvas.add_blobs(
            np.tile(band_fluxes(galaxy.r_mag + 5.2, -0.05) * shares[disc], (10, 1)), x[young], y[young], 0.13
        )
    g_flux, r_flux = canvas.light.sum(axis=(1, 2))
    return Truth(
        g_mag=magnitude(g_flux), r_mag=magnitude(r_flux), redshift=galaxy.redshift, effective_radius=galaxy.radius
    )


def _smoothed(canvas: Canvas, x: Array, y: Array, weights: Array) -> Array:
    """Light of particles, normalised: fine grain where they are dense, broad where tails are thin."""
    side = canvas.side
    column = (x - canvas.x[0, 0]) / canvas.step
    row = (y - canvas.y[0, 0]) / canvas.step
    counts, _, _ = np.histogram2d(row, column, bins=side, range=[[-0.5, side - 0.5]] * 2, weights=weights)
    smooth = 0.5 * gaussian_filter(counts, 1.8) + 0.5 * gaussian_filter(counts, 4.0)
    normalised: Array = smooth / (weights.sum() * canvas.step**2)
    return normalised
