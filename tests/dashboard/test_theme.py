"""Colours that people can tell apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from lse_dashboard.data.colouring import groups
from lse_dashboard.plots.palette import group_colours, rgb
from lse_dashboard.theme import DARK, LIGHT, Theme

# How people without one kind of cone see linear RGB: Machado, Oliveira and Fernandes (2009), full severity.
VISION = {
    "all cones": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
TO_XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
Floats = npt.NDArray[np.float64]


def linear(colours: tuple[str, ...]) -> Floats:
    srgb = np.array([rgb(colour) for colour in colours]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def difference(colours: tuple[str, ...], vision: str = "all cones") -> float:
    """Least CIELAB distance between any two."""
    seen = np.clip(linear(colours) @ np.array(VISION[vision]).T, 0, 1)
    xyz = seen @ np.array(TO_XYZ).T / [0.95047, 1, 1.08883]
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    lab = np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=-1)
    distances = np.linalg.norm(lab[:, None] - lab[None], axis=-1)
    return float(distances[np.triu_indices(len(lab), 1)].min())


def contrast(colour: str, ground: str) -> float:
    light, dark = sorted(linear((colour, ground)) @ TO_XYZ[1], reverse=True)
    return float((light + 0.05) / (dark + 0.05))


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.mode)
@pytest.mark.parametrize("vision", VISION)
def test_few_groups_are_told_apart_with_any_colour_vision(theme: Theme, vision: str) -> None:
    assert difference((*theme.few, theme.grey), vision) > 12


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.mode)
def test_sixty_clusters_are_sixty_colours_and_noise_is_grey(theme: Theme) -> None:
    numbers = pa.array([*range(60), None])
    colours = group_colours(groups("kmeans", numbers, none="noise", limit=None), theme)
    assert colours[-1] == theme.grey
    assert difference((*colours, theme.ground)) > 12
    assert len(set(group_colours(groups("kmeans", pa.array(range(256)), none="noise", limit=None), theme))) == 256


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.mode)
def test_text_can_be_read(theme: Theme) -> None:
    for ground in (theme.ground, theme.panel, theme.raised):
        for colour in (theme.text, theme.quiet, theme.accent, theme.warm, theme.good, theme.bad):
            # WCAG 2.1, level AA.
            assert contrast(colour, ground) >= 4.5
