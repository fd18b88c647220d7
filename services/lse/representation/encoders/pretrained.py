"""Encoders made of networks that others trained, see `lse.representation.encoders.pretrained_nets`.

Such a net takes one or three channels of one size on the scale of its own training set.  Within the graph of the
encoder, prepared images are brought to that:

1. each band gets zero mean and unit variance over the dataset; photographs with values from 0 to 1 stay as they are;
2. bands become the channels of the net: one band goes to all of them, three are red, green and blue in their order, and
   of any other number each channel takes the mean of its share of the bands, in their order, where shares overlap if
   they must (two bands a and b give a, (a + b) / 2 and b; a net of one channel sees their mean);
3. the channels get mean and standard deviation of ImageNet, and then the normalisation that the net was trained with;
   or, as its input asks, the prepared values, or values from 0 to 1;
4. images of another size than the net takes are resized to it, bilinearly, with antialiasing if they shrink;
5. the net's own pooled features, before its classifier, or its class token and the mean of its others, are the vector,
   moved to zero mean over the dataset and divided by one number that gives them unit variance on average.  Features of
   such nets are positive, so that without the move all vectors point much the same way; dividing each by its own spread
   would blow up those that hardly vary.
"""

from __future__ import annotations

import io
import math
import pickle
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch
from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor, nn
from torch.nn import functional

from lse.errors import DataLossError, InvalidArgumentError, LseError
from lse.representation.atomic import write_atomically
from lse.representation.encoders.pretrained_nets import PretrainedNet, find_net
from lse.representation.encoders.pretrained_networks import build_network, for_channels
from lse.representation.encoders.pretrained_use import pool_features, set_side
from lse.representation.encoders.shared_nets import SharedNet
from lse.representation.encoders.weights import fit_weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["PretrainedEncoder", "load_encoder"]

# Where vectors differ by less than this share of their size, they differ by rounding.
_CONSTANT = 1e-5


class PretrainedEncoder(nn.Module):
    """A pretrained net between the adaptation of prepared images and the centring of its features.

    Parameters
    ----------
    net
        The network; its weights are random until `load`.
    channels, size
        Of the images: bands, and side in pixels.
    mean, std
        Mean and standard deviation of each band over the dataset, in units of the prepared images; those of ImageNet
        for images that are like its own.
    limits
        See `scale_input`.
    bands
        Places of the bands that it sees, in the order of its channels; all when empty.
    pool
        What the vector is, see `pool_features`; the net's own when empty.

    Attributes
    ----------
    dimension
        Of the vectors.
    input_size
        Side in pixels that the net sees.
    wants_unit
        Whether the net was trained on values from 0 to 1 without any normalisation.
    learning_rate_share
        Learning rate of the network, where it is trained on, as a share of that of what is new beside it.
    """

    learning_rate_share = 0.1

    mean: Tensor
    std: Tensor
    gain: Tensor
    level: Tensor
    mixing: Tensor
    scale: Tensor
    offset: Tensor
    centre: Tensor
    spread: Tensor
    turn: Tensor | None

    def __init__(
        self,
        net: PretrainedNet,
        *,
        channels: int,
        size: int,
        mean: Sequence[float],
        std: Sequence[float],
        limits: tuple[float, float] | None = None,
        bands: Sequence[int] = (),
        pool: str = "",
    ) -> None:
        super().__init__()
        self.net, self.channels, self.size = net, channels, size
        self.bands, self.pool = tuple(bands), pool
        self.network, self._heads, self._wanted = build_network(net)
        wanted = self._wanted
        self.input_size, self.wants_unit = wanted.size, wanted.plain or net.wants_unit
        self.scale_input(mean, std, limits=limits)
        self.register_buffer("mixing", _mixing(channels, wanted.channels, self.bands))
        self.eval()
        self.dimension = self._dimension()
        self.register_buffer("centre", torch.zeros(1, self.dimension))
        self.register_buffer("spread", torch.ones(1, 1))
        self.register_buffer("turn", None)

    def scale_input(
        self, mean: Sequence[float], std: Sequence[float], *, limits: tuple[float, float] | None = None
    ) -> None:
        """Set what brings prepared images to the scale of the net's input.

        Parameters
        ----------
        mean, std
            As for the encoder.
        limits
            Prepared values that the net sees as 0 and 1; it sees the scale of its training set when None.
        """
        self.limits, wanted = limits, self._wanted
        own, spread = (
            torch.tensor(values, dtype=torch.float32).reshape(1, self.channels, 1, 1) for values in (mean, std)
        )
        self.register_buffer("mean", own)
        self.register_buffer("std", spread)
        channel = (1, wanted.channels, 1, 1)
        own_mean, own_std, mean_there, std_there = (
            torch.tensor(values, dtype=torch.float32).reshape(channel)
            for values in (
                for_channels(IMAGENET_DEFAULT_MEAN, wanted.channels),
                for_channels(IMAGENET_DEFAULT_STD, wanted.channels),
                wanted.mean,
                wanted.std,
            )
        )
        if self.limits is None:
            gain, level = torch.ones_like(own), torch.zeros_like(own)
            scale, offset = own_std / std_there, (own_mean - mean_there) / std_there
        else:
            low, high = self.limits
            gain, level = spread / (high - low), (own - low) / (high - low)
            scale, offset = torch.ones(channel), torch.zeros(channel)
        for name, values in (("gain", gain), ("level", level), ("scale", scale), ("offset", offset)):
            self.register_buffer(name, values)

    def train(self, mode: bool = True) -> Self:
        """Set the mode; normalisations keep the statistics that they were trained with: few images would spoil them."""
        super().train(mode)
        for module in self.network.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):  # noqa: SLF001 - what all kinds have in common
                module.eval()
        return self

    def _dimension(self) -> int:
        try:
            with torch.inference_mode():
                shape = tuple(self._pooled(torch.zeros(1, self.channels, self.size, self.size)).shape)
        except LseError:
            raise
        except (RuntimeError, AssertionError, ValueError) as error:
            raise InvalidArgumentError(
                f"The network {self.net.name} cannot take images of {self.input_size} pixels a side "
                f"({str(error).splitlines()[0]}): choose another side.",
                reason="IMAGE_SIZE_UNSUPPORTED",
                size=self.input_size,
            ) from error
        if len(shape) != 2:
            raise InvalidArgumentError(
                f"The network {self.net.name} does not give one vector an image: choose another.",
                reason="BACKBONE_UNSUPPORTED",
                backbone=self.net.name,
            )
        return shape[1]

    def resize(self, side: int) -> None:
        """Have the net see images of another side, once it has its weights.

        Raises
        ------
        InvalidArgumentError
            ``IMAGE_SIZE_UNSUPPORTED``: it cannot.
        """
        set_side(self.network, side, name=self.net.name)
        self.input_size = side
        self._dimension()

    def load(self, weights: Mapping[str, Tensor], *, source: str) -> None:
        """Take weights of the whole net, with or without its classifier.

        Raises
        ------
        InvalidArgumentError
            When they do not fit.
        """
        fit_weights(self.network, weights, heads=self._heads, source=source)

    def centre_on(self, blocks: Iterable[Tensor]) -> Tensor:
        """Give the vectors of prepared images, (n, channels, size, size) a block, zero mean and unit variance.

        Returns
        -------
        Tensor
            These vectors, (n, dimension).

        Raises
        ------
        InvalidArgumentError
            When the net gives all images the same vector, or values that are not finite.
        """
        with torch.inference_mode():
            features = torch.cat([self._pooled(self.normalise(block)) for block in blocks])
            if not torch.isfinite(features).all():
                raise InvalidArgumentError(
                    f"The network {self.net.name} gives values that are not finite: its weights are damaged.",
                    reason="VECTORS_NOT_FINITE",
                )
            centre = features.mean(dim=0, keepdim=True)
            spread = (features - centre).square().mean().sqrt().reshape(1, 1)
            if float(spread) <= _CONSTANT * float(features.square().mean().sqrt()):
                raise InvalidArgumentError(
                    f"The network {self.net.name} gives all images the same vector: its weights are not trained, or "
                    "the images do not differ.",
                    reason="VECTORS_CONSTANT",
                )
            vectors = (features - centre) / spread
        self.centre.copy_(centre)
        self.spread.copy_(spread)
        return vectors

    def whiten(self, matrix: Tensor, mean: Tensor) -> None:
        """Have vectors v become (v - mean) @ matrix; (dimension, dimension) and (dimension,)."""
        self.centre.add_(mean.to(self.centre) * self.spread)
        self.turn = matrix.to(self.centre)

    def normalise(self, images: Tensor) -> Tensor:
        """Images of zero mean and unit variance over the dataset, of prepared images of the same shape."""
        return (images - self.mean) / self.std

    def features(self, images: Tensor) -> Tensor:
        """Vectors (n, dimension) of normalised images (n, channels, size, size)."""
        vectors = (self._pooled(images) - self.centre) / self.spread
        return vectors if self.turn is None else vectors @ self.turn

    def forward(self, images: Tensor) -> Tensor:
        """Vectors (n, dimension), float32, of prepared images (n, channels, size, size), float32."""
        return self.features(self.normalise(images))

    def _pooled(self, images: Tensor) -> Tensor:
        colours = functional.conv2d(images * self.gain + self.level, self.mixing) * self.scale + self.offset
        if self.size != self.input_size:
            colours = functional.interpolate(
                colours, size=(self.input_size, self.input_size), mode="bilinear", antialias=self.size > self.input_size
            )
        if self.pool:
            return pool_features(self.network, colours, self.pool, name=self.net.name)
        pooled: Tensor = self.network(colours)
        return pooled

    def save(self, path: Path) -> None:
        """Write it to a file, for `load_encoder`.

        Raises
        ------
        ResourceExhaustedError
            When it cannot be written.
        """
        buffer = io.BytesIO()
        state = {
            "net": self.net.name,
            "channels": self.channels,
            "size": self.size,
            "mean": self.mean.flatten().tolist(),
            "std": self.std.flatten().tolist(),
            "shared": asdict(self.net.shared) if self.net.shared else None,
            "limits": self.limits,
            "bands": self.bands,
            "pool": self.pool,
            "input_size": self.input_size,
            "encoder": self.state_dict(),
        }
        torch.save(state, buffer)
        write_atomically(path, buffer.getbuffer())


def load_encoder(path: Path) -> PretrainedEncoder:
    """Read what `PretrainedEncoder.save` wrote; on the CPU, in evaluation mode.

    Raises
    ------
    DataLossError
        When the file is damaged or of another version.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        # Files of earlier releases have only what is read without a default.
        encoder = PretrainedEncoder(
            _net_of(state["net"], state.get("shared")),
            channels=state["channels"],
            size=state["size"],
            mean=state["mean"],
            std=state["std"],
            limits=state.get("limits"),
            bands=state.get("bands", ()),
            pool=state.get("pool", ""),
        )
        if state.get("input_size", encoder.input_size) != encoder.input_size:
            encoder.resize(state["input_size"])
        if "turn" in state["encoder"]:
            encoder.turn = torch.zeros(encoder.dimension, encoder.dimension)
        encoder.load_state_dict({"gain": encoder.gain, "level": encoder.level, **state["encoder"]})
    except (
        RuntimeError,
        ValueError,
        KeyError,
        TypeError,
        OSError,
        EOFError,
        pickle.UnpicklingError,
        LseError,
    ) as error:
        raise DataLossError(
            f"The pretrained encoder {path.name} cannot be read; make it again.",
            reason="PRETRAINED_ENCODER_DAMAGED",
            path=path,
        ) from error
    return encoder.eval()


def _net_of(name: str, shared: Mapping[str, Any] | None) -> PretrainedNet:
    """Net of a file of weights, whose folder may be gone."""
    if shared is None:
        return find_net(name)
    library, _, model = name.partition(":")
    return PretrainedNet(library, model, SharedNet(**shared))


def _mixing(bands: int, channels: int, chosen: Sequence[int]) -> Tensor:
    """Shares of the bands in the channels, (channels, bands, 1, 1): windows of adaptive averaging over those chosen."""
    places = list(chosen) or list(range(bands))
    shares = torch.zeros(channels, bands)
    for channel in range(channels):
        first, last = channel * len(places) // channels, math.ceil((channel + 1) * len(places) / channels)
        for place in places[first:last]:
            shares[channel, place] += 1 / (last - first)
    return shares.reshape(channels, bands, 1, 1)
