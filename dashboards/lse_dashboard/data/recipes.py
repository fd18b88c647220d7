"""The main choices of a recipe as a form has them, and a recipe that they were made in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from lse.errors import InvalidArgumentError
from lse_dashboard import wording

__all__ = ["BACKGROUNDS", "CENTRES", "LIMITS", "STRETCHES", "TWO_LIMITS", "choices_of", "with_choices"]

_WORDS = wording.Ingest
CENTRES = ("image", "source")
BACKGROUNDS = ("none", "median", "plane")
STRETCHES = ("linear", "sqrt", "log", "asinh", "zscale", "percentile")
LIMITS = ("minmax", "percentile", "sigma", "fixed", "zscale")
# These find their limits by themselves.
_OWN_LIMITS = frozenset({"zscale", "percentile"})
TWO_LIMITS = frozenset({"percentile", "sigma", "fixed"})


def choices_of(recipe: str) -> dict[str, str]:
    """Choices of a recipe, YAML, as texts; empty where there is none."""
    found: dict[str, Any] = yaml.safe_load(recipe)
    stretch = found["stretch"]
    limits = stretch.get("limits") or {}
    channels = found["channels"]
    return {
        "size": str(found["size"]),
        "crop": "" if found["crop"] is None else str(found["crop"]),
        "centre": found["centre"],
        "background": found["background"]["kind"],
        "channels": channels if isinstance(channels, str) else ", ".join(map(str, channels)),
        "stretch": stretch["kind"],
        "limits": limits.get("kind", ""),
        "low": _text(limits.get("low", stretch.get("low"))),
        "high": _text(limits.get("high", stretch.get("high"))),
    }


def with_choices(recipe: str, choices: Mapping[str, str]) -> str:
    """A recipe, YAML, with other choices; what they do not name stays.

    Raises
    ------
    InvalidArgumentError
        A number is none.
    """
    found: dict[str, Any] = yaml.safe_load(recipe)
    given = {key: text.strip() for key, text in choices.items()}
    found["size"] = _number(_WORDS.SIZE, given["size"], int)
    found["crop"] = _number(_WORDS.CROP, given["crop"], int) if given["crop"] else None
    found["centre"] = given["centre"]
    if given["background"] != found["background"]["kind"]:
        found["background"] = {"kind": given["background"]}
    found["channels"] = _channels(given["channels"])
    kind = given["stretch"]
    stretch: dict[str, Any] = found["stretch"] if found["stretch"]["kind"] == kind else {"kind": kind}
    ends = {key: _number(_WORDS.ENDS[key], given[key], float) for key in ("low", "high") if given.get(key)}
    if kind == "percentile":
        stretch |= ends
    elif kind not in _OWN_LIMITS:
        limits = given["limits"] or "minmax"
        stretch["limits"] = {"kind": limits, **(ends if limits in TWO_LIMITS else {})}
    found["stretch"] = stretch
    return yaml.safe_dump(found, sort_keys=False, allow_unicode=True)


def _channels(text: str) -> str | list[str | int]:
    if text in ("all", "grey", "rgb"):
        return text
    return [int(one) if one.isdecimal() else one for one in (part.strip() for part in text.split(",")) if one]


def _number(title: str, text: str, kind: type[int | float]) -> float:
    try:
        return kind(text)
    except ValueError:
        words = wording.Parameters
        message = (
            words.NOT_WHOLE.format(title=title) if kind is int else words.NOT_A_NUMBER.format(title=title, text=text)
        )
        raise InvalidArgumentError(message, reason="RECIPE_INVALID") from None


def _text(value: object) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
