"""All that the explorer says, by view.  Texts only: names in braces are filled in where a text is used."""

from __future__ import annotations

from typing import ClassVar

from lse_dashboard.wording.administration import Administration
from lse_dashboard.wording.bookmarks import Bookmarks
from lse_dashboard.wording.colours import Colours, Legend
from lse_dashboard.wording.filters import Filters
from lse_dashboard.wording.ingest import Ingest
from lse_dashboard.wording.original import Original
from lse_dashboard.wording.results import BakeOff, Concepts, DatasetDetails, Link, OfflineMap, Project, Provenance
from lse_dashboard.wording.samp import Samp
from lse_dashboard.wording.selection import (
    Agreement,
    Aside,
    ClassCatalogue,
    ClusterNames,
    Comparison,
    Gallery,
    Labelling,
    Levels,
    Remarks,
    Review,
    Selection,
)
from lse_dashboard.wording.tour import Tour

__all__ = [
    "FAILED",
    "NO",
    "SIMULATED",
    "TITLE",
    "YES",
    "Administration",
    "Agreement",
    "Aside",
    "BakeOff",
    "Bookmarks",
    "ClassCatalogue",
    "ClusterNames",
    "Colours",
    "Comparison",
    "Compute",
    "Concepts",
    "Curtain",
    "DatasetDetails",
    "Encoders",
    "Explanation",
    "Filters",
    "Gallery",
    "Header",
    "Image",
    "Ingest",
    "Labelling",
    "Legend",
    "Levels",
    "Link",
    "LossCurves",
    "OfflineMap",
    "Operations",
    "Original",
    "Parameters",
    "Project",
    "Provenance",
    "Remarks",
    "Review",
    "Samp",
    "Scatter",
    "Screenshot",
    "Selection",
    "Sidebar",
    "Tour",
    "TrainingCheck",
    "TrainingMonitor",
]

TITLE = "Latent Space Explorer"
SIMULATED = "SIMULATED"
FAILED = "The explorer failed while reading from the services: see its log."
YES, NO = "yes", "no"


class Header:
    """The bar at the top."""

    CONNECTED = "connected"
    OPENING = "opening …"
    CONNECTING = "connecting to the services …"


class Sidebar:
    """The left column: what is open."""

    PROJECT = "Project"
    MANAGE = "What is in this project: new, delete …"
    EXPERIMENT = "Experiment"
    CHOOSE_ONE = "choose one"
    NO_EXPERIMENTS = "none"
    UNFINISHED = "{name} ({state})"
    OPENING = "Opening …"
    NOT_OPEN = ("No experiment is open", "Choose one above.")
    EMPTY = (
        "No experiments yet",
        "Add images as a new dataset, train an encoder on it (What is in this project), and encode them.",
    )
    DATASET, IMAGES = "Dataset", "Images"
    IMAGE_COUNTS = "{prepared:,} prepared, {rejected:,} rejected"
    ENCODER, IMPORTED = "Encoder", "imported vectors"
    ENCODER_DETAILS, ENCODER_DETAILS_HELP = "details", "Training history and encoder card"
    VECTORS, VECTOR_SHAPE = "Vectors", "{count:,} × {dimension}"
    RECALL, RECALL_VALUE = "Search recall", "{recall:.3f} at 10"
    STATE = "State"
    NOTEBOOK, NOTEBOOK_HELP = "Notebook", "A Jupyter notebook that repeats how all of this was made"
    PROJECTION, CLUSTERING, PREDICTION = "Projection", "Clustering", "Prediction"
    FIGURES: ClassVar = {
        "adjusted_rand": "adjusted Rand index",
        "explained_variance_1": "variance along the first axis",
    }
    ONE_NOTE, NOTES = "1 note", "{count} notes"


class Encoders:
    """The list of encoders."""

    TITLE = "Encoders in this project ({count})"
    DETAILS = "Details"
    ENCODE = "Encode"
    ENCODE_HELP = "Create an experiment: encode the dataset with this encoder"


class Compute:
    """The form that starts a computation."""

    TITLE = "Compute"
    KINDS = ("Projection", "Clustering", "Prediction", "Encoder")
    METHOD = "Method"
    DIMENSIONS = ("2-D", "3-D")
    ON, LATENT, ON_PROJECTION = "Input", "latent space", "projection {name}"
    LEARN_FROM = "Learn from"
    LABELS, COLUMN = "labels · {name}", "column · {name}"
    NOTHING_TO_LEARN = "no labels and no class columns"
    NAME = "Name of the result"
    CHECK, CHECK_HELP = "Check before training", "Time, memory, parameters and augmented views, before anything starts"
    RUN = "Run"
    UNNAMED = "Give the result a name."
    NO_LABELS = "There is nothing to learn from: label some images, or add a class column to the dataset."


class Parameters:
    """The form of the parameters of a method."""

    AUTOMATIC = "automatic"
    FROM_DATA = "from the data"
    LARGER, SMALLER = "larger", "smaller"
    MORE, FEWER = "{count} more parameters", "Fewer parameters"
    BETWEEN, AT_LEAST = "From {low:,g} to {high:,g}.", "At least {low:,g}."
    NOT_A_NUMBER = "{title} must be a number, not '{text}'."
    NOT_WHOLE = "{title} must be a whole number."
    TOO_SMALL = "{title} must be at least {low:g}."
    TOO_LARGE = "{title} must be at most {high:g}."
    OUTSIDE = "{title} must be at least {low:g} and at most {high:g}."
    SET_AT_START = "set when training starts"


class Operations:
    """The list of long work."""

    TITLE = "Operations"
    NONE = "Nothing is running."
    PROGRESS = "{done:,} of {total:,} {unit}"
    RATE = "{rate:,.3g} {unit}/s"
    LEFT = "{span} left"
    SECONDS, MINUTES, HOURS = "{0:.0f} s", "{0:.0f} min", "{0:.1f} h"
    CANCEL, CANCELLING = "Cancel", "cancelling …"
    DISMISS = "Dismiss"
    DETAILS, DETAILS_HELP = "Details", "Loss curves and reconstructions"
    ENCODE, ENCODE_HELP = Encoders.ENCODE, Encoders.ENCODE_HELP
    OPEN, OPEN_HELP = "Open", "Show this experiment"
    SHOW, SHOW_HELP = "Show", "Show it on the map"


class Scatter:
    """The plot in the centre and its toolbar."""

    PROJECTION, PROJECTION_TITLE = "Projection", "{name} · {components}-D"
    CLUSTERING = "Clustering"
    COLOUR_BY = "Colour by"
    POINT_SIZE = "Point size"
    FOLD_LEFT, FOLD_RIGHT = "Fold or open the left column", "Fold or open the right column"
    IMAGES, IMAGES_HELP = "images", "Show images at their points, one in each part of the map"
    NAMES, NAMES_HELP = "names", "Show the names of the groups at their place"
    CONTOURS = "contours"
    CONTOURS_HELP = "Show lines of equal density, which enclose half, 80 % and 95 % of the points shown"
    SECOND_MAP, SECOND_MAP_HELP = "second map", "Show another projection of the same images beside this one"
    CLOSE_SECOND_MAP = "Close the second map"
    NONE = "none"
    SHOWN = "{shown:,} of {total:,} points shown"
    ARRIVING = ", {drawn:,} of {view:,} in view drawn so far"
    DRAWN_IN_VIEW = ", {drawn:,} of {view:,} in view drawn"
    SAMPLE_IN_VIEW, ALL_IN_VIEW = ", now a sample of {count:,}", ", all in view drawn"
    DROPPED = ", {count:,} without finite coordinates left out"
    FAR, FAR_HELP = "{count:,} far away", "Show the whole map, with the points that lie far away from all others"
    SIMULATED = "{title} · simulated images"
    HIDDEN_BY = "hidden by {filters}"
    SHOW_ALL = "Show all"
    SELECTED = "selected"
    CLEAR = "Clear"
    HINT_2D = "drag to pan, scroll to zoom, click to open; lasso and box on the left"
    HINT_3D = "drag to rotate, with Shift to move, scroll to zoom, click to open"
    MINIMAP_HELP = "The whole map; the frame is what is in view. Click or drag to go elsewhere."
    LASSO_3D, LASSO_3D_HELP = "Lasso", "Draw around points: whatever lies within, near or far, is selected"
    BOX_3D, BOX_3D_HELP = "Box", "Draw a box: whatever lies within, near or far, is selected"
    WHOLE_3D, WHOLE_3D_HELP = "Whole", "Show the whole cloud again; Home does the same"
    SCENE = (
        "Map in three dimensions: arrow keys rotate it, with Shift they move it, plus and minus zoom, Home shows all"
    )
    NO_WEBGL = "This browser does not draw in three dimensions (WebGL 2): choose a flat map, or switch WebGL on."


class Screenshot:
    """What saves the plot."""

    PNG = "The map as a picture with legend and provenance"
    SVG = "The map as a figure with legend and provenance as text: SVG"
    PDF = "The map as a figure with legend and provenance as text: PDF"
    HTML = "This map as one file that works without a network: thumbnails, names, search"


class Curtain:
    """What is said in place of the plot: title and text."""

    OFFLINE = ("Connecting to the services …", "The explorer keeps trying.")
    OPENING = ("Opening the experiment …", "")
    EMPTY = (
        "There is nothing to explore yet",
        "Add images under “New dataset” at the left, train an encoder on them, and encode them with it.",
    )
    CREATING = ("{name} is being created", "Its plot appears here when it is ready.")
    FAILED = ("{name} has failed", "Delete it and encode again; “lse experiment show” says why.")
    NO_PROJECTION = (
        "{name} has no projection yet",
        "Run one in the left column: it arranges the images so that similar ones lie close together.",
    )


class Image:
    """The right column: the image in view."""

    TITLE = "Image"
    NONE = (
        "No image selected",
        "Click a point to see its image, what is known about it, and its nearest neighbours in latent space.",
    )
    TYPICAL_EACH = "A typical image of each cluster"
    BACK, FORWARD = "Back", "Forward"
    OPEN = "Open"
    READING = "Reading …"
    EXPLAIN = "Explain"
    CHANGES, CHANGES_HELP = "What could change", "Vary this image along the main axes of the latent space"
    LIKENESS, LIKENESS_HELP = "Why similar to …", "Show the pixels that make this image similar to another one"
    PATH, PATH_HELP = "Path to …", "Show what lies between this image and another one"
    TYPICAL, TYPICAL_HELP = "Typical images", "Show the most typical images of each cluster"
    PICK_LIKENESS, PICK_PATH = "Similar to which image?", "Path to which image?"
    PICK = "Click a point of the plot or one of the neighbours below."
    CANCEL = "Cancel"
    CLUSTER, CLUSTER_NAME = "Cluster", "Cluster {label}"
    CLUSTER_SIZE = "{images:,} images · {share:.1%} of all"
    MEDOID, MEDOID_HELP = "medoid", "The image nearest to the centre of the cluster"
    NO_CLUSTER = "{count:,} images belong to no cluster of {name}."
    MORE = "{count} more"
    NEIGHBOURS = "Nearest neighbours"
    NEIGHBOURS_OWN = "Nearest neighbours in this cluster"
    NEIGHBOURS_OTHERS = "Nearest image of each other cluster"
    SEARCHING = "Searching …"
    NO_NEIGHBOURS = "none"
    SIMILARITY = "{image} · cosine similarity {similarity}"
    WHY, WHY_HELP = "why?", "Which pixels are alike?"
    SKY, FRAME, RA, DEC = "Sky position", "ICRS", "RA", "Dec"
    DEGREES = "{0:.6f}°"
    COPY_POSITION = "Copy"
    ARCHIVE_HELP = "Open {name} at this position in another tab"
    METADATA = "Metadata"
    NO_METADATA = "The catalogue has no entry for this image."
    HEADER = "Header · {count} cards"
    FILE, SOURCE, ROW = "File and preparation", "source", "row"


class Explanation:
    """Questions about an image, and how to read the answers."""

    CHANGES = "What could change"
    LIKENESS = "Why these two are similar"
    PATH = "Path between two images"
    TYPICAL = "Typical images of each cluster"
    WAITING = "Computing the explanation …"
    DOWNLOAD = "Download the picture"
    CHANGES_CAPTION = (
        "Each row starts in the middle with {image} as the decoder draws it, and moves its vector along one principal "
        "component of the latent space: what changes along a row is what that component encodes. Together these "
        "components hold {share:.0%} of the variance."
    )
    LIKENESS_CAPTION = (
        "The vectors of {first} and {second} have a cosine similarity of {cosine:.3f}, where 1 means the same "
        "direction and 0 unrelated ones. Orange pixels make the images more similar, blue ones less, grey ones have no "
        "effect; above each band is its share."
    )
    PATH_CAPTION = (
        "The straight line from {first} to {second} in latent space: at the top what the decoder draws at each step, "
        "below it the real image nearest to it ({between}). Where the pictures change abruptly, the encoder sees a "
        "boundary between the two."
    )
    TYPICAL_CAPTION = "The images nearest to the centre of each cluster of {clustering} show what it has in common."
    TYPICAL_OF_ONE = " Those of cluster {cluster}, to which this image belongs: {names}."


class TrainingCheck:
    """The window before a training."""

    TITLE = "Before training: {method} on {dataset}"
    WAITING = "A few steps are tried out, which takes a moment …"
    VIEWS, VIEWS_ALT = "Augmented views", "random views of some images"
    NOTES = "Notes"
    MEMORY = "{needed} of memory ({free} available)"
    TOO_LARGE = "This does not fit: it would take {memory}. Choose a smaller batch size, width or backbone."
    VERDICT = "Training takes {time} on this machine and {memory}; the networks have {weights:,} weights."
    PARAMETERS, FROM_DATA = "Parameters", "blue: chosen from the data"
    SECONDS, ONE_MINUTE = "less than a minute", "about a minute"
    MINUTES, HOURS, DAYS = "about {0:.0f} minutes", "about {0:.0f} hours", "about {0:.0f} days"


class TrainingMonitor:
    """The window of an encoder and its training."""

    TITLE = "Encoder {name}"
    WAITING = "Reading the training history …"
    CARD, CARD_JSON = "Encoder card", "Card as JSON"
    NO_EPOCH = "No epoch is complete yet."
    EPOCHS = "{done:,} of {total:,} epochs done"
    EPOCHS_UNKNOWN = "{done:,} epochs done"
    BEST = ", best so far: epoch {best:,}"
    LAST_EPOCH, RECIPE = "Last epoch", "Recipe"
    METHOD, DATASET = "method", "dataset"
    VECTORS, VECTORS_VALUE = "vectors", "{0:,} dimensions"
    WEIGHTS = "weights"
    ALL_PARAMETERS = "All {count} parameters"
    RECONSTRUCTIONS = "images, and what the decoder draws from their vectors"
    FIGURES: ClassVar = {"kl": "KL divergence"}


class LossCurves:
    """The plot of the losses."""

    EPOCH, LOSS, BEST = "epoch", "loss", "best epoch"
    TITLES = ("training", "validation")
