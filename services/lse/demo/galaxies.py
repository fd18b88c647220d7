"""Single galaxies: ellipticals, spirals with arms, discs seen edge-on, rings, and the faint ones around."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ive, k1

from lse.demo.canvas import PIXEL_SCALE, Array, Canvas, band_fluxes, magnitude, rotated
from lse.demo.population import DISCS, SPHEROIDS, Galaxy, Truth, draw_galaxy

__all__ = ["add_neighbours", "edge_on", "elliptical", "measured", "red_colour", "ring", "spiral"]

_DISC_SCALE = 1.678  # effective radius of an exponential disc in scale lengths


def red_colour(rng: np.random.Generator, redshift: float) -> float:
    """Observed g − r of an old stellar population: the 4000 Å break moves through g until redshift 0.4."""
    return 0.72 + 2.0 * min(redshift, 0.42) + 0.04 * rng.normal()


def _blue_colour(rng: np.random.Generator, redshift: float) -> float:
    return 0.36 + 0.9 * min(redshift, 0.45) + 0.07 * rng.normal()


def elliptical(canvas: Canvas, rng: np.random.Generator) -> Truth:
    """Draw a smooth red galaxy, a little redder inside than outside."""
    galaxy = draw_galaxy(rng, SPHEROIDS, (0.55, 2.6))
    fluxes = band_fluxes(galaxy.r_mag, red_colour(rng, galaxy.redshift))
    index = float(np.clip(rng.normal(4.0, 0.8), 2.5, 6.0))
    axis_ratio = 1 - 0.5 * float(rng.beta(1.6, 2.4))
    angle = float(rng.uniform(0, 180))
    for band, stretch in enumerate((1.05, 1.0)):
        only = np.zeros(2)
        only[band] = fluxes[band]
        canvas.add_sersic(
            only, radius=galaxy.radius * stretch, index=index, axis_ratio=axis_ratio, position_angle=angle
        )
    return Truth(
        g_mag=magnitude(fluxes[0]),
        r_mag=galaxy.r_mag,
        redshift=galaxy.redshift,
        effective_radius=galaxy.radius,
        sersic_index=index,
        bulge_fraction=1.0,
        axis_ratio=axis_ratio,
        position_angle=angle,
    )


@dataclass(frozen=True)
class _Arms:
    """Logarithmic spiral arms, in the plane of a disc.

    Attributes
    ----------
    count
        Number of arms.
    turn
        Azimuth gained per factor e of radius; its sign is the sense of winding.
    start
        Azimuth at which an arm begins, in radians.
    inner
        Radius at which the arms begin, in arcseconds.
    """

    count: int
    turn: float
    start: float
    inner: float

    def pattern(self, rng: np.random.Generator, radius: Array, azimuth: Array, scale: float) -> tuple[Array, Array]:
        """Factor by which the arms change the light of the disc, and the share of it that their dust absorbs."""
        concentration = float(rng.uniform(1.2, 4.0))
        wave = self.count * (
            azimuth - self.turn * np.log(np.maximum(radius, 0.2 * self.inner) / self.inner) - self.start
        )
        # Real arms are not perfect curves: their phase wanders with radius and azimuth.
        for _ in range(2):
            wave += rng.uniform(0.15, 0.5) * np.sin(
                rng.integers(1, 4) * azimuth + rng.uniform(1.0, 3.0) * radius / scale + rng.uniform(0, 2 * np.pi)
            )
        ramp = 1 / (1 + np.exp(-(radius - self.inner) / (0.25 * self.inner)))
        # The arms fade into the disc far out.
        contrast = ramp * rng.uniform(0.7, 0.95)
        crest = np.exp(concentration * (np.cos(wave) - 1)) / float(ive(0, concentration))
        dust = float(rng.uniform(0.1, 0.4)) * ramp * np.exp(4 * (np.cos(wave + 0.9 * np.sign(self.turn)) - 1))
        return 1 - contrast + contrast * crest, dust

    def bar(self, canvas: Canvas, along: Array, across: Array) -> Array:
        """Light of a bar that ends where the arms begin, normalised."""
        bar_along, bar_across = rotated(across, along, 90 - float(np.degrees(self.start)))
        length = 1.1 * self.inner
        bar = np.exp(-0.5 * ((bar_along / length) ** 4 + (bar_across / (0.3 * length)) ** 2))
        normalised: Array = bar / (bar.sum() * canvas.step**2)
        return normalised

    def knots(self, rng: np.random.Generator, scale: float, cosine: float) -> tuple[Array, Array, Array]:
        """Positions along and across the disc of star-forming knots, and their normalised weights."""
        count = int(rng.integers(12, 40))
        distance = np.clip(rng.gamma(3.0, 0.75 * scale, count), self.inner, 3.6 * scale)
        arm = rng.integers(0, self.count, count)
        where = self.turn * np.log(distance / self.inner) + self.start + 2 * np.pi * arm / self.count
        where += rng.normal(0, 0.16, count)
        weights = rng.lognormal(0, 0.8, count)
        return distance * np.cos(where), distance * np.sin(where) * cosine, weights / weights.sum()


def _draw_arms(rng: np.random.Generator, scale: float) -> _Arms:
    count = int(rng.choice([2, 3, 4], p=[0.7, 0.15, 0.15]))
    turn = float(rng.choice([-1.0, 1.0])) / float(np.tan(np.radians(rng.uniform(11, 27))))
    return _Arms(count, turn, float(rng.uniform(0, 2 * np.pi)), scale * float(rng.uniform(0.35, 0.7)))


def spiral(canvas: Canvas, rng: np.random.Generator) -> Truth:
    """Draw a red bulge, at times a bar, and a blue disc with logarithmic arms, dust at their inner side and knots."""
    galaxy = draw_galaxy(rng, DISCS, (1.1, 3.0))
    cosine = float(rng.uniform(0.42, 1.0))
    angle = float(rng.uniform(0, 180))
    # Beyond a bulge of 0.6 there would be no disc left for bar and knots, nor would one call it a spiral.
    bulge_fraction = min(float(rng.beta(1.6, 6.0)), 0.6)
    bar_fraction = float(rng.uniform(0.06, 0.16)) if rng.random() < 0.35 else 0.0
    knot_fraction = float(rng.uniform(0.05, 0.14))
    total = 10 ** (-0.4 * galaxy.r_mag)

    def share(fraction: float, colour: float) -> Array:
        return band_fluxes(-2.5 * float(np.log10(total * fraction)), colour)

    red = red_colour(rng, galaxy.redshift)
    blue = _blue_colour(rng, galaxy.redshift)
    scale = galaxy.radius / _DISC_SCALE

    along, across = rotated(canvas.x, canvas.y, angle)
    across = across / cosine
    radius = np.hypot(along, across)
    azimuth = np.arctan2(across, along)

    arms = _draw_arms(rng, scale)
    modulation, dust = arms.pattern(rng, radius, azimuth, scale)
    profile = np.exp(-radius / scale) / (2 * np.pi * scale**2 * cosine) * modulation
    disc = share(1 - bulge_fraction - bar_fraction - knot_fraction, blue)
    canvas.add(disc, np.stack([profile * (1 - dust), profile * (1 - 0.6 * dust)]))

    canvas.add_sersic(
        share(bulge_fraction, red),
        radius=galaxy.radius * float(rng.uniform(0.12, 0.25)),
        index=float(rng.uniform(1.5, 3.5)),
        axis_ratio=0.7 + 0.3 * cosine,
        position_angle=angle,
    )
    if bar_fraction:
        canvas.add(share(bar_fraction, 0.5 * (red + blue)), arms.bar(canvas, along, across))
    x, y, weights = arms.knots(rng, scale, cosine)
    fluxes = share(knot_fraction, 0.02 + 0.5 * galaxy.redshift) * weights[:, None]
    canvas.add_blobs(fluxes, *_projected(x, y, angle), float(rng.uniform(0.10, 0.20)))
    return measured(
        canvas,
        galaxy,
        bulge_fraction=bulge_fraction,
        axis_ratio=cosine,
        position_angle=angle,
        inclination=float(np.degrees(np.arccos(cosine))),
    )


def edge_on(canvas: Canvas, rng: np.random.Generator) -> Truth:
    """Draw a disc seen from its side (van der Kruit & Searle 1981), mostly with a dust lane."""
    galaxy = draw_galaxy(rng, DISCS, (1.3, 2.8))
    angle = float(rng.uniform(0, 180))
    inclination = float(rng.uniform(84, 90))
    bulge_fraction = float(rng.beta(1.5, 6.0))
    red = red_colour(rng, galaxy.redshift)
    blue = _blue_colour(rng, galaxy.redshift) + 0.12  # a long way through dust
    fluxes = band_fluxes(galaxy.r_mag, blue)
    scale = galaxy.radius / _DISC_SCALE
    height = scale * float(rng.uniform(0.11, 0.21)) + scale * 0.4 * float(np.cos(np.radians(inclination)))
    along, across = rotated(canvas.x, canvas.y, angle)
    # A warp bends the ends of the disc to opposite sides.
    across = across - float(rng.normal(0, 0.006)) * along * np.abs(along) / scale
    distance = np.maximum(np.abs(along) / scale, 0.02)
    decay = np.exp(-2 * np.abs(across) / height)
    vertical = 4 * decay / (1 + decay) ** 2  # sech², without overflow far from the plane
    profile = distance * k1(distance) * vertical / (2 * np.pi * scale * height)
    lane = np.zeros((2, 1, 1))
    if rng.random() < 0.65:
        lane = np.array([0.9, 0.75])[:, None, None] * float(rng.uniform(0.6, 1.0))
    tilt = height * float(rng.choice([-1.0, 1.0])) * (90 - inclination) / 12
    dust = np.exp(-0.5 * ((across - tilt) / max(0.5 * height, 0.15)) ** 2) * np.exp(-((distance / 2.2) ** 2))
    canvas.add(fluxes * (1 - bulge_fraction), profile * (1 - lane * dust))
    bulge = band_fluxes(galaxy.r_mag, red) * bulge_fraction
    before = canvas.light.copy()
    canvas.add_sersic(
        bulge,
        radius=galaxy.radius * float(rng.uniform(0.15, 0.28)),
        index=float(rng.uniform(1.5, 3.0)),
        axis_ratio=float(rng.uniform(0.6, 0.9)),
        position_angle=angle,
    )
    canvas.light = before + (canvas.light - before) * (1 - lane * dust)
    return measured(
        canvas,
        galaxy,
        bulge_fraction=bulge_fraction,
        axis_ratio=height / scale,
        position_angle=angle,
        inclination=inclination,
    )


def ring(canvas: Canvas, rng: np.random.Generator) -> Truth:
    """Draw a red core inside a blue, clumpy ring (as Hoag's object, or after a head-on collision)."""
    galaxy = draw_galaxy(rng, DISCS, (1.5, 3.1))
    cosine = float(rng.uniform(0.5, 1.0))
    angle = float(rng.uniform(0, 180))
    core_fraction = float(rng.uniform(0.15, 0.5))
    red = red_colour(rng, galaxy.redshift)
    blue = _blue_colour(rng, galaxy.redshift) - 0.12
    core = band_fluxes(galaxy.r_mag, red) * core_fraction
    outer = band_fluxes(galaxy.r_mag, blue) * (1 - core_fraction)
    along, across = rotated(canvas.x, canvas.y, angle)
    radius = np.hypot(along, across / cosine)
    azimuth = np.arctan2(across / cosine, along)
    width = galaxy.radius * float(rng.uniform(0.08, 0.16))
    edge = galaxy.radius * (1 + 0.03 * np.cos(2 * azimuth + rng.uniform(0, 2 * np.pi)))
    clumps = 1.0 + sum(
        rng.uniform(0.1, 0.3) * np.cos(order * azimuth + rng.uniform(0, 2 * np.pi)) for order in (1, 2, 5)
    )
    profile = np.exp(-0.5 * ((radius - edge) / width) ** 2) * clumps + 0.1 * np.exp(-radius / (0.8 * galaxy.radius))
    profile /= profile.sum() * canvas.step**2
    canvas.add(outer * 0.85, profile)
    knots = int(rng.integers(8, 26))
    where = rng.uniform(0, 2 * np.pi, knots)
    distance = galaxy.radius + rng.normal(0, 0.5 * width, knots)
    weights = rng.lognormal(0, 0.8, knots)
    x, y = _projected(distance * np.cos(where), distance * np.sin(where) * cosine, angle)
    canvas.add_blobs(outer * 0.15 * (weights / weights.sum())[:, None], x, y, float(rng.uniform(0.1, 0.18)))
    # The core of a collisional ring sits beside the middle.
    shift = rng.normal(0, 0.08 * galaxy.radius, 2)
    index = float(rng.uniform(1.5, 4.0))
    canvas.add_sersic(
        core,
        radius=galaxy.radius * float(rng.uniform(0.14, 0.3)),
        index=index,
        axis_ratio=float(rng.uniform(0.75, 1.0)),
        position_angle=angle,
        centre=(float(shift[0]), float(shift[1])),
    )
    return measured(
        canvas,
        galaxy,
        sersic_index=index,
        bulge_fraction=core_fraction,
        axis_ratio=cosine,
        position_angle=angle,
        inclination=float(np.degrees(np.arccos(cosine))),
    )


def add_neighbours(canvas: Canvas, rng: np.random.Generator) -> int:
    """Draw the faint galaxies and stars that any field has, clear of its middle; gives their number.

    Numbers rise by 10^0.35 a magnitude, to 40 a square arcmin at r = 24.5.
    """
    half = (canvas.size / 2 + 5) * PIXEL_SCALE
    expected = 40 * (2 * half / 60) ** 2
    added = 0
    for _ in range(int(rng.poisson(expected))):
        x, y = rng.uniform(-half, half, 2)
        r_mag = float(24.5 + np.log10(rng.uniform(10 ** (-0.35 * 5), 1)) / 0.35)
        angle, axis_ratio, kind = rng.uniform(0, 180), rng.uniform(0.35, 1), rng.random()
        radius = 0.35 * 10 ** (-0.12 * (r_mag - 23)) * rng.lognormal(0, 0.3)
        colour = float(rng.normal(0.45, 0.25) if kind < 0.7 else rng.normal(1.2, 0.25))
        if np.hypot(x, y) < 2.2:
            continue
        added += 1
        if kind > 0.92:
            canvas.add_point(band_fluxes(r_mag, colour), float(x), float(y))
            continue
        canvas.add_sersic(
            band_fluxes(r_mag, colour),
            radius=float(radius),
            index=1.0 if kind < 0.7 else 3.0,
            axis_ratio=float(axis_ratio),
            position_angle=float(angle),
            centre=(float(x), float(y)),
        )
    return added


def _projected(along: Array, across: Array, position_angle: float) -> tuple[Array, Array]:
    """Offsets west and north of offsets along and across an axis: the inverse of `rotated`."""
    angle = np.radians(position_angle)
    return across * np.cos(angle) - along * np.sin(angle), along * np.cos(angle) + across * np.sin(angle)


def measured(canvas: Canvas, galaxy: Galaxy, **shape: float) -> Truth:
    """Truth of a galaxy, with the magnitudes of all that lies on the canvas."""
    g_flux, r_flux = canvas.light.sum(axis=(1, 2))
    return Truth(
        g_mag=magnitude(g_flux),
        r_mag=magnitude(r_flux),
        redshift=galaxy.redshift,
        effective_radius=galaxy.radius,
        **shape,
    )
