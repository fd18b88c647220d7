"""Datasets and their images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from latentspace.ingestion.v1 import ingestion_pb2 as pb
from latentspace.type.v1 import metadata_pb2
from lse.client.resources.explanations import Picture
from lse.client.resources.fields import MadeResource, NamedResource, Received
from lse.kinds import Scalar
from lse.names import image_name

__all__ = [
    "Column",
    "Dataset",
    "DatasetVersion",
    "Histogram",
    "Image",
    "ImageStatus",
    "ImageTrace",
    "Preview",
    "PreviewedCatalogue",
    "PreviewedImage",
    "TraceStep",
]

ImageStatus = Literal["prepared", "rejected"]


@dataclass(frozen=True, kw_only=True)
class Column(Received, message=metadata_pb2.Column):
    """A column of the image table of a dataset.

    Attributes
    ----------
    type
        Name of its kind, see `lse.kinds.KINDS`.
    unit, ucd, description
        What it says; empty where that is not known.
    distinct_count
        Different values among the prepared images; counting ends at 100,000, and 0 is not counted.
    """

    type: str
    unit: str
    ucd: str
    description: str
    distinct_count: int


@dataclass(frozen=True, kw_only=True)
class DatasetVersion(Received, message=pb.DatasetVersion, prepared="prepared_count", rejected="rejected_count"):
    """A dataset after it was made, or after images were added to it.

    Attributes
    ----------
    version
        Its number, from 1.
    prepared, rejected
        Inputs that were images, which are the first rows of the dataset, and those that were not.
    sources
        Files and folders that came with it.
    """

    version: int
    prepared: int
    rejected: int
    sources: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Dataset(MadeResource, message=pb.Dataset, prepared="prepared_count", rejected="rejected_count"):
    """A collection of images, prepared alike.

    Attributes
    ----------
    sources
        Files and folders that it was read from.
    recipe
        Recipe that prepared it, YAML.
    prepared, rejected
        Number of inputs that became images, and of those that did not.
    channels
        Names of the channels of the prepared tensors.
    image_size
        Side of the prepared tensors, in pixels.
    columns
        Columns of the image table beside the fixed ones, by name.
    simulated
        Whether the images are simulated: to be said wherever they are shown.
    versions
        What it was after it was made and after each addition; empty in lists, and where they were not kept.
    catalogue, catalogue_key, catalogue_radius_arcsec
        Table that was joined, its column that identifies the image, and the largest separation of one that was joined
        by position; empty and 0 where not given.
    sent
        Whether sources and catalogue are names of files that were sent with the request.
    subset_of
        Resource name of the dataset of whose images it was made; empty of one that was made of sources.
    """

    sources: tuple[str, ...]
    recipe: str
    prepared: int
    rejected: int
    channels: tuple[str, ...]
    image_size: int
    columns: dict[str, Column]
    simulated: bool
    versions: tuple[DatasetVersion, ...]
    catalogue: str
    catalogue_key: str
    catalogue_radius_arcsec: float
    sent: bool
    subset_of: str


@dataclass(frozen=True, kw_only=True)
class Image(NamedResource, message=pb.Image):
    """One input of a dataset.

    Attributes
    ----------
    row
        Row in the prepared tensors, -1 of a rejected input.
    source
        Path that it was read from.
    status
        What became of it.
    rejection_reason, rejection_message
        Why it was rejected: UPPER_SNAKE and a sentence; empty of a prepared one.
    metadata
        Facts from header, catalogue and preparation; None where a value is missing.
    ra_deg, dec_deg
        Position of its centre, ICRS, in degrees; None where it is not known.
    """

    row: int
    source: str
    status: ImageStatus
    rejection_reason: str
    rejection_message: str
    metadata: dict[str, Scalar | None]
    ra_deg: float | None
    dec_deg: float | None

    @property
    def id(self) -> str:
        """What the image is called in its dataset: the name of its file."""
        return image_name(self.name)


@dataclass(frozen=True, kw_only=True)
class TraceStep(Received, message=pb.TraceStep):
    """A step of the preparation of an image.

    Attributes
    ----------
    step
        Its name: ``file``, ``image``, ``channels``, ``crop``, ``limits``, ``size``, ``missing``, ``stretch``,
        ``tensor`` or ``dataset``.
    summary
        What it does, in a few words.
    facts
        Figures, such as ``shape``, ``minimum`` and ``maximum`` of the pixels after it.
    """

    step: str
    summary: str
    facts: dict[str, Scalar | None]


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageTrace(Picture, message=pb.TraceImageResponse):
    """One image of a dataset through every step of its preparation; a notebook shows its picture.

    Attributes
    ----------
    image
        The image as it is in the dataset.
    steps
        Steps in their order, up to the one at which it is rejected; the last compares the result with the dataset.
    rejection_reason, rejection_message
        Why it is rejected; empty where it is not.
    """

    image: Image
    steps: tuple[TraceStep, ...]
    rejection_reason: str
    rejection_message: str


@dataclass(frozen=True, kw_only=True)
class PreviewedImage(Received, message=pb.PreviewedImage):
    """What a recipe makes of one source.

    Attributes
    ----------
    source
        Path of the source.
    thumbnail
        Picture of the prepared image, JPEG; empty of a rejected one.
    rejection_reason, rejection_message
        Why it would be rejected; empty where it would not.
    steps
        Steps of its preparation, up to the one at which it would be rejected.
    """

    source: str
    thumbnail: bytes
    rejection_reason: str
    rejection_message: str
    steps: tuple[TraceStep, ...]


@dataclass(frozen=True, kw_only=True)
class Histogram(Received, message=pb.Histogram):
    """How often values of a channel occur.

    Attributes
    ----------
    channel
        Name of the channel.
    low, high
        Lower edge of the first bin and upper edge of the last.
    counts
        Number of values in each of the bins, which are equally wide.
    """

    channel: str
    low: float
    high: float
    counts: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class PreviewedCatalogue(Received, message=pb.PreviewedCatalogue):
    """How a catalogue would be joined to the images.

    Attributes
    ----------
    key
        Column that identifies the image; empty of a catalogue that is joined by position, or that has none.
    columns
        Names of all columns, as the file has them.
    row_count
        Number of rows.
    matched_count
        Number of inputs that have a row; None of a catalogue that is joined by position, which is known later.
    notes
        What was understood and what fits nothing, a sentence each.
    problem
        Why it cannot be joined like this; empty where it can.
    """

    key: str
    columns: tuple[str, ...]
    row_count: int
    matched_count: int | None
    notes: tuple[str, ...]
    problem: str


@dataclass(frozen=True, kw_only=True)
class Preview(Received, message=pb.PreviewRecipeResponse):
    """What a recipe makes of a few sources.

    Attributes
    ----------
    recipe
        Recipe applied, YAML.
    source_count
        Inputs found.
    images
        Some of them, evenly spread.
    notes
        Sentences on what was chosen where no recipe was given, and why.
    source_channels
        Names of the channels of the sources that a recipe can choose from.
    histograms
        Values of the prepared tensors, a histogram for each of their channels.
    catalogue
        How the catalogue would be joined; None where there is none.
    """

    recipe: str
    source_count: int
    images: tuple[PreviewedImage, ...]
    notes: tuple[str, ...]
    source_channels: tuple[str, ...]
    histograms: tuple[Histogram, ...]
    catalogue: PreviewedCatalogue | None
