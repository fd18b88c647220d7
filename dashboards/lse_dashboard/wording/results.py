"""What the explorer says of links, files and where they come from.  Texts only."""

from __future__ import annotations

__all__ = ["Link", "OfflineMap", "Provenance"]


class Link:
    """The link to a view, and the connection of the page."""

    LABEL, HELP = "Link", "Copy a link that opens exactly this view"
    COPIED = "Link copied"
    ORIGIN = "link"
    SELECTION = "link-{time:%Y%m%d-%H%M%S}"
    LOST = "connection lost: reconnecting …"


class OfflineMap:
    """A map as one file."""

    SEARCH = "Search names"
    OF = "of"
    GROUPS = "Groups"
    ONLY = "only"
    WHENCE = "Where this map comes from"
    THUMBNAILS = "Thumbnails"


class Provenance:
    """What made a map."""

    EXPERIMENT, DATASET, ENCODER = "Experiment", "Dataset", "Encoder"
    PROJECTION, CLUSTERING, MADE = "Projection", "Clustering", "Made"
    IMAGES = "{name}, {count:,} images"
    IMPORTED, ENCODER_VERSION = "imported vectors", "{name}, version {version}"
    WITH = "{time:%Y-%m-%d %H:%M} UTC, Latent Space Explorer {version}"
