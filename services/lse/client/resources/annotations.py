"""Label schemes, selections and bookmarks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from latentspace.annotation.v1 import annotation_pb2 as pb
from lse.client.resources.fields import NamedResource, Received
from lse.errors import FailedPreconditionError
from lse.rows import rows_of_bitmap

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Bookmark", "ExpertAgreement", "ExpertCount", "ExpertPair", "LabelScheme", "Selection", "Suggestion"]


@dataclass(frozen=True, kw_only=True)
class LabelScheme(NamedResource, message=pb.LabelScheme):
    """A set of classes that an expert defines.

    Attributes
    ----------
    title, description, etag
        As of `MadeResource`.
    classes
        Classes.
    class_definitions
        What some of them mean.
    labels_version
        Changes whenever images are labelled with it or lose their labels; only lists have it.
    creator
        Who created it.
    create_time, update_time
        When it was made and when it last changed.
    """

    title: str
    description: str
    etag: str
    classes: tuple[str, ...]
    class_definitions: dict[str, str]
    labels_version: str = field(default="", compare=False)
    creator: str
    create_time: datetime | None
    update_time: datetime | None


@dataclass(frozen=True, kw_only=True)
class ExpertCount(Received, message=pb.ExpertCount, images="image_count", shared="shared_count"):
    """What an expert labelled.

    Attributes
    ----------
    expert
        Name.
    images
        Number of images.
    shared
        Number of these that others labelled, too.
    """

    expert: str
    images: int
    shared: int


@dataclass(frozen=True, kw_only=True)
class ExpertPair(Received, message=pb.ExpertPair, images="image_count"):
    """How two experts agree.

    Attributes
    ----------
    first, second
        Their names.
    images
        Number of images that both labelled.
    agreement
        Share of these of which they said the same; None where there are none.
    kappa
        Cohen's kappa; None where both always said one and the same class, or there are no images.
    """

    first: str
    second: str
    images: int
    agreement: float | None
    kappa: float | None


@dataclass(frozen=True, kw_only=True)
class ExpertAgreement(Received, message=pb.CompareExpertsResponse, shared="shared_count"):
    """How far experts agree on the classes of a scheme.

    Attributes
    ----------
    experts
        Who labelled, and how many images.
    pairs
        Each two of them.
    shared
        Number of images that more than one labelled.
    alpha
        Krippendorff's alpha of all labels: 1 is full agreement, 0 that of chance; None where nothing can disagree.
    disputed_rows
        Rows of the images of which not all said the same, those with most votes against the commonest class first.
    """

    experts: tuple[ExpertCount, ...]
    pairs: tuple[ExpertPair, ...]
    shared: int
    alpha: float | None
    disputed_rows: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Suggestion(Received, message=pb.SuggestImagesResponse):
    """Images whose labels would help most.

    Attributes
    ----------
    rows
        Their rows, most informative first.
    notes
        Sentences on how they were chosen, such as the size of a sample.
    """

    rows: tuple[int, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Selection(NamedResource, message=pb.Selection, images="image_count", bitmap="rows"):
    """A named set of images of a dataset.

    Attributes
    ----------
    dataset
        Resource name of the dataset.
    images
        Number of images.
    title, description, etag
        As of `MadeResource`.
    creator
        Who created it.
    create_time
        When it was made.
    bitmap
        Its rows: bit ``i % 8`` of byte ``i // 8`` is row ``i``; None in a list without large fields.
    """

    dataset: str
    images: int
    title: str
    description: str
    etag: str
    creator: str
    create_time: datetime | None
    bitmap: bytes | None = field(repr=False)

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """Rows in ascending order, int64.

        Raises
        ------
        FailedPreconditionError
            If it comes from a list without its large fields.
        """
        if self.bitmap is None:
            raise FailedPreconditionError(
                f"The rows of the selection '{self.id}' were not read: get it alone, or list with view='full'.",
                reason="SELECTION_ROWS_MISSING",
            )
        return rows_of_bitmap(self.bitmap)


@dataclass(frozen=True, kw_only=True)
class Bookmark(NamedResource, message=pb.Bookmark):
    """A view of the explorer under a name.

    Attributes
    ----------
    query
        Query of the explorer's address that opens it.
    pinned
        Whether the project opens with it.
    title, description, etag
        As of `MadeResource`.
    creator
        Who created it.
    create_time, update_time
        When it was made and when it last changed.
    """

    query: str
    pinned: bool
    title: str
    description: str
    etag: str
    creator: str
    create_time: datetime | None
    update_time: datetime | None
