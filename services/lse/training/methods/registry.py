"""The methods by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lse.platform.errors import InvalidArgumentError
from lse.platform.parameters import MethodDescription, describe_parameters
from lse.platform.parameters import parse_parameters as parse
from lse.training.methods.autoencoder import Autoencoder
from lse.training.methods.simclr import SimCLR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lse.training.methods.method import Method, MethodParameters

__all__ = ["get_method", "list_methods", "parse_parameters"]

_METHODS: dict[str, type[Method]] = {method.name: method for method in (SimCLR, Autoencoder)}


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
        When the method or a key is unknown, or a value is of the wrong type or out of range.
    """
    return parse(get_method(method).parameters_class, values)
