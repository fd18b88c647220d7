"""What the explorer says of colours.  Texts only."""

from __future__ import annotations

from typing import ClassVar

__all__ = ["Colours", "Legend"]


class Colours:
    """What can give the points their colour."""

    MAP, SAID = "This map", "Labels and predictions"
    ORIGINS = ("Catalogue", "Preparation", "Header")
    NOTHING = "nothing"
    CLUSTERS = "clusters"
    LABELS = "labels · {name}"
    PREDICTION = "prediction · {name}"
    PROBABILITY = "probability · {name}"
    OUTLIER = "outlier · {name}"
    TRUST = "map · {name}"
    INTEREST, EXPECTED_INTEREST, TAGS = "interest", "expected interest", "tags"


class Legend:
    """What the colours mean."""

    NOISE = "noise"
    NO_VALUE = "no value"
    NOT_LABELLED = "not labelled"
    NOT_PREDICTED = "not predicted"
    OTHER = "other ({count} values)"
    MORE = "and {count} more"
    TOGGLE = "Hide or show {label}"
    ONLY, ONLY_HELP = "only", "Show only {label}"
    SEARCH = "Search groups"
    SELECT, SELECT_HELP = "select", "Select {label}"
    NAME, NAME_HELP = "name clusters", "Give clusters names, and merge those with the same name"
    SHOW_ALL = "show all"
    RANGE, CENTRED = "1st to 99th percentile", "98 % of the values, 0 in the middle"
    LOWEST, HIGHEST = "from the 1st percentile", "to the 99th percentile"
    BEYOND = "{below:,} below and {above:,} above have the colours of the ends"
    STRETCHED: ClassVar = {"log": "logarithmic", "equalised": "equalised, by rank"}
    MISSING = "grey: {count:,} without a value"
    NOT_POSITIVE = "grey: {count:,} not above 0"

    SCALE = "Scale and limits"
    STRETCH = "Scale"
    STRETCHES: ClassVar = {"linear": "linear", "log": "logarithmic", "equalised": "equalised"}
    COLOURS = "Colours"
    LOWER, LOWER_HELP = "From", "Lower limit; empty: the 1st percentile of the values"
    UPPER, UPPER_HELP = "To", "Upper limit; empty: the 99th percentile of the values"
    REVERSED = "reversed"
    USUAL, USUAL_HELP = "as usual", "Linear, limits from the data, viridis"
    NOT_A_NUMBER = "“{text}” is not a number."
    NOT_BELOW = "The lower limit, {low}, is not below the upper one, {high}."
    NOTHING_BETWEEN = "No value lies between {low} and {high}."
    NO_LOGARITHM = "A logarithmic scale needs limits and values above 0."
