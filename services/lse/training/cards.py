"""Cards of the encoders in the catalogue."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lse.platform.errors import FailedPreconditionError, NotFoundError
from lse.platform.inference.encoders import version_of, versions_of
from lse.training.judging.card import encoder_card

if TYPE_CHECKING:
    from lse.platform.artifacts import Artifacts
    from lse.platform.catalogue import Resource
    from lse.platform.wiring import Platform

__all__ = ["card_of", "file_digest"]


def card_of(platform: Platform, encoder: Resource, *, digest: Callable[[str], str]) -> dict[str, Any]:
    """Card of an encoder (see `lse.training.judging.card`).

    Parameters
    ----------
    platform
        Where datasets are found.
    encoder
        One that can be used.
    digest
        Gives the digest of the file of a URI.
    """
    # What versions that were kept before there were several do not tell of themselves.
    origin = {**{key: encoder.spec[key] for key in ("dataset", "method", "seed")}, "create_time": encoder.create_time}
    versions = [{**origin, **each} for each in versions_of(encoder.result)]
    current = {**origin, **version_of(encoder)}
    precision = encoder.result.get("precision", "fp32")
    return encoder_card(
        {**current, "name": encoder.name, "uid": encoder.uid, "precision": precision},
        versions=versions,
        evaluations=encoder.result.get("evaluations", []),
        dataset=_dataset(platform, current["dataset"], digest),
    )


def file_digest(artifacts: Artifacts, uri: str) -> str:
    """BLAKE2b of 128 bits of a file, in hexadecimal."""
    with artifacts.local_file(uri) as path, path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _dataset(platform: Platform, name: str, digest: Callable[[str], str]) -> dict[str, Any] | None:
    if not name:
        return None
    try:
        dataset = platform.resources.get_ready(name, "dataset")
    except (NotFoundError, FailedPreconditionError):
        return None
    return {**dataset.result, "name": name, "table_digest": digest(dataset.result["table_uri"])}
