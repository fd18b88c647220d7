"""What the explorer says of other programs on the visitor's machine.  Texts only."""

from __future__ import annotations

from typing import ClassVar

__all__ = ["Samp"]


class Samp:
    """Other programs, reached by SAMP."""

    TITLE = "Other programs (SAMP)"
    ABOUT = "Latent spaces of image collections"
    CONNECT, LEAVE, GIVE_UP = "Connect", "Disconnect", "Cancel"
    STATES: ClassVar = {
        "away": "Exchange tables, images and positions with TOPCAT, Aladin, DS9 and others that run on your machine.",
        "asked": "Asking: the hub, such as TOPCAT, opens a window in which you let this page in.",
        "absent": "No SAMP hub answers on your machine: start TOPCAT, Aladin or another hub, then connect.",
        "refused": "The hub did not let this page in.",
        "lost": "The hub has ended, or does not answer any more.",
    }
    SELECTED_TABLE, WHOLE_TABLE = "Send the selected images as a table to", "Send all images as a table to"
    TABLE_NAME = "{experiment}, rows sent: {count:,}"
    ROWS = "Select the same images in"
    IMAGE, POSITION, ROW = "Send this image to", "Show its position in", "Highlight its row in"
    ALL = "all"
    NOBODY = "No other program is connected that takes tables, images or positions."
    SOMEBODY = "another program"
    SENT: ClassVar = {
        "table.load.votable": "The table was sent.",
        "table.select.rowList": "The selection was sent.",
        "table.highlight.row": "The row was sent.",
        "coord.pointAt.sky": "The position was sent.",
        "image.load.fits": "The image was sent.",
    }
    NOT_SENT = "The hub did not take the message: connect again."
    SELECTED = "Selected by {sender}: {count:,}."
    OTHER_DATASET = "{sender} selected rows of a table of another dataset: open that first."
    NO_IMAGE_THERE = "{sender} points at {ra:.5f} {dec:+.5f}; no image lies within 1 arcmin."
