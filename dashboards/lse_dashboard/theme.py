"""Colours of the explorer, dark and light: the only place where a colour is written down."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

__all__ = ["DARK", "LIGHT", "Theme"]


@dataclass(frozen=True)
class Theme:
    """One set of colours, each as ``#rrggbb``.

    Attributes
    ----------
    mode
        Whether it is the dark or the light one.
    ground, panel, raised
        Backgrounds: behind the plots, of the side columns, and of boxes within them.
    line
        Borders and grid lines.
    text, quiet
        Text, and text of secondary importance.
    accent, warm, good, bad
        Links and what is active; a second accent; success; failure.
    grey
        Points that belong to no group or have no value.
    few
        Colours for few groups, which people with any colour vision tell apart.
    """

    mode: Literal["dark", "light"]
    ground: str
    panel: str
    raised: str
    line: str
    text: str
    quiet: str
    accent: str
    warm: str
    good: str
    bad: str
    grey: str
    few: tuple[str, ...]

    @cached_property
    def many(self) -> tuple[str, ...]:
        """256 colours as different from one another, and from the ground and grey, as that many can be.

        They are those of Glasbey et al. (2007), "Colour displays for categorical images", Color Research and
        Application 32, 304, as the package colorcet computed them.
        """
        # Imported late: colorcet fills in hundreds of colour maps, which the start of the explorer need not wait for.
        import colorcet

        return tuple(colorcet.glasbey_light if self.mode == "dark" else colorcet.glasbey_dark)

    def css(self) -> dict[str, str]:
        """Colours as CSS variables; elements below the one that has them inherit them."""
        names = ("ground", "panel", "raised", "line", "text", "quiet", "accent", "warm", "good", "bad")
        return {f"--{name}": getattr(self, name) for name in names}


DARK = Theme(
    mode="dark",
    ground="#0d1117",
    panel="#131922",
    raised="#1a222d",
    line="#243040",
    text="#dde4ed",
    quiet="#8b98a9",
    accent="#5aa9f7",
    warm="#f2a154",
    good="#6fcf97",
    bad="#f07f86",
    grey="#5d6878",
    # Okabe and Ito, "Color Universal Design" (2008), without black.
    few=("#56b4e9", "#e69f00", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#0072b2"),
)
LIGHT = Theme(
    mode="light",
    ground="#ffffff",
    panel="#f6f8fa",
    raised="#ffffff",
    line="#d5dce4",
    text="#1b232d",
    quiet="#5b6675",
    accent="#0b62c4",
    warm="#a85b00",
    good="#1a7f45",
    bad="#c0303a",
    grey="#b4bac2",
    # Tol, "Colour Schemes", SRON/EPS/TN/09-002, scheme "bright" without grey.
    few=("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377"),
)
