"""Encoders made of networks that others trained on photos, see `lse.representation.encoders.pretrained_nets`.

Such a net takes three channels of one size on the scale of its own training set.  Within the graph of the encoder,
prepared images are brought to that:

1. each band gets zero mean and unit variance over the dataset; photographs with values from 0 to 1 stay as they are;
2. bands become three channels: one band goes to all three, three are red, green and blue in their order, and of any
   other number each channel takes the mean of its third of the bands, in their order, where thirds overlap if they must
   (two bands a and b give a, (a + b) / 2 and b);
3. the channels get mean and standard deviation of ImageNet, and then the normalisation that the net was trained with;
4. images of another size than the net was trained on are resized to it, bilinearly, with antialiasing if they shrink;
5. the net's own pooled features, before its classifier, are the vector, moved to zero mean over the dataset and divided
   by one number that gives them unit variance on average.  Features of such nets are positive, so that without the
   move all vectors point much the same way; dividing each by its own spread would blow up those that hardly vary.
"""

from __future__ import annotations

import io
import math
import pickle
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import timm
import torch
import torchvision
from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor, nn
from torch.nn import functional

from lse.errors import DataLossError, InvalidArgumentError, LseError
from lse.representation.atomic import write_atomically
from lse.representation.encoders.pretrained_nets import PACKAGED, PretrainedNet, find_net
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

    Attributes
    ----------
    dimension
        Of the vectors.
    input_size
        Side in pixels that the net sees.
    """

    mean: Tensor
    std: Tensor
    mixing: Tensor
    scale: Tensor
    offset: Tensor
    centre: Tensor
    spread: Tensor

    def __init__(
        self, net: PretrainedNet, *, channels: int, size: int, mean: Sequence[float], std: Sequence[float]
    ) -> None:
        super().__init__()
        self.net, self.channels, self.size = net, channels, size
        self.network, self._heads, wanted = _build(net)
        self.input_size = wanted.size
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).reshape(1, channels, 1, 1))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).reshape(1, channels, 1, 1))
        self.register_buffer("mixing", _mixing(channels))
        own_mean, own_std, mean_there, std_there = (
            torch.tensor(values, dtype=torch.float32).reshape(1, 3, 1, 1)
            for values in (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD, wanted.mean, wanted.std)
        )
        self.register_buffer("scale", own_std / std_there)
        self.register_buffer("offset", (own_mean - mean_there) / std_there)
        self.eval()
        with torch.inference_mode():
            shape = tuple(self._pooled(torch.zeros(1, channels, size, size)).shape)
        if len(shape) != 2:
            raise InvalidArgumentError(
                f"The network {net.name} does not give one vector an image: choose another.",
                reason="BACKBONE_UNSUPPORTED",
                backbone=net.name,
            )
        self.dimension = shape[1]
        self.register_buffer("centre", torch.zeros(1, self.dimension))
        self.register_buffer("spread", torch.ones(1, 1))

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

    def normalise(self, images: Tensor) -> Tensor:
        """Images of zero mean and unit variance over the dataset, of prepared images of the same shape."""
        return (images - self.mean) / self.std

    def features(self, images: Tensor) -> Tensor:
        """Vectors (n, dimension) of normalised images (n, channels, size, size)."""
        return (self._pooled(images) - self.centre) / self.spread

    def forward(self, images: Tensor) -> Tensor:
        """Vectors (n, dimension), float32, of prepared images (n, channels, size, size), float32."""
        return self.features(self.normalise(images))

    def _pooled(self, images: Tensor) -> Tensor:
        colours = functional.conv2d(images, self.mixing) * self.scale + self.offset
        if self.size != self.input_size:
            colours = functional.interpolate(
                colours, size=(self.input_size, self.input_size), mode="bilinear", antialias=self.size > self.input_size
            )
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
        encoder = PretrainedEncoder(
            find_net(state["net"]),
            channels=state["channels"],
            size=state["size"],
            mean=state["mean"],
            std=state["std"],
        )
        encoder.load_state_dict(state["encoder"])
    except (RuntimeError, ValueError, KeyError, OSError, EOFError, pickle.UnpicklingError, LseError) as error:
        raise DataLossError(
            f"The pretrained encoder {path.name} cannot be read; make it again.",
            reason="PRETRAINED_ENCODER_DAMAGED",
            path=path,
        ) from error
    return encoder.eval()


@dataclass(frozen=True)
class _Input:
    """What a net was trained on: side in pixels, and its normalisation of values from 0 to 1, channel by channel."""

    size: int
    mean: Sequence[float]
    std: Sequence[float]


def _build(net: PretrainedNet) -> tuple[nn.Module, list[str], _Input]:
    """Network with random weights that gives pooled features, names of its classifier's layers, and its input.

    The classifier stays where it is and lets everything through, so that a state_dict has the names of the library.
    """
    with warnings.catch_warnings():
        # googlenet and inception announce another default of a parameter that does not matter here.
        warnings.filterwarnings("ignore", message="The default weight initialization", category=FutureWarning)
        if net.library == "torchvision":
            return _build_torchvision(net.model)
        return _build_timm(PACKAGED[net.model].architecture if net.library == "package" else net.model)


def _build_torchvision(model: str) -> tuple[nn.Module, list[str], _Input]:
    network = torchvision.models.get_model(model, weights=None)
    weights = torchvision.models.get_model_weights(model).DEFAULT
    classes, transforms = len(weights.meta["categories"]), weights.transforms()
    head = [name for name, module in network.named_modules() if classes == _outputs(module)][-1]
    parent, _, last = head.rpartition(".")
    setattr(network.get_submodule(parent), last, nn.Identity())
    return network, [head], _Input(transforms.crop_size[0], transforms.mean, transforms.std)


def _build_timm(model: str) -> tuple[nn.Module, list[str], _Input]:
    network: Any = timm.create_model(model, pretrained=False, num_classes=0)
    wanted = network.pretrained_cfg
    heads = wanted.get("classifier") or ()
    return (
        network,
        [heads] if isinstance(heads, str) else list(heads),
        _Input(wanted["input_size"][-1], wanted["mean"], wanted["std"]),
    )


def _outputs(module: nn.Module) -> int:
    if isinstance(module, nn.Linear):
        return module.out_features
    return module.out_channels if isinstance(module, nn.Conv2d) else 0


def _mixing(bands: int) -> Tensor:
    """Shares of the bands in three channels, (3, bands, 1, 1): windows of adaptive averaging over the bands."""
    shares = torch.zeros(3, bands)
    for channel in range(3):
        first, last = channel * bands // 3, math.ceil((channel + 1) * bands / 3)
        shares[channel, first:last] = 1 / (last - first)
    return shares.reshape(3, bands, 1, 1)
