"""The recipe: everything that happens between a file and its tensor, declared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from lse.errors import InvalidArgumentError
from lse.images.formats.source_image import Extensions
from lse.images.recipe.background import Background, kind_from_name
from lse.images.recipe.stretches import Each, Linear, Stretch
from lse.validation import all_faults
from lse.yaml_text import fault_of_yaml, load_yaml

__all__ = ["BandFiles", "MaskPolicy", "NanPolicy", "Recipe", "load_recipe"]


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


class MaskPolicy(BaseModel):
    """Which pixels an extension of the file calls bad; they count as missing.

    Attributes
    ----------
    hdu
        Number or name of the extension, such as ``DQ``.
    bits
        Numbers of the flags that count, the lowest bit is 0; not given: every value that is not zero.
    bad
        Whether a pixel is bad where the mask (or any of its flags) is ``nonzero``, or where it is ``zero``, as in
        weights.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    hdu: int | str
    bits: tuple[Annotated[int, Field(ge=0, le=62)], ...] | None = None
    bad: Literal["nonzero", "zero"] = "nonzero"


class BandFiles(BaseModel):
    """Bands of an object that are files of their own; they become the channels of one image.

    Attributes
    ----------
    pattern
        How the path of such a file ends, with ``{object}`` and ``{band}``: ``{object}_{band}.fits``, or
        ``{object}/{band}.fits`` for a folder an object; ``*`` is any text.
    bands
        The bands in the wanted order.  Not given: all that are found, by wavelength.  An object that lacks one is
        rejected.
    reproject
        Method of the library `reproject` by which bands on different grids of pixels are brought onto one: ``interp``,
        ``adaptive`` or ``exact``; values are kept as surface brightness.  Not given: such an object is rejected.
    onto
        Band whose grid it is; not given: the first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    pattern: str = Field(max_length=500)
    bands: tuple[str, ...] = Field(default=(), max_length=16)
    reproject: Literal["interp", "adaptive", "exact"] | None = None
    onto: str = Field(default="", max_length=100)

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.onto and self.bands and self.onto not in self.bands:
            msg = f"onto: {self.onto!r} is not one of the bands {', '.join(self.bands)}"
            raise ValueError(msg)
        if self.onto and self.reproject is None:
            msg = "onto needs a method: reproject: interp, adaptive or exact"
            raise ValueError(msg)
        return self

    @field_validator("pattern")
    @classmethod
    def _both(cls, value: str) -> str:
        if value.count("{object}") != 1 or value.count("{band}") != 1:
            msg = "give {object} and {band} once each, such as '{object}_{band}.fits'"
            raise ValueError(msg)
        return value


def _bands_from_pattern(value: object) -> object:
    """``{object}_{band}.fits`` alone is short for ``{pattern: ...}``."""
    return {"pattern": value} if isinstance(value, str) else value


def _mask_from_name(value: object) -> object:
    """``DQ`` alone is short for ``{hdu: DQ}``."""
    return {"hdu": value} if isinstance(value, str | int) and not isinstance(value, bool) else value


class Recipe(BaseModel):
    """How every image of a dataset is prepared, in the order of the fields.

    Attributes
    ----------
    band_files
        Files that are bands of one image.  Not given: every file is an image.
    cutout
        Side in pixels of squares that are cut out of mosaics (FITS images with a position on the sky) at the positions
        of the catalogue; its rows are then the images.
    hdu
        Which image of a FITS file: its number, its name (``SCI``; ``SCI,2`` for its second version) or a pattern of
        names (``BAND_*``); a list gives a channel for each.  Not given: the first that is not a mask, error, weight or
        the like, or all where these are bands.
    mask
        Extension that marks bad pixels.
    channels
        ``all``, ``grey`` (luminance of RGB, mean of other channels), ``rgb`` (grey images give three equal
        channels), or a list of channel names and numbers from 0, in the wanted order.
    crop
        Side in source pixels of the square that is cut out; smaller images are taken whole.
    centre
        What the square, also that of `fit`, is cut out around: the middle of the ``image``, or the ``source`` nearest
        to it (the middle where there is none); it stays within the image.
    fit
        How what is not square becomes square: ``crop`` the longer side, ``pad`` the shorter, or ``squeeze``.
    background
        What is taken from the values of each channel first: nothing, the ``median`` of the sky, or a ``plane``.
    size
        Side of the output in pixels, resampled with antialiasing (area-weighted bilinear), missing pixels left out.
    nan
        Missing pixels.
    stretch
        Limits and curve, for each image by itself; a list has one for each channel.
    normalisation
        ``unit`` clips to 0 to 1; ``none`` leaves values beyond the limits; ``minmax`` takes each image to exactly 0 to
        1; ``standard`` to mean 0 and standard deviation 1, over all channels.
    thumbnail
        Side of the thumbnails in pixels.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    band_files: Annotated[BandFiles | None, BeforeValidator(_bands_from_pattern)] = None
    cutout: int | None = Field(default=None, ge=2, le=4096)
    hdu: int | str | tuple[int | str, ...] | None = None
    mask: Annotated[MaskPolicy | None, BeforeValidator(_mask_from_name)] = None
    channels: Literal["all", "grey", "rgb"] | tuple[int | str, ...] = "all"
    crop: int | None = Field(default=None, ge=2, le=100_000)
    centre: Literal["image", "source"] = "image"
    fit: Literal["crop", "pad", "squeeze"] = "crop"
    background: Annotated[Background, BeforeValidator(kind_from_name)] = Background()
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

    @model_validator(mode="after")
    def _a_stretch_for_each(self) -> Self:
        stretched = len(self.stretch.channels) if isinstance(self.stretch, Each) else self.channel_count
        if self.channel_count not in (None, stretched):
            msg = f"stretch: {stretched} are listed for {self.channel_count} channels"
            raise ValueError(msg)
        return self

    @property
    def extensions(self) -> Extensions:
        """Which images of a file are wanted."""
        hdu = () if self.hdu is None else self.hdu if isinstance(self.hdu, tuple) else (self.hdu,)
        if self.mask is None:
            return Extensions(images=hdu)
        bits = None if self.mask.bits is None else sum(1 << bit for bit in set(self.mask.bits))
        return Extensions(images=hdu, mask=self.mask.hdu, bits=bits, bad=self.mask.bad)

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
        ``RECIPE_INVALID``, with the key at fault and what is allowed there.
    """
    if isinstance(source, str):
        try:
            source = load_yaml(source)
        except yaml.YAMLError as error:
            message = f"The recipe is not valid YAML: {fault_of_yaml(error)}."
            raise InvalidArgumentError(message, reason="RECIPE_INVALID") from error
    if source is None:
        return Recipe()
    if not isinstance(source, Mapping):
        message = f"A recipe is a mapping of keys to values, such as 'size: 64', and not a {type(source).__name__}."
        raise InvalidArgumentError(message, reason="RECIPE_INVALID")
    try:
        return Recipe.model_validate(dict(source))
    except ValidationError as error:
        raise all_faults(
            error, Recipe.model_json_schema(), what="key", of="of the recipe", reason="RECIPE_INVALID"
        ) from error
