"""Label schemes and selections."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Self

from latentspace.annotation.v1 import annotation_pb2 as pb
from lse.client.resources.fields import NamedResource, moment
from lse.client.rows import rows_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["LabelScheme", "Selection", "Suggestion"]


@dataclass(frozen=True, kw_only=True)
class LabelScheme(NamedResource):
    """A set of classes that an expert defines.

    Attributes
    ----------
    title
        Title for a person.
    classes
        Classes.
    create_time, update_time
        When it was made and when it last changed.
    """

    title: str
    classes: tuple[str, ...]
    create_time: datetime | None
    update_time: datetime | None

    @classmethod
    def from_pb(cls, message: pb.LabelScheme) -> Self:
        """Label scheme that a message describes."""
        return cls(
            name=message.name,
            title=message.title,
            classes=tuple(message.classes),
            create_time=moment(message.create_time),
            update_time=moment(message.update_time),
        )


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """Images whose labels would teach most.

    Attributes
    ----------
    rows
        Their rows, most telling first.
    notes
        Sentences on how they were chosen, such as the size of a sample.
    """

    rows: tuple[int, ...]
    notes: tuple[str, ...]

    @classmethod
    def from_pb(cls, message: pb.SuggestImagesResponse) -> Self:
        """Suggestion that a message describes."""
        return cls(rows=tuple(message.rows), notes=tuple(message.notes))


@dataclass(frozen=True, kw_only=True)
class Selection(NamedResource):
    """A named set of images of a dataset.

    Attributes
    ----------
    dataset
        Resource name of the dataset.
    images
        Images in it.
    create_time
        When it was made.
    bitmap
        Its rows: bit ``i % 8`` of byte ``i // 8`` is row ``i``.
    """

    dataset: str
    images: int
    create_time: datetime | None
    bitmap: bytes = field(repr=False)

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """Rows in ascending order, int64."""
        return rows_of(self.bitmap)

    @classmethod
    def from_pb(cls, message: pb.Selection) -> Self:
        """Selection that a message describes."""
        return cls(
            name=message.name,
            dataset=message.dataset,
            images=message.image_count,
            create_time=moment(message.create_time),
            bitmap=message.rows_bitmap,
        )
