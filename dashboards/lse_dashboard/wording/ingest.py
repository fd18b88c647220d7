"""What the explorer says where images become a dataset.  Texts only."""

from __future__ import annotations

__all__ = ["Ingest"]


class Ingest:
    """The window in which a dataset is made."""

    OPEN = "New dataset: add images …"
    TITLE = "New dataset in project {name}"
    DROP = "Drop images, a folder or an archive here"
    DROP_MORE = (
        "FITS, PNG, JPEG, TIFF, NumPy, HDF5, Parquet; a catalogue (CSV, ECSV, VOTable) beside them is joined by name."
    )
    CHOOSE_FILES, CHOOSE_FOLDER = "Choose files", "Choose a folder"
    SENDING = "{done} of {count} files · {share} %"
    STOP = "Stop"
    CLEAR = "Start again"
    EMPTY_DROP = "There was no file in what was dropped: choose image files, a folder or an archive."
    HERE = "{count:,} files, {size}"
    ONE_HERE = "{name}, {size}"
    CATALOGUE_HERE = "catalogue: {name}"
    OR_PATH = "or files that the services can read"
    PATH, PATH_CATALOGUE = "folder or file, such as /data/images", "catalogue (optional)"
    LOOK = "Preview"
    LOOKING = "Preparing some of the images …"
    NOTHING_YET = (
        "No images yet",
        "What the recipe makes of some of them is shown here before anything is kept.",
    )
    NO_IMAGES = "There is no image among these files: add image files or an archive of them."
    TWO_TABLES = "There are {count} tables among these files: keep the one that is the catalogue."
    NAME_UNUSABLE = "The file name {name!r} cannot be used: rename the file."
    TOO_MUCH = (
        "That is too much for the browser: at most {size:g} GB and {count:,} files. Use “lse dataset ingest --upload”."
    )
    GONE = "This page has been open for too long or was loaded again: open the window once more."
    RECIPE = "Recipe"
    SUGGEST, SUGGEST_HELP = "Suggest again", "Take the recipe that is suggested from the images"
    SIZE, CROP, CHANNELS, STRETCH, LIMITS = "Size", "Crop", "Channels", "Stretch", "Limits"
    CENTRE, BACKGROUND = "Around", "Background"
    SIZE_HELP, CROP_HELP = "Side of the prepared images, in pixels", "Side that is cut out, in pixels of the file"
    CENTRE_HELP = "Cut out around the middle of the image, or around the source nearest to it"
    BACKGROUND_HELP = "Taken from each channel first: nothing, the median of the sky, or a plane fitted to it"
    CHANNELS_HELP = "all, grey, rgb, or names or numbers such as {names}"
    NO_CROP = "none"
    OWN_LIMITS = "its own"
    ENDS = {"low": "Low", "high": "High"}  # noqa: RUF012
    WHY = "What was suggested, and why"
    CATALOGUE = "Catalogue"
    KEY, RADIUS = "joined by", "within, arcsec"
    KEY_HELP = "Column whose values are the names or paths of the images, or the positions of both"
    RADIUS_HELP = "Largest separation of an image and its row"
    CHOOSE_KEY, POSITION = "choose a column …", "position on the sky"
    ROWS = "{count:,} rows"
    NONE_JOINED = "No image has a row: choose the column whose values are the names or paths of the images."
    JOINED_LATER = "Rows are joined by position when the images are prepared."
    RADIUS_INVALID = "The radius must be a number of arcsec greater than 0."
    FULL = "The whole recipe"
    SHOWN = "{shown} of {count:,} images"
    CLIPPED = "clipped: {low} low, {high} high"
    CLIPPED_HELP = "Median share of pixels below and above the limits of the stretch"
    REJECTED = "{count} of these would be rejected"
    HISTOGRAM = "Values of the prepared pixels"
    HISTOGRAM_ALT = "histogram of {channel} from {low} to {high}"
    NAME = "name of the dataset"
    START = "Make the dataset"
    UNNAMED = "Give the dataset a name."
    TAKEN = "There is a dataset “{name}” already: choose another name."
    STARTING = "Sending the images to the services …"
    RUNNING = "{name} is being made"
    CLOSE_GOES_ON = "You may close this window: the work goes on, and is listed under Operations."
    DONE = "{name}: {prepared:,} images prepared, {rejected:,} rejected"
    FAILED, CANCELLED = "{name} could not be made: {why}", "{name} was cancelled; nothing of it is kept."
    ENCODE, ENCODE_HELP = "Encode it …", "Make an experiment of it: its images through an encoder"
    ANOTHER = "Another dataset"
    FIRST_IMAGES = "The first {count} images"
    REJECTIONS = "Rejected"
    NOTES = "Notes"
    SHOW, SHOW_HELP = "Show", "Show this dataset"
