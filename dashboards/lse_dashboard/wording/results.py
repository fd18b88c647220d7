"""What the explorer says of links, files and where they come from.  Texts only."""

from __future__ import annotations

__all__ = ["Link", "OfflineMap", "Project", "Provenance"]


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


class Project:
    """The window of a project."""

    TITLE = "Project {name}"
    READING = "Reading the project …"
    NOTHING = "There is nothing in this project yet."
    KINDS = {  # noqa: RUF012
        "dataset": "Datasets",
        "encoder": "Encoders",
        "experiment": "Experiments",
        "projection": "Projections of the open experiment",
        "clustering": "Clusterings of the open experiment",
        "prediction": "Predictions of the open experiment",
    }
    IMAGES, VECTORS = "{count:,} images", "{count:,} vectors"
    BELOW_EXPERIMENT = ("its projections", "its clusterings", "its predictions")
    ASK_DELETE, ASK_HELP = "delete …", "Delete the {what}"
    ASK, WITH = "Delete the {what} for good?", " These go with it: {below}."
    DELETE, KEEP = "Delete", "Keep"
    DELETED, STARTED = "The {what} is deleted.", "{name} was asked for: see Operations in the left column."
    NEW_EXPERIMENT, NEW_PRETRAINED = "Encode a dataset", "Encoder from a pretrained network"
    DATASET, ENCODER, BACKBONE, NAME = "dataset", "encoder", "network", "name of the result"
