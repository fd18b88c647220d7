"""Experiments and encoders as explanations need them: rows, vectors, images, how they are shown, and the networks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lse.errors import FailedPreconditionError
from lse.platform.catalogue import DatasetRecord, EncoderRecord, ExperimentRecord
from lse.platform.inference.encoders import experiment_model, serve_encoder
from lse.platform.prepared_images import image_row, image_rows, prepared_images
from lse.representation.explanation.pictures import Display, display_of
from lse.representation.explanation.traversal import LatentStatistics, latent_statistics
from lse.representation.methods import TRAINING_METHODS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray
    from torch import nn

    from lse.platform.wiring import Platform
    from lse.representation.encoders.encoder import Encoder

__all__ = ["Decoder", "Space", "Spaces"]

_DISPLAY_IMAGES = 256


@dataclass(frozen=True)
class Decoder:
    """An encoder that keeps a decoder.

    Attributes
    ----------
    encoder, decoder
        Networks on the CPU, in evaluation mode.
    """

    encoder: Encoder
    decoder: nn.Module


class Spaces:
    """What explanations read, each thing once.

    Artifacts never change under their URI, so what was read once stays right.

    Parameters
    ----------
    platform
        What the service stands on.
    """

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        artifacts = platform.artifacts
        self.rows = lru_cache(maxsize=4)(partial(image_rows, artifacts))
        self.ids = lru_cache(maxsize=4)(self._read_ids)
        self.displays = lru_cache(maxsize=64)(self._read_display)
        self.statistics = lru_cache(maxsize=4)(lambda uri: latent_statistics(artifacts.open_array(uri)))
        self.networks = lru_cache(maxsize=4)(self._load_network)

    def space(self, name: str) -> Space:
        """Space of a ready experiment.

        Raises
        ------
        InvalidArgumentError, NotFoundError, FailedPreconditionError
            If the name is none, or nothing ready has it.
        """
        experiment = self.platform.resources.get_ready(name, ExperimentRecord)
        return Space(self, experiment, self.platform.resources.get_ready(experiment.spec.dataset, DatasetRecord))

    def decoder(self, encoder: EncoderRecord, version: int = 0) -> Decoder:
        """Decoder of a version of an encoder, of the one in use where it is 0.

        Raises
        ------
        FailedPreconditionError
            If it keeps none.
        """
        found = encoder.version(version)
        network = self.networks(found.method, found.weights_uri) if found.trained_here else None
        if network is None or network[1] is None:
            raise FailedPreconditionError(
                f"The encoder '{encoder.id}' keeps no decoder, so no image can be drawn from a vector: train one by "
                "a method that does, such as autoencoder or vae.",
                reason="DECODER_MISSING",
                encoder=encoder.name,
            )
        return Decoder(*network)

    def prior(self, encoder: EncoderRecord) -> str:
        """Distribution of the vectors from which the decoder of an encoder draws new images.

        Raises
        ------
        FailedPreconditionError
            If there is none.
        """
        version = encoder.version()
        prior = TRAINING_METHODS[version.method].facts.prior if version.trained_here else None
        if prior is None:
            raise FailedPreconditionError(
                f"The space of the encoder '{encoder.id}' cannot be sampled, because nothing made its vectors follow "
                "a known distribution: train one by vae or bigan.",
                reason="PRIOR_MISSING",
                encoder=encoder.name,
            )
        return prior

    def _read_ids(self, table_uri: str) -> pa.ChunkedArray:
        return prepared_images(self.platform.artifacts, table_uri, ["name"])["name"]

    def _read_display(self, images_uri: str) -> Display:
        images = self.platform.artifacts.open_array(images_uri)
        return display_of(_rows_of(images, np.linspace(0, images.shape[0] - 1, _DISPLAY_IMAGES).astype(int)))

    def _load_network(self, method: str, weights_uri: str) -> tuple[Any, Any]:
        """Encoder and decoder, None where there is none, with fixed weights."""
        from lse.representation.training.trained import load_networks

        with self.platform.artifacts.local_file(weights_uri) as path:
            networks = load_networks(path, method=method)
        for network in networks:
            if network is not None:
                network.requires_grad_(False)
        return networks


@dataclass(frozen=True)
class Space:
    """An experiment: the images of a dataset and their vectors.

    Attributes
    ----------
    spaces
        Where it is read.
    experiment, dataset
        Of the catalogue.
    """

    spaces: Spaces
    experiment: ExperimentRecord
    dataset: DatasetRecord

    @property
    def bands(self) -> list[str]:
        """Names of the bands."""
        return list(self.dataset.result.channels)

    @property
    def display(self) -> Display:
        """How its images are shown."""
        return self.spaces.displays(self.dataset.result.images_uri)

    @property
    def statistics(self) -> LatentStatistics:
        """Where its vectors lie."""
        return self.spaces.statistics(self.experiment.result.vectors_uri)

    @property
    def image_bytes(self) -> int:
        """Bytes of a prepared image."""
        return 4 * len(self.bands) * self.dataset.result.image_size**2

    def row(self, image: str) -> int:
        """Row of an image; errors as of `image_row`."""
        rows = self.spaces.rows(self.dataset.result.table_uri)
        return image_row(image, rows, dataset=self.dataset, experiment=self.experiment)

    def ids(self, rows: Sequence[int] | NDArray[np.int64]) -> list[str]:
        """Ids of images."""
        found = self.spaces.ids(self.dataset.result.table_uri)
        return [str(found[int(row)].as_py()) for row in rows]

    def vectors(self, rows: Sequence[int]) -> NDArray[np.float32]:
        """Vectors of images, float32 (n, D)."""
        return _rows_of(self.spaces.platform.artifacts.open_array(self.experiment.result.vectors_uri), rows)

    def images(self, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
        """Prepared images, float32 (n, channels, size, size)."""
        return _rows_of(self.spaces.platform.artifacts.open_array(self.dataset.result.images_uri), rows)

    def nearest(self, vectors: NDArray[np.float32]) -> list[int]:
        """Row of the image nearest to each vector (n, D)."""
        hits = self.spaces.platform.vectors.search_batch(self.experiment.uid, vectors, 1, payload=False)
        return [answer[0].id for answer in hits]

    def decoder(self) -> Decoder:
        """Decoder of the version of the encoder that made the experiment; errors as of `Spaces.decoder`."""
        encoder = self._encoder()
        return self.spaces.decoder(encoder, self.experiment.spec.encoder_version)

    def network(self) -> nn.Module | None:
        """Network of the encoder that made the experiment; None of an imported one."""
        version = self._encoder().version(self.experiment.spec.encoder_version)
        if not version.weights_uri:
            return None
        network: nn.Module = self.spaces.networks(version.method, version.weights_uri)[0]
        return network

    def encode(self) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
        """What gives the vectors (n, D) of prepared images by the inference engine, as the experiment was made."""
        platform = self.spaces.platform
        return serve_encoder(platform.artifacts, platform.inference, experiment_model(self.experiment, self._encoder()))

    def _encoder(self) -> EncoderRecord:
        name = self.experiment.spec.encoder
        if not name:
            raise FailedPreconditionError(
                f"The vectors of '{self.experiment.id}' were imported, so there is no encoder to explain them by: "
                "make an experiment with an encoder.",
                reason="ENCODER_MISSING",
                experiment=self.experiment.name,
            )
        return self.spaces.platform.resources.get_ready(name, EncoderRecord)


def _rows_of(array: Any, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
    """Rows of an array on disk, in the order asked for; each is read once."""
    wanted, places = np.unique(np.asarray(rows, np.int64), return_inverse=True)
    found: NDArray[np.float32] = np.asarray(array.oindex[wanted], np.float32)[places]
    return found
