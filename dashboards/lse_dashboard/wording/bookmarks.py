"""What the explorer says of bookmarks."""

from __future__ import annotations

__all__ = ["Bookmarks"]


class Bookmarks:
    """The window of views that the members of a project share."""

    LABEL, HELP = "Bookmarks", "Views that the members of this project share"
    TITLE = "Bookmarks of {project}"
    READING = "Reading the bookmarks …"
    NONE = (
        "A bookmark keeps the map, its colours, filters, the selection and the image in view, for all in this project."
    )
    KEEP, NAME = "Keep this view", "name of this view"
    UNNAMED = "Give the view a name."
    OPEN_HELP = "Open this view"
    PINNED, PIN, UNPIN = "opens first", "open first", "no longer first"
    PIN_HELP, UNPIN_HELP = "Open the project with this view", "Open the project with its newest experiment again"
    DELETE, DELETE_HELP = "delete", "Delete this bookmark"
    BY = "{creator}, {time:%-d %B %Y}"
    KEPT, DELETED = "“{title}” is kept.", "“{title}” is deleted."
