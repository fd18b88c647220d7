"""Weights of a network from a file made elsewhere, taken only where they fit."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lse.errors import InvalidArgumentError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["SAFE_SUFFIX", "SUFFIXES", "fit_weights", "read_weights"]

SAFE_SUFFIX = ".safetensors"
SUFFIXES = (".pt", ".pth", ".bin", SAFE_SUFFIX)
# What training programs wrap the weights of a network in, and what parallel training puts before their names.
_WRAPPINGS = ("state_dict", "model", "model_state_dict")
_PREFIX = "module."
_SHOWN = 4


def read_weights(content: bytes, file_name: str) -> dict[str, Tensor]:
    """Weights by name, of the bytes of a file.

    Parameters
    ----------
    content
        Of the file.
    file_name
        Its name; ``.safetensors`` is read as such, ``.pt``, ``.pth`` and ``.bin`` as what ``torch.save`` writes.  No
        code of the file is run: one that holds more than tensors and plain values is refused.

    Raises
    ------
    InvalidArgumentError
        ``WEIGHTS_UNREADABLE`` when the file holds no weights.
    """
    name = PurePath(file_name).name
    suffix = PurePath(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise _wrong(f"'{name}' is not a file of weights: give one that ends in {', '.join(SUFFIXES)}.")
    try:
        if suffix == SAFE_SUFFIX:
            import safetensors.torch

            state: object = safetensors.torch.load(content)
        else:
            state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _wrong(
            f"The weights in '{name}' cannot be read without running code of the file: save the state_dict of the "
            "network alone."
        ) from error
    except Exception as error:
        raise _wrong(f"'{name}' cannot be read as weights: it is damaged or of another format.") from error
    while isinstance(state, Mapping):
        inner = next((state[key] for key in _WRAPPINGS if isinstance(state.get(key), Mapping)), None)
        if inner is None:
            break
        state = inner
    if not isinstance(state, Mapping) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise _wrong(f"'{name}' holds no state_dict: save the weights of the network by name.")
    if all(key.startswith(_PREFIX) for key in state):
        state = {key.removeprefix(_PREFIX): value for key, value in state.items()}
    return dict(state)


def fit_weights(network: nn.Module, weights: Mapping[str, Tensor], *, heads: Sequence[str], source: str) -> None:
    """Give a network weights that fit it in every name and shape; those of its classifier may be missing or others.

    Parameters
    ----------
    network
        The network with its classifier.
    weights
        Weights by name.
    heads
        Names of the layers that make up the classifier.
    source
        Where the weights come from, for the message.

    Raises
    ------
    InvalidArgumentError
        ``WEIGHTS_MISMATCH``, with what is missing, unknown or of another shape.
    """
    own = network.state_dict()

    def matters(key: str) -> bool:
        # Files of old versions of torch lack the counters, which nothing but training reads.
        in_head = any(key == head or key.startswith(f"{head}.") for head in heads)
        return not in_head and not key.endswith("num_batches_tracked")

    missing = [key for key in own if matters(key) and key not in weights]
    unknown = [key for key in weights if matters(key) and key not in own]
    shapes = [
        f"{key} {tuple(weights[key].shape)} for {tuple(own[key].shape)}"
        for key in own
        if matters(key) and key in weights and weights[key].shape != own[key].shape
    ]
    findings = [
        f"{what} {_some(which)}"
        for what, which in (("it lacks", missing), ("it has unknown", unknown), ("shapes differ in", shapes))
        if which
    ]
    if findings:
        raise InvalidArgumentError(
            f"The weights in '{source}' do not fit the network: {'; '.join(findings)}. Give those of the same network.",
            reason="WEIGHTS_MISMATCH",
        )
    if not all(bool(torch.isfinite(weights[key]).all()) for key in own if matters(key)):
        raise InvalidArgumentError(
            f"The weights in '{source}' hold values that are not finite: the file is damaged, get it again.",
            reason="WEIGHTS_NOT_FINITE",
        )
    network.load_state_dict({key: weights[key] if matters(key) else value for key, value in own.items()})


def _some(items: Sequence[str]) -> str:
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return ", ".join(items[:_SHOWN]) + more


def _wrong(message: str) -> InvalidArgumentError:
    return InvalidArgumentError(message, reason="WEIGHTS_UNREADABLE")
