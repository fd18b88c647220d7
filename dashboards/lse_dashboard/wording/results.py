"""What the explorer says of links, files and where they come from.  Texts only."""

from __future__ import annotations

__all__ = ["DatasetDetails", "Link", "OfflineMap", "Project", "Provenance"]


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
    NEW_ENCODER, METHOD, EPOCHS = "Train an encoder on a dataset", "method", "epochs: from the data"
    DATASET, ENCODER, BACKBONE, NAME = "dataset", "encoder", "network", "name of the result"
    TRAINING, FROZEN, ADAPT = "training", "as it is", "trained on with these images"
    ESTIMATING, TAKES = "Estimating how long its training takes …", " Its training takes about {minutes:.1f} minutes."


class DatasetDetails:
    """What a dataset was made of, in the window of a project."""

    OPEN, HELP = "details", "Versions, notes, and images that are the same or nearly so"
    READING = "Reading …"
    VERSIONS, NOTES, ALIKE = "Versions", "Notes", "Images that are alike"
    VERSION = "{version}: {prepared:,} images, {rejected:,} rejected"
    SAME, NEAR = "the same pixels", "nearly the same ({similarity:.4f})"
    NONE = "None has the pixels of another one."
    MORE_IMAGES, MORE = ", and {count:,} more", "{count:,} more groups: “lse dataset duplicates {dataset}” lists all."


class BakeOff:
    """The comparison of encoders in the window of a project."""

    TITLE = "Compare encoders"
    HINT = (
        "One after the other is made, where it is not there, and judged on the images of a dataset. With nothing "
        "chosen, all encoders that take the images are compared. It goes on while this page is open; started again, "
        "it continues."
    )
    DATASET, ENCODERS, METHODS = "dataset to compare on", "These encoders", "Encoders to be made"
    CAPTION, FAILED = "On the images of {dataset}, the best first", "failed: {why}"
    COLUMNS = (
        ("encoder", "Name"),
        ("method", "How it was made"),
        ("neighbours", "Balanced accuracy of the 20 nearest neighbours, against the column class"),
        ("probe", "Balanced accuracy of a linear probe"),
        ("views", "Share of images whose other view is nearer than an image of equal background"),
        ("nuisances", "Share of the variance of the vectors that properties explain which should not matter"),
        ("sound", "Whether the verdict objects to nothing"),
        ("minutes", "Time that it took to make"),
        ("weights", "Weights of the network"),
        ("numbers", "Length of a vector"),
    )


class Concepts:
    """The window of concepts."""

    OPEN, TITLE = "Concepts of this space …", "Concepts of {experiment}"
    WAITING = "Learning concepts: a few seconds to a minute the first time …"
    HINT = (
        "{count} directions of which a few at a time make up every vector ({share:.0%} of its direction), those of "
        "most images first, each with the images in which it is strongest. A click colours the map by its strength."
    )
    FILTER = "only those that follow …"
    COLOUR, COLOUR_HELP, IMAGES = "concept {concept}", "Colour the map by its strength", "active in {count:,} images"
    FOLLOWS, FOLLOWS_NOTHING = "follows {what} (AUROC {auroc:.2f})", "follows no column of the catalogue"
