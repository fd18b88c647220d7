"""The recipe: everything that happens between a file and its tensor, declared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from lse.ingestion.recipes.limits import FixedLimits, MinmaxLimits, PercentileLimits, ZscaleLimits
from lse.ingestion.recipes.stretches import Asinh, Linear, Log, Percentile, Sqrt, Stretch, Zscale
from lse.platform.errors import InvalidArgumentError

__all__ = ["NanPolicy", "Recipe", "load_recipe"]


class NanPolicy(BaseModel):
    """What becomes of missing pixels.

    Attributes
    ----------
    policy
        What replaces them: ``median`` of the channel's valid pixels, ``zero`` (of the file's unit), the ``nearest``
        valid pixel; or ``reject`` the image that has any.
    max_fraction
        An image with a larger fraction of missing pixels is rejected (0 to 1).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    policy: Literal["median", "zero", "nearest", "reject"] = "median"
    max_fraction: float = Field(default=0.9, ge=0, le=1)


def _policy_from_name(value: object) -> object:
    """``zero`` alone is short for ``{policy: zero}``."""
    return {"policy": value} if isinstance(value, str) else value


class Recipe(BaseModel):
    """How every image of a dataset is prepared, in the order of the fields.

    Attributes
    ----------
    channels
        ``all``, ``grey`` (luminance of RGB, mean of other channels), ``rgb`` (grey images give three equal
        channels), or a list of channel names and numbers from 0, in the wanted order.
    crop
        Side in source pixels of the square cut from the centre; smaller images are taken whole.
    fit
        How what is not square becomes square: ``crop`` the longer side, ``pad`` the shorter, or ``squeeze``.
    size
        Side of the output in pixels, resampled with antialiasing (area-weighted bilinear), missing pixels left out.
    nan
        Missing pixels.
    stretch
        Limits and curve, for each image by itself.
    normalisation
        ``unit`` clips to 0 to 1; ``none`` leaves values beyond the limits; ``minmax`` takes each image to exactly 0 to
        1; ``standard`` to mean 0 and standard deviation 1, over all channels.
    thumbnail
        Side of the thumbnails in pixels.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    channels: Literal["all", "grey", "rgb"] | tuple[int | str, ...] = "all"
    crop: int | None = Field(default=None, ge=2, le=100_000)
    fit: Literal["crop", "pad", "squeeze"] = "crop"
    size: int = Field(default=64, ge=8, le=1024)
    nan: Annotated[NanPolicy, BeforeValidator(_policy_from_name)] = NanPolicy()
    stretch: Stretch = Linear()
    normalisation: Literal["unit", "none", "minmax", "standard"] = "unit"
    thumbnail: int = Field(default=96, ge=16, le=512)

    @field_validator("channels", mode="before")
    @classmethod
    def _channel_list(cls, value: object) -> object:
        if isinstance(value, str):
            if value in ("all", "grey", "rgb"):
                return value
            msg = f"{value!r} is not one of all, grey, rgb or a list of channels"
            raise ValueError(msg)
        if not isinstance(value, list | tuple) or not 1 <= len(value) <= 16:
            msg = "give all, grey, rgb or a list of 1 to 16 channels"
            raise ValueError(msg)
        for channel in value:
            named = isinstance(channel, str) and channel
            numbered = isinstance(channel, int) and not isinstance(channel, bool) and channel >= 0
            if not named and not numbered:
                msg = f"{channel!r} is neither the name of a channel nor its number from 0"
                raise ValueError(msg)
        return tuple(value)

    @property
    def channel_count(self) -> int | None:
        """Channels of every prepared tensor; None where the images decide (`channels` is ``all``)."""
        if isinstance(self.channels, str):
            return {"grey": 1, "rgb": 3}.get(self.channels)
        return len(self.channels)

    def to_yaml(self) -> str:
        """Recipe as YAML text, every field written out, that `load_recipe` reads back."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)

    def with_channels(self, channels: Literal["all", "grey", "rgb"] | tuple[int | str, ...]) -> Self:
        """Same recipe for other channels."""
        return self.model_copy(update={"channels": channels})


def load_recipe(source: str | Mapping[str, Any] | None) -> Recipe:
    """Read a recipe from YAML text or a mapping; nothing at all gives the default recipe.

    Raises
    ------
    InvalidArgumentError
        ``INVALID_RECIPE``, with the key at fault and what is allowed there.
    """
    if isinstance(source, str):
        try:
            source = yaml.safe_load(source)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f" in line {mark.line + 1}" if mark is not None else ""
            problem = getattr(error, "problem", None) or "it cannot be parsed"
            message = f"The recipe is not valid YAML{where}: {problem}."
            raise InvalidArgumentError(message, reason="INVALID_RECIPE") from error
        except RecursionError as error:
            raise InvalidArgumentError("The recipe is nested too deeply.", reason="INVALID_RECIPE") from error
    if source is None:
        return Recipe()
    if not isinstance(source, Mapping):
        message = f"A recipe is a mapping of keys to values, such as 'size: 64', and not a {type(source).__name__}."
        raise InvalidArgumentError(message, reason="INVALID_RECIPE")
    try:
        return Recipe.model_validate(dict(source))
    except ValidationError as error:
        raise InvalidArgumentError(_sentence(error), reason="INVALID_RECIPE") from error


_STRETCHES = (Linear, Sqrt, Log, Asinh, Zscale, Percentile)
_LIMITS = (MinmaxLimits, FixedLimits, PercentileLimits, ZscaleLimits)
_MODELS: dict[str, type[BaseModel]] = {
    "": Recipe,
    "nan": NanPolicy,
    **{f"stretch.{model.model_fields['kind'].default}": model for model in _STRETCHES},
    **{f"limits.{model.model_fields['kind'].default}": model for model in _LIMITS},
}


def _sentence(error: ValidationError) -> str:
    """First problem of a recipe as one sentence that names the key and what is allowed."""
    problem = error.errors(include_url=False)[0]
    # Pydantic puts the chosen kind of a union and the alternatives tried into the place: people wrote neither.
    place = [str(part) for part in problem["loc"]]
    parents = ".".join(place[-3:-1]) if "limits" in place[:-1] else ".".join(place[:-1])
    kinds = {str(model.model_fields["kind"].default) for model in (*_STRETCHES, *_LIMITS)}
    shown = [part for index, part in enumerate(place) if index == 0 or part not in kinds]
    shown = [part for part in shown if not part.startswith(("literal", "tuple"))]
    key = ".".join(shown) or "recipe"
    if problem["type"] == "extra_forbidden":
        allowed = ", ".join(_MODELS[parents].model_fields) if parents in _MODELS else "others"
        return f"The recipe has no key '{key}': allowed are {allowed}."
    if problem["type"] in ("union_tag_invalid", "union_tag_not_found"):
        allowed = str(problem.get("ctx", {}).get("expected_tags", "")).replace("'", "") or ", ".join(
            str(model.model_fields["kind"].default) for model in (_LIMITS if "limits" in place else _STRETCHES)
        )
        return f"The recipe's '{key}' needs a kind that is one of {allowed}."
    text = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
    value = problem["input"]
    given = f" (given {value!r})" if isinstance(value, str | int | float | bool) and repr(value) not in text else ""
    return f"The recipe's '{key}' is wrong: {text}{given}."
