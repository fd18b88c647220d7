"""The methods by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lse.platform.errors import InvalidArgumentError
from lse.platform.parameters import MethodDescription, describe_parameters
from lse.platform.parameters import parse_parameters as parse
from lse.training.methods.autoencoder import Autoencoder
from lse.training.methods.bigan import BiGAN
from lse.training.methods.byol import BYOL
from lse.training.methods.dino import DINO
from lse.training.methods.masked_autoencoder import MaskedAutoencoder
from lse.training.methods.simclr import SimCLR
from lse.training.methods.vae import VAE
from lse.training.methods.vicreg import VICReg

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lse.training.methods.method import Method, MethodParameters

__all__ = ["get_method", "list_methods", "parse_parameters"]

_METHODS: dict[str, type[Method]] = {
    method.name: method for method in (SimCLR, BYOL, VICReg, DINO, MaskedAutoencoder, Autoencoder, VAE, BiGAN)
}


def list_methods() -> tuple[MethodDescription, ...]:
    """All methods with their parameters, in the order in which they are offered."""
    return tuple(
        MethodDescription(
            name=method.name,
            title=method.title,
            help=method.summary,
            parameters=tuple(describe_parameters(method.parameters_class)),
        )
        for method in _METHODS.values()
    )


def get_method(name: str) -> type[Method]:
    """Class of the method of a name.

    Raises
    ------
    InvalidArgumentError
        ``UNKNOWN_METHOD`` when there is none of that name.
    """
    try:
        return _METHODS[name]
    except KeyError:
        raise InvalidArgumentError(
            f"Unknown training method {name!r}. Allowed are {', '.join(_METHODS)}.",
            reason="UNKNOWN_METHOD",
            method=name,
        ) from None


def parse_parameters(method: str, values: Mapping[str, object]) -> MethodParameters:
    """Parameters of a method from values given by name, as text or already typed; defaults fill the rest.

    Raises
    ------
    InvalidArgumentError
        When the method or a key is unknown, a value is of the wrong type or out of range, or the method cannot end
        early as `patience` asks.
    """
    chosen = get_method(method)
    parameters = parse(chosen.parameters_class, values)
    if parameters.patience and not chosen.loss_ranks:
        raise InvalidArgumentError(
            f"The loss of {method} does not tell which weights are better, so it cannot end the training early: "
            "leave patience at 0 and choose epochs.",
            reason="PATIENCE_NOT_SUITED",
            method=method,
        )
    return parameters
