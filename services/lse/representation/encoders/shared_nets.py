"""Networks that others share as a folder: ``config.json`` of timm beside ``model.safetensors``, here or on the hub.

The configuration names a network of timm, its arguments, and what it was trained on.  Nothing of the folder is run:
other files of weights are not read, and arguments that would fetch or load something are refused.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, RepositoryNotFoundError

from lse.errors import InvalidArgumentError, LseError, PermissionDeniedError, UnavailableError
from lse.validation import did_you_mean

__all__ = ["CONFIG", "WEIGHTS", "SharedNet", "fetch_shared", "first_line", "reach", "read_shared"]

CONFIG, WEIGHTS = "config.json", "model.safetensors"
# Arguments of `timm.create_model` that do not describe a network but say what is loaded into it.
_NOT_ARGUMENTS = frozenset(
    {"pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir", "features_only"}
)
_MOST_BYTES = 1 << 20
_FETCH_SECONDS = 20.0


@dataclass(frozen=True)
class SharedNet:
    """What a folder says of its network.

    Attributes
    ----------
    architecture
        Name of the network in timm.
    arguments
        Of `timm.create_model`.
    config
        What it was trained on, as timm keeps it: ``input_size``, ``mean``, ``std``, ``classifier``, ``license``.
    """

    architecture: str
    arguments: Mapping[str, Any]
    config: Mapping[str, Any]


def read_shared(folder: Path) -> SharedNet:
    """Read the configuration of a folder.

    Raises
    ------
    InvalidArgumentError
        ``PRETRAINED_WEIGHTS_MISSING`` where a file is missing, ``BACKBONE_UNKNOWN`` where the configuration names no
        network of timm, ``BACKBONE_UNSUPPORTED`` where it cannot be used.
    """
    path = folder / CONFIG
    for file in (path, folder / WEIGHTS):
        if not file.is_file():
            raise InvalidArgumentError(
                f"The folder {folder} has no file {file.name}: put the {CONFIG} of timm and the weights as {WEIGHTS} "
                "into it.",
                reason="PRETRAINED_WEIGHTS_MISSING",
            )
    try:
        with path.open("rb") as config_file:
            found = json.loads(config_file.read(_MOST_BYTES))
        # Earlier files have one level.
        config = dict(found.get("pretrained_cfg", found))
        arguments = dict(found.get("model_args") or {})
        architecture = str(found["architecture"])
    except (ValueError, KeyError, AttributeError, TypeError, OSError) as error:
        raise InvalidArgumentError(
            f"The file {path} is not a configuration of timm ({error}): save the network with "
            "timm.models.save_for_hf, or export it to ONNX and import that.",
            reason="BACKBONE_UNSUPPORTED",
            backbone=folder,
        ) from error
    if not timm.is_model(architecture):
        near = did_you_mean(architecture, timm.list_models(), count=3)
        raise InvalidArgumentError(
            f"The file {path} names the network '{architecture}', which timm {timm.__version__} does not have: {near}"
            f"{'Else export' if near else 'export'} it to ONNX and import that.",
            reason="BACKBONE_UNKNOWN",
            backbone=architecture,
        )
    if unsafe := sorted(_NOT_ARGUMENTS & arguments.keys()):
        raise InvalidArgumentError(
            f"The file {path} gives the network the argument {unsafe[0]}, which loads other files: remove it.",
            reason="BACKBONE_UNSUPPORTED",
            backbone=architecture,
        )
    arguments.pop("num_classes", None)
    return SharedNet(architecture, arguments, config)


def fetch_shared(repository: str) -> Path:
    """Folder with configuration and weights of a model of the hub, fetched where they are not kept here.

    Parameters
    ----------
    repository
        ``owner/model``, or ``owner/model@revision``.

    Raises
    ------
    InvalidArgumentError
        ``BACKBONE_UNKNOWN`` for a name that is none; ``PRETRAINED_WEIGHTS_MISSING`` where a file is missing there.
    PermissionDeniedError
        ``WEIGHTS_NOT_ALLOWED``: its terms must be accepted first.
    UnavailableError
        ``WEIGHTS_UNAVAILABLE``: the hub cannot be reached.
    """
    name, _, revision = repository.partition("@")
    if len(name.split("/")) != 2 or not all(name.split("/")):
        raise InvalidArgumentError(
            f"'{repository}' is not a model of the hub: give hf-hub:owner/model.",
            reason="BACKBONE_UNKNOWN",
            backbone=repository,
        )
    page = f"{constants.ENDPOINT}/{name}"
    by_hand = (
        f"get {CONFIG} and {WEIGHTS} from {page} on another machine, put them into one folder that the services can "
        "read, and give that folder in place of the name"
    )
    try:
        if not all(
            isinstance(try_to_load_from_cache(name, file, revision=revision or None), str) for file in (CONFIG, WEIGHTS)
        ):
            reach(page)
        return [Path(hf_hub_download(name, file, revision=revision or None)) for file in (WEIGHTS, CONFIG)][-1].parent
    except LseError:
        raise
    except Exception as error:
        raise _refused(repository, error, page=page, by_hand=by_hand) from error


def _refused(repository: str, error: Exception, *, page: str, by_hand: str) -> LseError:
    """What a failure of the hub means; its client, and each of its ways to the network, has errors of its own."""
    status = error.code if isinstance(error, urllib.error.HTTPError) else None
    if isinstance(error, GatedRepoError) or status in (401, 403):
        return PermissionDeniedError(
            f"The model {repository} is gated, or there is none of this name: accept its terms at {page} and set "
            f"HF_TOKEN where the services run, or {by_hand}.",
            reason="WEIGHTS_NOT_ALLOWED",
            backbone=repository,
        )
    if isinstance(error, EntryNotFoundError):
        return InvalidArgumentError(
            f"The model {repository} has no {CONFIG} with {WEIGHTS} on the hub: files of weights of other kinds are "
            "not read; export it to ONNX and import that.",
            reason="PRETRAINED_WEIGHTS_MISSING",
        )
    if isinstance(error, RepositoryNotFoundError) or status == 404:
        return InvalidArgumentError(
            f"There is no model {repository} on the hub: correct the name.",
            reason="BACKBONE_UNKNOWN",
            backbone=repository,
        )
    return UnavailableError(
        f"The model {repository} cannot be fetched ({first_line(error)}): {by_hand}.",
        reason="WEIGHTS_UNAVAILABLE",
        backbone=repository,
    )


def reach(url: str) -> None:
    """Ask for an address: torch waits for ever where no answer comes, and the hub tries again for a minute."""
    with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=_FETCH_SECONDS):  # noqa: S310 - addresses of the libraries
        pass


def first_line(error: Exception) -> str:
    """What an error of a library says, without its explanations."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
