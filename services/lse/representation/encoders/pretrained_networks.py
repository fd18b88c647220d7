"""Networks of `lse.representation.encoders.pretrained_nets`, built without weights, and what they were trained on."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import timm
import torchvision
from torch import nn

from lse.errors import InvalidArgumentError
from lse.representation.encoders.pretrained_nets import PACKAGED, PretrainedNet
from lse.representation.encoders.shared_nets import SharedNet, first_line

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["NetInput", "build_network", "for_channels"]


@dataclass(frozen=True)
class NetInput:
    """What a net was trained on: side in pixels, and its normalisation of values from 0 to 1, channel by channel."""

    size: int
    mean: Sequence[float]
    std: Sequence[float]
    channels: int = 3

    @property
    def plain(self) -> bool:
        """Whether it was trained without any normalisation."""
        return not any(self.mean) and all(value == 1 for value in self.std)


def build_network(net: PretrainedNet) -> tuple[nn.Module, list[str], NetInput]:
    """Network with random weights that gives pooled features, names of its classifier's layers, and its input.

    The classifier stays where it is and lets everything through, so that a state_dict has the names of the library.
    """
    with warnings.catch_warnings():
        # googlenet and inception announce another default of a parameter that does not matter here.
        warnings.filterwarnings("ignore", message="The default weight initialization", category=FutureWarning)
        if net.library == "torchvision":
            return _build_torchvision(net.model)
        return _build_timm(net)


def _build_torchvision(model: str) -> tuple[nn.Module, list[str], NetInput]:
    network = torchvision.models.get_model(model, weights=None)
    weights = torchvision.models.get_model_weights(model).DEFAULT
    classes, transforms = len(weights.meta["categories"]), weights.transforms()
    head = [name for name, module in network.named_modules() if classes == _outputs(module)][-1]
    parent, _, last = head.rpartition(".")
    setattr(network.get_submodule(parent), last, nn.Identity())
    return network, [head], NetInput(transforms.crop_size[0], transforms.mean, transforms.std)


def _build_timm(net: PretrainedNet) -> tuple[nn.Module, list[str], NetInput]:
    shared = net.shared or SharedNet(
        PACKAGED[net.model].architecture if net.library == "package" else net.model, {}, {}
    )
    try:
        network: Any = timm.create_model(shared.architecture, pretrained=False, num_classes=0, **shared.arguments)
    except (TypeError, ValueError, RuntimeError, AssertionError, KeyError) as error:
        raise InvalidArgumentError(
            f"The configuration of {net.name} does not fit timm {timm.__version__} ({first_line(error)}): correct it, "
            "or export the network to ONNX and import that.",
            reason="BACKBONE_UNSUPPORTED",
            backbone=net.name,
        ) from error
    wanted = {**network.pretrained_cfg, **shared.config}
    heads = wanted.get("classifier") or ()
    channels = int(shared.arguments.get("in_chans") or wanted["input_size"][0])
    mean, std = (for_channels(wanted[key], channels) for key in ("mean", "std"))
    return (
        network,
        [heads] if isinstance(heads, str) else list(heads),
        NetInput(int(wanted["input_size"][-1]), mean, std, channels),
    )


def for_channels(values: Sequence[float], channels: int) -> list[float]:
    """Values a channel; their mean where a net has another number of channels than there are values."""
    return list(values) if len(values) == channels else [sum(values) / len(values)] * channels


def _outputs(module: nn.Module) -> int:
    if isinstance(module, nn.Linear):
        return module.out_features
    return module.out_channels if isinstance(module, nn.Conv2d) else 0
