"""What the explorer says of filters.  Texts only."""

from __future__ import annotations

from typing import ClassVar

__all__ = ["Filters"]


class Filters:
    """Charts that filter the map and each other."""

    ADD = "Add a chart"
    CHOOSE = "choose what to chart"
    PASSING = "{passing:,} of {total:,} points pass"
    SELECT, SELECT_HELP = "Select them", "Select the images of the points that pass"
    CLEAR, CLEAR_HELP = "Clear filters", "Show all points again; the charts stay"
    NONE = (
        "Nothing is charted",
        (
            "Choose a column, a clustering or a score above. Drag over the bars of a chart or click its groups: the "
            "map then shows what passes, and each chart what passes all the others."
        ),
    )
    WORDS: ClassVar = {
        "all": "all",
        "remove": "Take the chart away",
        "low": "least value",
        "high": "largest value",
    }
    MISSING = "{count:,} without a value"
    SAID = "{title}: {passing:,} of {total:,} points pass the other filters"
    NOT_A_NUMBER = "“{low}” to “{high}” are not numbers: leave an end empty where there is none."
