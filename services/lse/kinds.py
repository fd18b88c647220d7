"""Kinds of values in tables about images, from the file to the screen.

All that depends on the kind of a column is decided here: the Arrow type that holds it, how texts are read as it, its
name in the API, its index among the vectors, and how it is shown, drawn and exported.  A further kind is a class in
`KINDS` and its name in ``latentspace/type/v1/metadata.proto``.
"""

from __future__ import annotations

import math
import struct
from datetime import MAXYEAR, MINYEAR, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from lse.values import MISSING, value_text

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["KINDS", "TEXT", "Kind", "Scalar", "cast_exactly", "kind_named", "kind_of", "kind_of_value"]

Scalar = str | int | float | bool | datetime
"""Value of a column in Python; a missing one is None."""

# The largest whole number up to which float64 has every one.
_EXACT = 2**53
_WHOLE = r"^[+-]?\d+$"
# Digits after a leading zero are an identifier, such as 0266.
_IDENTIFIER = r"^0\d+$"
_EPOCH = datetime.fromisoformat("1970-01-01")


class Kind:
    """A kind of values: one class each, of which `KINDS` has an instance.

    Attributes
    ----------
    name
        Its name for the API and for people.
    arrow
        Arrow type of its columns, as Arrow writes it.
    families
        First letters of all Arrow types whose values are of this kind.
    python
        Type of its values in Python.
    index
        How the vector store indexes it.
    amount
        Whether values are amounts, which have a mean and colour as a gradient; others name something.
    among_texts
        Whether a column of texts is of this kind where all can be read as it, also in files with types of their own.
    xtype
        What its texts are for VOTable: formats without such a type have texts in its place.
    """

    name: str
    arrow: str
    families: tuple[str, ...]
    python: type
    index: Literal["keyword", "integer", "float", "bool"]
    amount = False
    among_texts = False
    xtype = ""

    @property
    def arrow_type(self) -> pa.DataType:
        """Arrow type of its columns."""
        import pyarrow as pa

        return pa.type_for_alias(self.arrow)

    def parse(self, texts: Any) -> Any | None:
        """Texts (a string array) as this kind, all of them exactly, or None."""
        return texts

    def texts(self, values: Any) -> Any:
        """Values as text that can be read as this kind again."""
        import pyarrow as pa

        return values.cast(pa.string())

    def numbers(self, values: Any) -> Any:
        """Amounts as float64, for drawing, where the last digits do not matter."""
        import pyarrow as pa

        return values.cast(pa.float64(), safe=False)

    def stored(self, value: Any) -> Any:
        """Value as messages and JSON hold it."""
        return value

    def restored(self, value: Any) -> Any:
        """Value of what messages and JSON hold."""
        return self.python(value)

    def shown(self, value: Any) -> str:
        """Value as a person reads it, numbers with all the digits that they have."""
        return value_text(value)

    def shown_number(self, number: float) -> str:
        """Amount, as `numbers` gives it, as a person reads it."""
        return value_text(number)


class _Boolean(Kind):
    name, arrow, families, python, index = "boolean", "bool", ("bool",), bool, "bool"

    def parse(self, texts: Any) -> Any | None:
        import pyarrow as pa
        import pyarrow.compute as pc

        # Words alone: 0 and 1 stay numbers.
        true, false = pa.array(["true", "True", "TRUE"]), pa.array(["false", "False", "FALSE"])
        yes = pc.is_in(texts, value_set=true)
        known = pc.or_(yes, pc.is_in(texts, value_set=false))
        return pc.if_else(texts.is_null(), None, yes) if _all(pc.if_else(texts.is_null(), None, known)) else None


class _Integer(Kind):
    name, arrow, families, python, index = "integer", "int64", ("int", "uint"), int, "integer"
    amount = True

    def parse(self, texts: Any) -> Any | None:
        import pyarrow.compute as pc

        if not _all(pc.match_substring_regex(texts, _WHOLE)) or _any(pc.match_substring_regex(texts, _IDENTIFIER)):
            return None
        return cast_exactly(pc.utf8_ltrim(texts, "+"), self.arrow_type)


class _Number(Kind):
    name, arrow, families, python, index = "number", "double", ("double", "float", "halffloat"), float, "float"
    amount = True

    def parse(self, texts: Any) -> Any | None:
        import pyarrow.compute as pc

        if _any(pc.match_substring_regex(texts, _IDENTIFIER)):
            return None
        values = cast_exactly(texts, self.arrow_type)
        if values is None:
            return None
        # What float64 would change is not a number: digits beyond 2^53 and exponents that overflow.
        whole = pc.match_substring_regex(texts, _WHOLE)
        too_long = pc.and_(whole, pc.greater(pc.abs(values), float(_EXACT)))
        overflown = pc.and_(pc.is_inf(values), pc.match_substring_regex(texts, r"\d"))
        return None if _any(too_long) or _any(overflown) else values

    def shown(self, value: Any) -> str:
        # A number of 32 bits has noise beyond its own digits when it is written with those of 64.
        single = next((short for digits in range(6, 10) if _single(float(short := f"{value:.{digits}g}")) == value), "")
        return value_text(value, digits=17) if not math.isfinite(value) else single or repr(value)


class _Timestamp(Kind):
    """Date and time without a time zone, such as the UTC of FITS headers."""

    name, arrow, python, index = "timestamp", "timestamp[us]", datetime, "keyword"
    families: tuple[str, ...] = ("timestamp", "date")
    amount = among_texts = True
    xtype = "timestamp"

    def parse(self, texts: Any) -> Any | None:
        import pyarrow.compute as pc

        # Arrow reads ISO 8601 with a time zone as UTC or without one as such, never a mixture, and drops no digits.
        times = cast_exactly(texts, self.arrow_type)
        if times is None:
            return None
        years = pc.min_max(pc.year(times)).as_py()
        return times if years["min"] >= MINYEAR and years["max"] <= MAXYEAR else None

    def texts(self, values: Any) -> Any:
        import pyarrow.compute as pc

        fine = values if str(values.type).startswith("timestamp[ns") else values.cast(self.arrow_type)
        # All have fractions of a second now, whose zeros say nothing.
        return pc.replace_substring_regex(pc.strftime(fine, "%Y-%m-%dT%H:%M:%S"), r"\.?0+$", "")

    def numbers(self, values: Any) -> Any:
        import pyarrow as pa

        return values.cast(self.arrow_type).cast(pa.int64()).cast(pa.float64(), safe=False)

    def stored(self, value: Any) -> Any:
        return value.isoformat().replace("+00:00", "Z")

    def restored(self, value: Any) -> Any:
        return datetime.fromisoformat(value)

    def shown(self, value: Any) -> str:
        return str(self.stored(value)).removesuffix("T00:00:00")

    def shown_number(self, number: float) -> str:
        return str(_EPOCH + timedelta(seconds=round(number / 1e6))) if math.isfinite(number) else MISSING


class _ZonedTimestamp(_Timestamp):
    """Date and time with a time zone, kept in UTC."""

    arrow = "timestamp[us, tz=UTC]"
    families = tuple(f"timestamp[{unit}, tz" for unit in ("s", "ms", "us", "ns"))

    @property
    def arrow_type(self) -> pa.DataType:
        import pyarrow as pa

        return pa.timestamp("us", tz="UTC")

    def texts(self, values: Any) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        utc = values.cast(pa.timestamp(values.type.unit, tz="UTC"))
        return pc.binary_join_element_wise(super().texts(utc), "Z", "")


class _Text(Kind):
    name, arrow, python, index = "text", "string", str, "keyword"
    families = ("string", "large_string", "dictionary")


# In the order of preference: a column is of the first kind that holds all its values exactly.
KINDS: tuple[Kind, ...] = (_Boolean(), _Integer(), _Number(), _ZonedTimestamp(), _Timestamp(), _Text())
TEXT = KINDS[-1]


def kind_of(arrow_type: pa.DataType) -> Kind:
    """Kind of the values of an Arrow type; text where no kind has such values."""
    name = str(arrow_type)
    return next((kind for kind in KINDS if name.startswith(kind.families)), TEXT)


def kind_named(name: str) -> Kind:
    """Kind of a name; text where there is none."""
    return next((kind for kind in KINDS if kind.name == name), TEXT)


def kind_of_value(value: Scalar) -> Kind:
    """Kind of a value in Python."""
    return next(kind for kind in KINDS if isinstance(value, kind.python))


def cast_exactly(values: Any, arrow_type: pa.DataType) -> Any:
    """Column in another Arrow type, or None where a value does not fit."""
    import pyarrow as pa

    try:
        return values.cast(arrow_type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _single(number: float) -> float:
    """Nearest number of 32 bits; NaN where there is none."""
    try:
        return float(struct.unpack("f", struct.pack("f", number))[0])
    except OverflowError:
        return math.nan


def _all(mask: Any) -> bool:
    """Whether all values that are there are true; not where there are none."""
    import pyarrow.compute as pc

    return pc.all(mask).as_py() is True if mask.null_count < len(mask) else False


def _any(mask: Any) -> bool:
    import pyarrow.compute as pc

    return pc.any(mask).as_py() is True
