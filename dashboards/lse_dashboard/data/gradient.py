"""Numbers as colours: what lies at the ends of a scale, and how it runs between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from lse.errors import InvalidArgumentError
from lse.values import value_text
from lse_dashboard import wording

__all__ = ["COLOURS", "STRETCHES", "USUAL", "Gradient", "Scale", "gradient", "number_typed"]

Stretch = Literal["linear", "log", "equalised"]
Colours = Literal["viridis", "cividis", "magma", "inferno", "diverging"]
STRETCHES: tuple[Stretch, ...] = get_args(Stretch)
COLOURS: tuple[Colours, ...] = get_args(Colours)

_WORDS = wording.Legend
_PERCENTILES = (1, 99)
# Between so many numbers ranks are interpolated.
_QUANTILES = 257

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """How numbers become colours.

    Attributes
    ----------
    stretch
        ``linear``; ``log``, which has no place for numbers that are not above 0; or ``equalised``, by rank, so that
        each part of the scale has as many points.
    low, high
        Numbers at its ends; None for those of the data.
    colours
        Its colours.  On a linear scale that is ``diverging``, 0 is in the middle where the data have both signs and no
        limit is given.
    reversed
        Whether they run the other way.
    """

    stretch: Stretch = "linear"
    low: float | None = None
    high: float | None = None
    colours: Colours = "viridis"
    reversed: bool = False

    @classmethod
    def typed(cls, fields: Mapping[str, str]) -> Scale:
        """What was chosen and typed, by the names of the attributes.

        Raises
        ------
        InvalidArgumentError
            A limit is not a number.
        """
        ends = {key: fields.get(key, "").strip() for key in ("low", "high")}
        for text in ends.values():
            if text and number_typed(text) is None:
                raise _invalid(_WORDS.NOT_A_NUMBER.format(text=text))
        return cls.meant({**fields, **{key: number_typed(text) for key, text in ends.items()}})

    @classmethod
    def meant(cls, said: Mapping[str, Any]) -> Scale:
        """The scale that `said` returns; what cannot be read is as if it were not said."""
        stretch, colours = said.get("stretch"), said.get("colours")
        low, high = (number if _is_number(number := said.get(key)) else None for key in ("low", "high"))
        return cls(
            stretch if stretch in STRETCHES else "linear",
            low,
            high,
            colours if colours in COLOURS else "viridis",
            bool(said.get("reversed")),
        )

    def said(self) -> dict[str, Any]:
        """What is not as usual, by the names of the attributes."""
        usual = asdict(USUAL)
        return {key: value for key, value in asdict(self).items() if value != usual[key]}

    def for_others(self) -> Scale:
        """The same colours for other numbers."""
        return Scale(colours=self.colours, reversed=self.reversed)


USUAL = Scale()
"""A scale of which nothing is said."""


@dataclass(frozen=True, eq=False)
class Gradient:
    """Each point has a number.

    Attributes
    ----------
    title
        What the number is, such as ``redshift``.
    values
        NaN where it is missing, shape (n,).
    low, high
        Numbers at the ends of the colour bar, beyond which colour stays the same: the 1st and 99th percentile, or what
        the scale says.
    missing
        Points without a number.
    text
        Function that writes a number as people read it.
    scale
        How the numbers become colours.
    quantiles
        Of an equalised scale numbers at equal steps of rank, the ends among them.
    beyond
        Points below and above limits that are given.
    not_positive
        Points that a logarithmic scale has no place for.
    source
        The numbers on the usual scale, where this is another one.
    """

    title: str
    values: Numbers
    low: float
    high: float
    missing: int
    text: Callable[[float], str] = value_text
    scale: Scale = USUAL
    quantiles: tuple[float, ...] = ()
    beyond: tuple[int, int] | None = None
    not_positive: int = 0
    source: Gradient | None = None
    _scaled: WeakValueDictionary[Scale, Gradient] = field(
        default_factory=WeakValueDictionary, init=False, repr=False
    )  # one for all who look at it

    @property
    def nbytes(self) -> int:
        """Bytes that the numbers take."""
        return self.values.nbytes

    @property
    def typed(self) -> bool:
        """Whether limits can be typed and logarithms taken: not of times."""
        return number_typed(self.text(self.low)) is not None

    def scaled(self, scale: Scale) -> Gradient:
        """The same numbers on another scale.

        Raises
        ------
        InvalidArgumentError
            The limits do not fit each other, the scale, or the numbers.
        """
        if self.source is not None:
            return self.source.scaled(scale)
        if scale == USUAL:
            return self
        found = self._scaled.get(scale)
        return self._scaled.setdefault(scale, self._on(scale)) if found is None else found

    def at(self, share: Numbers | float) -> Numbers:
        """Numbers at some shares of the scale, 0 at its lower end and 1 at its upper one."""
        share = np.asarray(share, np.float64)
        if self.quantiles:
            return np.interp(share, np.linspace(0, 1, len(self.quantiles)), self.quantiles)
        if self.scale.stretch == "log":
            return np.asarray(self.low * (self.high / self.low) ** share)
        return np.asarray(self.low + (self.high - self.low) * share)

    def steps(self, count: int) -> npt.NDArray[np.uint16]:
        """Which of so many steps of the scale each point is on, `count` for one that has no place there, shape (n,)."""
        edges = self.at((np.arange(1, count) - 0.5) / (count - 1))
        steps = np.searchsorted(edges, self.values, side="right").astype(np.uint16)
        steps[~(self.values > 0) if self.scale.stretch == "log" else np.isnan(self.values)] = count
        return steps

    def ends(self) -> tuple[str, str, str]:
        """Numbers at the lower end, in the middle, where that is not to be guessed, and at the upper end."""
        middle = "" if self.scale.stretch == "linear" else self.text(float(self.at(0.5)))
        return self.text(self.low), middle, self.text(self.high)

    def notes(self) -> tuple[str, ...]:
        """What must be known to read the colours."""
        scale, notes = self.scale, list[str]()
        if scale.stretch != "linear":
            notes.append(_WORDS.STRETCHED[scale.stretch])
        if self.beyond is None:
            notes.append(_WORDS.CENTRED if _centred(scale, self.low, self.high) else _WORDS.RANGE)
        else:
            notes += [_WORDS.LOWEST] if scale.low is None else []
            notes += [_WORDS.HIGHEST] if scale.high is None else []
            notes.append(_WORDS.BEYOND.format(below=self.beyond[0], above=self.beyond[1]))
        notes += [_WORDS.NOT_POSITIVE.format(count=self.not_positive)] if self.not_positive else []
        notes += [_WORDS.MISSING.format(count=self.missing)] if self.missing else []
        return tuple(notes)

    def _on(self, scale: Scale) -> Gradient:
        known = self.values[np.isfinite(self.values)]
        negative = 0
        if scale.stretch == "log":
            positive = known[known > 0]
            known, negative = positive, len(known) - len(positive)
            if not self.typed or not len(known) or any(one is not None and one <= 0 for one in (scale.low, scale.high)):
                raise _invalid(_WORDS.NO_LOGARITHM)
        low, high = _ends(known, scale)
        if low >= high:
            raise _invalid(_WORDS.NOT_BELOW.format(low=self.text(low), high=self.text(high)))
        below, above = (int(np.count_nonzero(beyond)) for beyond in (known < low, known > high))
        quantiles: tuple[float, ...] = ()
        if scale.stretch == "equalised":
            inside = known[(known >= low) & (known <= high)]
            if not len(inside):
                raise _invalid(_WORDS.NOTHING_BETWEEN.format(low=self.text(low), high=self.text(high)))
            quantiles = (low, *np.quantile(inside, np.linspace(0, 1, _QUANTILES)[1:-1]).tolist(), high)
        return replace(
            self,
            low=low,
            high=high,
            scale=scale,
            quantiles=quantiles,
            beyond=None if scale.low is None and scale.high is None else (below, above),
            not_positive=negative,
            source=self,
        )


def gradient(title: str, numbers: npt.NDArray[np.floating], *, text: Callable[[float], str] = value_text) -> Gradient:
    """Gradient over numbers; those that are not finite are missing."""
    values = np.where(np.isfinite(numbers), numbers, np.nan).astype(np.float64)
    known = values[np.isfinite(values)]
    return Gradient(title, values, *_ends(known, USUAL), len(values) - len(known), text)


def number_typed(text: str) -> float | None:
    """Read a number; None where it is none, or not finite."""
    try:
        number = float(text.replace("−", "-"))
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def _ends(known: Numbers, scale: Scale) -> tuple[float, float]:
    """Numbers at the ends of a scale."""
    if scale.low is not None and scale.high is not None:
        return scale.low, scale.high
    low, high = (float(one) for one in np.percentile(known, _PERCENTILES)) if len(known) else (0.0, 1.0)
    if high <= low:
        low, high = (low / 2, low * 2) if scale.stretch == "log" else (low - 0.5, low + 0.5)
    if scale.low is None and scale.high is None and _centred(scale, low, high):
        return -max(-low, high), max(-low, high)
    return (low if scale.low is None else scale.low), (high if scale.high is None else scale.high)


def _centred(scale: Scale, low: float, high: float) -> bool:
    return scale.colours == "diverging" and scale.stretch == "linear" and low < 0 < high


def _is_number(said: object) -> bool:
    return isinstance(said, int | float) and not isinstance(said, bool) and bool(np.isfinite(said))


def _invalid(sentence: str) -> InvalidArgumentError:
    return InvalidArgumentError(sentence, reason="COLOUR_SCALE_INVALID")
