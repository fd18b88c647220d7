"""Parameters of methods: declared once as a pydantic model, read from text or values, described by JSON Schema.

Every parameter has a default, a description and, where it makes sense, bounds; ``None`` as default means that the value
is chosen from the data.  A parameter bears the name that the field's library gives it.  An earlier name stays accepted
as long as it is among the choices of the field's validation alias.

    class KMeansParameters(Parameters):
        n_clusters: int | None = Field(
            None, ge=2, validation_alias=AliasChoices("n_clusters", "clusters"), description="Number of clusters."
        )

    parse_parameters(KMeansParameters, {"clusters": "12"}).n_clusters == 12
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from lse.errors import InvalidArgumentError
from lse.validation import all_faults, joined_faults, unknown_name

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Parameters",
    "Seed",
    "accepted_names",
    "parameters_schema",
    "parse_parameters",
    "present_names",
]

# What a person writes to leave a choice to the data.
_AUTOMATIC = frozenset({"", "auto", "none"})
_KINDS = frozenset({"integer", "number", "string", "boolean"})

# scikit-learn and umap-learn take seeds of 32 bits.
Seed = Annotated[
    int,
    Field(
        ge=0,
        le=2**32 - 1,
        validation_alias=AliasChoices("seed", "random_state"),
        description="Seed of the random numbers: the same inputs and seed give the same result.",
    ),
]


class Parameters(BaseModel):
    """Root of all parameter models: immutable, no unknown keys, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    # Whether forms and help show what methods share, such as epochs, before what a method has of its own.
    shared_first: ClassVar[bool] = False


_ParametersT = TypeVar("_ParametersT", bound=Parameters)
_ValueT = TypeVar("_ValueT")


@cache
def accepted_names(model: type[Parameters]) -> Mapping[str, str]:
    """Every name that a parameter of a model may be given by, today's and earlier ones, to its name today."""
    names: dict[str, str] = {}
    for name, field in model.model_fields.items():
        names[name] = name
        if isinstance(field.validation_alias, AliasChoices):
            names |= {str(choice): name for choice in field.validation_alias.choices}
    return names


@cache
def parameters_schema(model: type[Parameters]) -> Mapping[str, Any]:
    """JSON Schema of a parameter model, its parameters in the order in which a form shows them.

    Earlier names of a parameter that are still accepted are its ``aliases``.

    Raises
    ------
    TypeError
        A parameter has no default, or a type that no form can show: a fault of the declaration.
    """
    schema = model.model_json_schema()
    shared = {name for base in model.__mro__[1:] for name in getattr(base, "model_fields", ())}
    properties = schema.get("properties", {})
    for name, entry in properties.items():
        if "default" not in entry:
            raise TypeError(f"parameter {name!r} has no default: every parameter needs one (None for automatic)")
        kind = _plain(entry)
        if "enum" not in kind and "const" not in kind and kind.get("type") not in _KINDS:
            raise TypeError(f"parameter {name!r} is neither bool, int, float, str nor Literal, with or without None")
    for alias, name in accepted_names(model).items():
        if alias != name:
            properties[name].setdefault("aliases", []).append(alias)
    schema["properties"] = dict(sorted(properties.items(), key=lambda item: (item[0] in shared) != model.shared_first))
    return schema


def present_names(model: type[Parameters], values: Mapping[str, _ValueT]) -> dict[str, _ValueT]:
    """Values under present names, where some are given by an earlier one; unknown names stay as they are."""
    names = accepted_names(model)
    return {names.get(name, name): value for name, value in values.items()}


def parse_parameters(
    model: type[_ParametersT], values: Mapping[str, object], *, import_paths: bool = True
) -> _ParametersT:
    """Make a parameter model from names and values, either of which may come as text.

    Parameters
    ----------
    model
        The parameter model of a method.
    values
        Names, today's or earlier ones, to values; a text is converted to the parameter's type, and ``auto`` or ``none``
        to None where None is allowed.
    import_paths
        Whether a value may name code by its import path ``package.module:Name``.

    Returns
    -------
    instance
        The model with its defaults filled in.

    Raises
    ------
    InvalidArgumentError
        ``PARAMETER_UNKNOWN`` names the nearest parameter; ``PARAMETER_INVALID`` says what is allowed.
    """
    names = accepted_names(model)
    properties = parameters_schema(model)["properties"]
    given: dict[str, object] = {}
    said: dict[str, str] = {}
    unknown = [
        InvalidArgumentError(
            unknown_name("parameter", key, properties, names), reason="PARAMETER_UNKNOWN", parameter=key
        )
        for key in values
        if key not in names
    ]
    if unknown:
        raise joined_faults(unknown)
    for key, value in values.items():
        name = names[key]
        if name in given:
            raise InvalidArgumentError(
                f"Parameter '{name}' is given twice, as '{said[name]}' and as '{key}': give it once.",
                reason="PARAMETER_INVALID",
                parameter=name,
            )
        given[name], said[name] = _read_text(value, properties[name]), key
    try:
        return model.model_validate(given, context={"import_paths": import_paths})
    except ValidationError as error:
        raise all_faults(error, parameters_schema(model), what="parameter", reason="PARAMETER_INVALID") from None


def _plain(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Schema of a parameter without its None."""
    options = [option for option in entry.get("anyOf", ()) if option.get("type") != "null"]
    return options[0] if len(options) == 1 else entry


def _read_text(value: object, entry: Mapping[str, Any]) -> object:
    """Value as pydantic is given it: automatic texts as None, other texts without outer blanks."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    nullable = any(option.get("type") == "null" for option in entry.get("anyOf", ()))
    automatic = nullable and text.lower() in _AUTOMATIC and text not in _plain(entry).get("enum", ())
    return None if automatic else text
