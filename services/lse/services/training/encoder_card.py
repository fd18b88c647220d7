"""Cards of the encoders in the catalogue."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lse.errors import FailedPreconditionError, NotFoundError
from lse.platform.catalogue import DatasetRecord, EncoderRecord
from lse.representation.evaluation.card import encoder_card

if TYPE_CHECKING:
    from lse.platform.artifacts import Artifacts
    from lse.platform.catalogue import Resources
    from lse.platform.catalogue.records.encoder import EncoderVersion

__all__ = ["card_of", "file_digest"]


def card_of(
    resources: Resources, encoder: EncoderRecord, *, artifacts: Artifacts, digest: Callable[[str], str]
) -> dict[str, Any]:
    """Card of an encoder (see `lse.representation.evaluation.card`).

    Parameters
    ----------
    resources
        Where datasets are found.
    encoder
        One that can be used.
    artifacts
        Where its file is.
    digest
        Gives the digest of the file of a URI.
    """
    current = encoder.version()
    return encoder_card(
        encoder={
            "name": encoder.name,
            "uid": encoder.uid,
            "version": current.version,
            "precision": encoder.result.precision,
            "method": current.method,
            "made": _moment(current.create_time),
            "dimension": current.dimension,
            "channels": current.channel_count,
            "image_size": current.image_size,
            "parameter_count": current.parameter_count or None,
            "has_decoder": current.has_decoder,
            "onnx_uri": artifacts.absolute(current.onnx_uri),
        },
        data=_data(resources, current, digest) if current.dataset else None,
        training={
            "parameters": current.parameters,
            "seed": current.seed,
            "figures": current.figures,
            "loss_curve": current.loss_curve,
            "notes": current.notes,
            "packages": current.packages,
            "verdict": current.verdict,
            "sound": current.sound,
        },
        versions=[
            {
                "version": each.version,
                "method": each.method,
                "dataset": each.dataset,
                "made": _moment(each.create_time),
                "seed": each.seed,
                "figures": each.figures,
            }
            for each in encoder.result.versions
        ],
        evaluations=[each.model_dump(exclude={"encoder"}) for each in encoder.result.evaluations],
    )


def file_digest(artifacts: Artifacts, uri: str) -> str:
    """BLAKE2b of 128 bits of a file, in hexadecimal."""
    with artifacts.local_file(uri) as path, path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _data(resources: Resources, version: EncoderVersion, digest: Callable[[str], str]) -> dict[str, Any]:
    images = version.figures.get("images")
    facts = {"dataset": version.dataset, "trained_images": None if images is None else int(images)}
    try:
        dataset = resources.get_ready(version.dataset, DatasetRecord).result
    except (NotFoundError, FailedPreconditionError):
        return facts
    return {
        **facts,
        "images": dataset.prepared_count,
        "rejected": dataset.rejected_count,
        "channels": dataset.channels,
        "image_size": dataset.image_size,
        "sources": dataset.sources,
        "recipe": dataset.recipe,
        "catalogue_columns": dataset.catalogue_columns,
        "table_digest": digest(dataset.table_uri),
        "simulated": dataset.simulated,
        "notes": dataset.notes,
    }
