"""What the explorer says beside the map: one image, the selection, labels, review.  Texts only."""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "Agreement",
    "Aside",
    "ClassCatalogue",
    "ClusterNames",
    "Comparison",
    "Gallery",
    "Labelling",
    "Levels",
    "Remarks",
    "Review",
    "Selection",
]


class Aside:
    """The right column: what it can show."""

    IMAGE = "Image"
    SELECTION, SELECTION_COUNT = "Selection", "Selection · {count:,}"
    FILTERS, FILTERS_COUNT = "Filters", "Filters · {count:,}"
    REVIEW = "Review"


class Selection:
    """What is selected, and what can be done with it."""

    FILTER = "selection"
    INVERTED = "inverted"
    LASSO, BOX = "lasso", "box"
    COUNT = "{count:,} of {total:,} images"
    OUTSIDE = "{count:,} of them hidden or not in this map"
    UNDO, UNDO_HELP = "↶", "Undo the last change of the selection (Ctrl+Z)"
    REDO, REDO_HELP = "↷", "Redo (Ctrl+Y)"
    INVERT, INVERT_HELP = "Invert", "Select the other images that are shown instead (I)"
    CLEAR, CLEAR_HELP = "Clear", "Select nothing (Esc)"
    COMBINE = "Next"
    COMBINES = (
        ("replace", "=", "The next lasso, box, group or query replaces the selection"),
        ("add", "+", "The next lasso, box, group or query adds to the selection (hold Shift)"),
        ("subtract", "−", "The next lasso, box, group or query takes away from the selection (hold Alt)"),
        ("intersect", "∩", "The next lasso, box, group or query keeps what both have (hold Shift and Alt)"),
    )
    FIND = "Select by name, position or query"
    FIND_HINT = "redshift > 0.5 AND class = spiral, or 187.706 12.391 2 arcmin"
    NOTHING_FOUND = "Nothing matches “{text}”."
    ISOLATE, ISOLATE_HELP = "Isolate", "Show only the selected images on the map"
    SAVE, SAVE_HELP = "Save", "Keep the selection under a name, for searches, exports and other people"
    SAVE_AS = "Name of the selection"
    DATASET, DATASET_HELP = "As dataset", "Make a dataset of the selected images, with their labels"
    DATASET_AS, DATASET_ASKED = "Name of the new dataset", "{name} is being made: see Operations in the left column."
    SAVED = "Saved as {name}."
    SAVED_BEFORE, OPEN = "Saved selections", "open a saved selection"
    COPY, COPY_HELP, COPIED = "Copy names", "Copy the names of the selected images, one a line", "Copied"
    SIMILAR, SIMILAR_HELP = "Similar images", "Show the images most similar to the selected ones"
    EXPORT, EXPORT_HELP = "Export", "Catalogue of the selected images: metadata, clusters, labels and coordinates"
    NONE = (
        "Nothing is selected",
        "Draw a lasso or a box on the map, or choose a group in the legend, a name or a query.",
    )
    VIEWS = ("Gallery", "Against the rest")


class Gallery:
    """Thumbnails of the selection."""

    SORT = "Order"
    BY_ROW, BY_NAME, BY_CENTRE = "catalogue", "name", "distance to the centre"
    ASCENDING, DESCENDING = "↑", "↓"
    DIRECTION = "Smallest or largest first"
    SIZES = (("small", "S"), ("medium", "M"), ("large", "L"))
    SIZE_HELP = "Size of the thumbnails"
    WAITING = "Finding the order …"
    SEARCHING = "Searching …"
    PAGE = "{first:,} to {last:,} of {total:,}"
    BEFORE, NEXT = "Previous page", "Next page"
    SIMILAR = "{count:,} images most similar to the selection"
    BACK, TAKE = "Back to the selection", "Add them to the selection"
    TOO_MANY = (
        "Distances in latent space are measured for {most:,} images at most, and {count:,} are selected: "
        "select fewer images, or choose another order."
    )


class ClusterNames:
    """The window in which clusters get names."""

    TITLE = "Names of the clusters of {name}"
    HELP = (
        "Clusters with the same name are one group: in the legend, on the map, in selections and comparisons. Their "
        "numbers stay, and exports have both. Without a name a cluster goes by its number."
    )
    NAME = "Name of {cluster}"
    SAVE = "Save the names"


class Levels:
    """The levels of a hierarchy of clusters."""

    OPEN, OPEN_HELP = "levels", "Look through the levels of these clusters, from coarse to fine, and keep one"
    TITLE = "level of {name}"
    LABEL = "Coarse to fine"
    SAYS = "{clusters:,} clusters · {noise:,} images in none · {level}"
    KINDS: ClassVar = {"distance": "distance {0}", "size": "at least {0} images", "layer": "layer {0}"}
    NAME, KEEP, CLOSE = "Name of the clustering", "Keep this level", "Close"


class Comparison:
    """The selection against the rest."""

    WAITING = "Comparing …"
    NUMBERS, GROUPS = "Numbers that differ most", "{title}"
    EFFECT = "Cliff’s delta {effect:+.2f}: 0 is no difference, ±1 complete separation"
    MEDIANS = "median {selected}, rest {rest}"
    SHARE = "{selected:.0%} of the selection, {rest:.0%} of the rest"
    COUNT = "{count:,}"
    SAMPLED = "Effect sizes and histograms are of 100,000 random images a side."
    KEY = "filled: selection, line: rest"
    NOTHING = "No column of this dataset can be compared."


class Labelling:
    """Label schemes and the labels that are given."""

    SCHEME = "Label scheme"
    NONE = "No label scheme yet: classes that you define, to label images with."
    NEW, EDIT, COLOUR = "New scheme", "Edit classes", "Colour by it"
    NAME = "Name of the scheme"
    CLASSES, CLASSES_HINT = "Classes, separated by commas (Enter saves)", "spiral, elliptical, merger"
    CLASSES_HELP = "A class goes when its name is emptied, unless images have it."
    CLASS, NEW_CLASS, MEANS = "class", "another class", "what it means"
    SAVE, CANCEL = "Save", "Cancel"
    PAGE, PAGE_HELP = "Catalogue of classes", "The classes with definitions and examples, as one HTML file"
    CREATED, EDITED = "Created {name}.", "Changed {name}."
    GIVE, GIVE_DEFINED = "Label as {label}", "Label as {label}: {definition}"
    GIVEN, TAKEN = "{count:,} labelled as {label}.", "{count:,} labels removed."
    UNDONE, NO_LABEL = "Undone: {count:,} × {label}.", "no label"
    UNDO, UNDO_HELP = "Undo", "Give them back the labels that they had (U)"
    NO_TARGET = "Select or open images to label them."
    TARGETS = "1 to 9 label the {count:,} selected images, 0 removes labels."
    TARGET = "{name} has no label yet: 1 to 9 label it."
    TARGET_GIVEN = "{name} is {label} ({author}, {time} UTC)."
    TARGET_DISPUTED, SAID_BY = "{name} is in dispute: {said}.", "{label} by {author}"
    DISPUTED = "in dispute by {scheme}"
    AGREEMENT = "Agreement"
    BLIND, BLIND_HELP = "Label blind", "See no labels, remarks, predictions and names of others while you label"
    BLIND_ON = "You label blind: labels, remarks, predictions and names of others are not shown."
    SEE_ALL = "Show them"


class Agreement:
    """How far experts agree."""

    ALONE = "Agreement needs labels of two experts at least; images in a review “labelled by others” are a way to them."
    COUNTS = (("expert", "Who labelled"), ("images", "Images labelled"), ("shared", "Of these labelled by others, too"))
    PAIRS = (
        ("experts", "Two experts"),
        ("images", "Images that both labelled"),
        ("same", "Share of these with the same class"),
        ("κ", "Cohen’s kappa: 1 is full agreement, 0 that of chance"),
    )
    PAIR = "{first} and {second}"
    ALPHA = "Krippendorff’s alpha {alpha}, of {count:,} images"
    ALPHA_HELP = "Agreement of all on the images that several labelled: 1 is full agreement, 0 that of chance"
    UNKNOWN = "–"
    NO_DISPUTE = "No image is in dispute."
    DISPUTED, DISPUTED_HELP = "Select the {count:,} in dispute", "The images of which not all experts said the same"


class ClassCatalogue:
    """The classes as a page of their own."""

    SCHEME, AUTHORS, NOBODY = "Label scheme", "Labelled by", "nobody yet"
    ONE, IMAGES = "1 image", "{count:,} images"
    SHOWN = ", {shown} of them shown, spread evenly over the dataset"
    UNDEFINED = "Not defined yet."


class Remarks:
    """Interest, tags and notes of images."""

    INTEREST, INTEREST_HELP = "Interest", "Interest {value} of 5; again to take it away"
    TAGS, ADD_TAG, UNTAG = "Tags", "add a tag (Enter)", "Take the tag {tag} away"
    NOTE, NOTE_HINT, NOTE_HINT_ALL = "Note", "note (Enter saves)", "note about all {count:,} (Enter saves)"
    BY = "{author}, {time} UTC"
    CHANGED = "{count:,} changed."
    NOT_JUDGED, NOT_TAGGED = "not judged", "not tagged"


class Review:
    """Images that wait for an expert's word."""

    SOURCE, CHOOSE = "Images to review", "choose"
    SUGGESTIONS, PREDICTION = "suggested: most useful to label next", "prediction · {name}, least certain first"
    INTEREST = "likely to be interesting"
    SECOND = "labelled by others, not by you"
    SECOND_NOTE = "Images that others labelled and you did not, in random order."
    ROUND = "Ten images at a time: keys 0 to 5 judge their interest, then the next ten follow from all that was judged."
    LEAST_SURE = "Unlabelled images in the order of the probability of their class, lowest first; 1,000 at most."
    WAITING = "Making the queue …"
    NONE = (
        "Nothing to review",
        "Choose what to review: labels need a scheme (above), the review of predictions one made under Compute.",
    )
    END, ENDED = "The queue is done", "{done:,} reviewed, {skipped:,} skipped."
    LEFT = "{left:,} left, {done:,} reviewed, {skipped:,} skipped"
    ACCEPT, ACCEPT_HELP = "Accept", "Label as predicted (Enter)"
    SKIP, SKIP_HELP = "Skip", "Go on and say nothing (S)"
