"""What a training run gives: networks, parameters and history, and their file."""

from __future__ import annotations

import contextlib
import copy
import io
import pickle
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import nn

from lse.errors import DataLossError, LseError
from lse.representation.atomic import write_atomically
from lse.representation.encoders.encoder import Encoder
from lse.representation.methods import TRAINING_METHODS, training_parameters
from lse.representation.training.images import ImageStatistics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from lse.representation.encoders.pretrained import PretrainedEncoder
    from lse.representation.methods.method import TrainingMethod, TrainingParameters
    from lse.representation.training.images import ArrayLike

__all__ = ["TrainedEncoder", "as_encoder", "fresh_weights", "load_networks", "load_trained", "new_encoder"]

# Changes when a file of it means something else to those who read it.
_FORMAT = 1
# torch's random state is one for the process, and trainings may run in several threads of it.
_RANDOM_LOCK = threading.Lock()


@dataclass(frozen=True)
class TrainedEncoder:
    """What a training run gives.

    Attributes
    ----------
    method
        Name of the method.
    parameters
        All its parameters.
    encoder
        Prepared images (n, channels, size, size) to vectors (n, dimension); on the CPU, in evaluation mode.
    decoder
        Vectors to normalised images, where the method has one.
    statistics
        Of the images trained on.
    images
        Count of the images trained on, without those held out.
    history
        Mean loss, and further figures, of each epoch done; those over the images held out begin with ``validation_``.
    seconds
        Time of this call's part of the training; less than the whole when it went on from a checkpoint.
    images_per_second
        Speed of this call's part, 0 when nothing was left to do.
    held_out
        Count of the images held out to measure the loss.
    epoch
        Epoch of the weights, from 1; 0 before the first.
    ending
        Sentence on how the training ended.
    notes
        Sentences that a user should know.
    """

    method: str
    parameters: TrainingParameters
    encoder: Encoder
    decoder: nn.Module | None
    statistics: ImageStatistics
    images: int
    history: tuple[Mapping[str, float], ...]
    seconds: float = 0.0
    images_per_second: float = 0.0
    held_out: int = 0
    epoch: int = 0
    ending: str = ""
    notes: tuple[str, ...] = ()

    def encode(
        self, images: ArrayLike, rows: NDArray[np.int64] | None = None, *, batch_size: int = 256
    ) -> NDArray[np.float32]:
        """Vectors (n, dimension), float32, of prepared images (n, channels, size, size).

        Parameters
        ----------
        images
            Prepared images.
        rows
            Rows to encode, all when None.
        batch_size
            Images at once; the vectors do not depend on it.
        """
        rows = np.arange(images.shape[0]) if rows is None else np.asarray(rows)
        vectors = np.empty((len(rows), self.encoder.dimension), dtype=np.float32)
        with torch.inference_mode():
            for start in range(0, len(rows), batch_size):
                chosen = rows[start : start + batch_size]
                first = int(chosen.min())
                block = np.asarray(images[first : int(chosen.max()) + 1], dtype=np.float32)[chosen - first]
                batch = torch.from_numpy(block).contiguous(memory_format=torch.channels_last)
                vectors[start : start + batch_size] = self.encoder(batch).numpy()
        return vectors

    def save(self, path: Path) -> None:
        """Write networks, parameters and history to one file, for `load_trained`.

        Raises
        ------
        ResourceExhaustedError
            When it cannot be written.
        """
        buffer = io.BytesIO()
        state = {
            "format": _FORMAT,
            "method": self.method,
            "parameters": self.parameters.model_dump(),
            "channels": self.encoder.channels,
            "size": self.encoder.size,
            "mean": list(self.statistics.mean),
            "std": list(self.statistics.std),
            "digest": self.statistics.digest,
            "images": self.images,
            "history": [dict(epoch) for epoch in self.history],
            "seconds": self.seconds,
            "images_per_second": self.images_per_second,
            "held_out": self.held_out,
            "epoch": self.epoch,
            "ending": self.ending,
            "notes": list(self.notes),
            "encoder": self.encoder.state_dict(),
            "decoder": None if self.decoder is None else self.decoder.state_dict(),
        }
        torch.save(state, buffer)
        write_atomically(path, buffer.getbuffer())


def load_networks(path: Path, *, method: str) -> tuple[nn.Module, nn.Module | None]:
    """Encoder and decoder of a file of weights, on the CPU, in evaluation mode; None where it keeps no decoder.

    Parameters
    ----------
    path
        File that a training, or a pretrained encoder, was saved to.
    method
        Name of the training method, or ``pretrained``.

    Raises
    ------
    DataLossError
        When the file is damaged or of another version of this software.
    """
    if method == "pretrained":
        from lse.representation.encoders.pretrained import load_encoder

        return load_encoder(path), None
    trained = load_trained(path)
    return trained.encoder, trained.decoder


def load_trained(path: Path) -> TrainedEncoder:
    """Read what `TrainedEncoder.save` wrote.

    Raises
    ------
    DataLossError
        When the file is damaged or of another version.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        _check_format(state, path)
        # Files of earlier releases have the seed beside the parameters.
        given = {"seed": state.get("seed", 0), **state["parameters"]}
        parameters = training_parameters(state["method"], given)
        statistics = ImageStatistics(tuple(state["mean"]), tuple(state["std"]), state["digest"])
        method = TRAINING_METHODS[state["method"]].run(parameters)
        encoder = new_encoder(
            parameters, method=method, channels=state["channels"], size=state["size"], statistics=statistics
        )
        encoder.load_state_dict(state["encoder"])
        decoder = method.parts(encoder).get("decoder")
        if decoder is not None:
            decoder.load_state_dict(state["decoder"])
            decoder.eval()
    except DataLossError:
        raise
    except (RuntimeError, ValueError, KeyError, OSError, EOFError, pickle.UnpicklingError, LseError) as error:
        raise DataLossError(
            f"The trained encoder {path.name} cannot be read; train it again.",
            reason="TRAINED_ENCODER_DAMAGED",
            path=path,
        ) from error
    return TrainedEncoder(
        method=state["method"],
        parameters=parameters,
        encoder=encoder.eval(),
        decoder=decoder,
        statistics=statistics,
        images=state["images"],
        history=tuple(state["history"]),
        seconds=state["seconds"],
        images_per_second=state["images_per_second"],
        held_out=state.get("held_out", 0),
        epoch=state.get("epoch", len(state["history"])),
        ending=state.get("ending", ""),
        notes=tuple(state.get("notes", ())),
    )


def _check_format(state: Mapping[str, Any], path: Path) -> None:
    if state.get("format", 1) != _FORMAT:
        raise DataLossError(
            f"The trained encoder {path.name} is of another version (format {state['format']}, not {_FORMAT}): "
            "read it with the version that wrote it, or train it again.",
            reason="TRAINED_ENCODER_MISMATCH",
            path=path,
        )


def new_encoder(
    parameters: TrainingParameters,
    *,
    method: TrainingMethod,
    channels: int,
    size: int,
    statistics: ImageStatistics,
) -> Encoder:
    """Encoder with fresh weights that depend on the seed alone."""
    with fresh_weights(parameters.seed):
        return Encoder(
            parameters.backbone,
            channels=channels,
            size=size,
            width=parameters.width,
            dimension=parameters.latent_dim,
            neck=getattr(parameters, "neck", None) or method.facts.neck,
            mean=statistics.mean,
            std=statistics.std,
            head=method.facts.head,
        )


def as_encoder(pretrained: PretrainedEncoder) -> Encoder:
    """Copy of a pretrained network for methods that compare views.

    Of an encoder these use nothing but `dimension`, `normalise` and `features`, which it has too.
    """
    return cast("Encoder", copy.deepcopy(pretrained))


@contextlib.contextmanager
def fresh_weights(seed: int) -> Iterator[None]:
    """Within it, networks are built with weights that depend on the seed alone."""
    with _RANDOM_LOCK, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
