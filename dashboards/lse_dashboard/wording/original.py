"""What the explorer says of an image as its file has it.  Texts only."""

from __future__ import annotations

__all__ = ["Original"]


class Original:
    """The window of the original image."""

    OPEN, OPEN_HELP = "Original pixels", "The image as its file has it: stretch, limits, values, sky, header"
    TITLE = "{name}, as its file has it"
    READING = "Reading the file …"
    TOO_LARGE = (
        "The image has {count:,} pixel values and at most {most:,} are drawn here: read it with "
        "client.datasets.original, or open the file itself."
    )
    SKY = "{ra} {dec} · {ra_deg:.9f}° {dec_deg:+.9f}° ICRS"
    PICTURE = "pixels of the image; arrow keys move, plus and minus zoom, 0 fits"
    BAND, COMPOSITE = "Band", "composite"
    CHANNELS = ("Red", "Green", "Blue")
    STRETCH, MAP, INVERT = "Stretch", "Colour map", "Invert"
    LIMITS = "Limits"
    WAYS = {  # noqa: RUF012
        "minmax": "minimum to maximum",
        "99.5": "99.5 %",
        "98": "98 %",
        "90": "90 %",
        "zscale": "zscale",
        "own": "as given",
    }
    LOW, HIGH = "Low", "High"
    FIT, ONE_TO_ONE = "Fit", "1:1"
    PREPARED = "as prepared"
    USED = "used by the recipe"
    POINT = "Point at a pixel."
    FITS_PLACE, PLACE = "x {x}, y {y}", "column {x}, row {y}"
    MISSING = "no value"
    NORTH, EAST = "N", "E"
    HEADER, SEARCH = "Header", "Search the header"
    FACTS = "{width:,} × {height:,} pixels · {type}{unit} · {source}"
