"""Datasets and their images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

from latentspace.ingestion.v1 import ingestion_pb2 as pb
from lse.client.resources.fields import MadeResource, NamedResource, made_fields

__all__ = ["ColumnType", "Dataset", "Image", "ImageStatus", "Preview", "PreviewedImage"]

ColumnType = Literal["text", "integer", "number", "boolean"]
ImageStatus = Literal["prepared", "rejected"]

_COLUMN_TYPES: dict[int, ColumnType] = {
    pb.Column.TYPE_TEXT: "text",
    pb.Column.TYPE_INTEGER: "integer",
    pb.Column.TYPE_NUMBER: "number",
    pb.Column.TYPE_BOOLEAN: "boolean",
}


@dataclass(frozen=True, kw_only=True)
class Dataset(MadeResource):
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
        Columns of the image table beside the fixed ones, each with its type.
    simulated
        Whether the images are simulated: to be said wherever they are shown.
    """

    sources: tuple[str, ...]
    recipe: str
    prepared: int
    rejected: int
    channels: tuple[str, ...]
    image_size: int
    columns: dict[str, ColumnType]
    simulated: bool

    @classmethod
    def from_pb(cls, message: pb.Dataset) -> Self:
        """Dataset that a message describes."""
        return cls(
            **made_fields(message),
            sources=tuple(message.sources),
            recipe=message.recipe,
            prepared=message.prepared_count,
            rejected=message.rejected_count,
            channels=tuple(message.channels),
            image_size=message.image_size,
            columns={column.key: _COLUMN_TYPES.get(column.type, "text") for column in message.columns},
            simulated=message.simulated,
        )


@dataclass(frozen=True, kw_only=True)
class Image(NamedResource):
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
    metadata: dict[str, str | int | float | bool | None]
    ra_deg: float | None
    dec_deg: float | None

    @classmethod
    def from_pb(cls, message: pb.Image) -> Self:
        """Image that a message describes."""
        metadata: dict[str, str | int | float | bool | None] = {}
        for item in message.metadata:
            kind = item.WhichOneof("value")
            metadata[item.key] = getattr(item, kind) if kind else None
        return cls(
            name=message.name,
            row=message.row,
            source=message.source,
            status="prepared" if message.status == pb.Image.STATUS_PREPARED else "rejected",
            rejection_reason=message.rejection_reason,
            rejection_message=message.rejection_message,
            metadata=metadata,
            ra_deg=message.ra_deg if message.HasField("ra_deg") else None,
            dec_deg=message.dec_deg if message.HasField("dec_deg") else None,
        )


@dataclass(frozen=True, kw_only=True)
class PreviewedImage:
    """What a recipe makes of one source.

    Attributes
    ----------
    source
        Path of the source.
    thumbnail
        Picture of the prepared image, WebP; empty of a rejected one.
    rejection_reason, rejection_message
        Why it would be rejected; empty where it would not.
    """

    source: str
    thumbnail: bytes
    rejection_reason: str
    rejection_message: str


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a recipe makes of a few sources.

    Attributes
    ----------
    recipe
        Recipe applied, YAML.
    source_count
        Inputs found.
    images
        Some of them, evenly spread.
    """

    recipe: str
    source_count: int
    images: tuple[PreviewedImage, ...]

    @classmethod
    def from_pb(cls, message: pb.PreviewRecipeResponse) -> Self:
        """Preview that a message describes."""
        return cls(
            recipe=message.recipe,
            source_count=message.source_count,
            images=tuple(
                PreviewedImage(
                    source=image.source,
                    thumbnail=image.thumbnail,
                    rejection_reason=image.rejection_reason,
                    rejection_message=image.rejection_message,
                )
                for image in message.images
            ),
        )
