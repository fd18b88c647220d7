"""Recipes: how source images become tensors of one shape, declared in YAML and applied alike to every image."""

from lse.images.recipe.apply import (
    PreparedImage,
    RejectedImageError,
    StretchedImage,
    cut_out,
    prepare_image,
    render,
    selected_channels,
    selected_names,
    stretch_image,
)
from lse.images.recipe.background import Background
from lse.images.recipe.limits import FixedLimits, Limits, MinmaxLimits, PercentileLimits, SigmaLimits, ZscaleLimits
from lse.images.recipe.recipe import MaskPolicy, NanPolicy, Recipe, load_recipe
from lse.images.recipe.stretches import Asinh, Each, Linear, Log, Percentile, Sqrt, Stretch, Zscale
from lse.images.recipe.suggestion import suggest_recipe, suggestion_reasons

__all__ = [
    "Asinh",
    "Background",
    "Each",
    "FixedLimits",
    "Limits",
    "Linear",
    "Log",
    "MaskPolicy",
    "MinmaxLimits",
    "NanPolicy",
    "Percentile",
    "PercentileLimits",
    "PreparedImage",
    "Recipe",
    "RejectedImageError",
    "SigmaLimits",
    "Sqrt",
    "Stretch",
    "StretchedImage",
    "Zscale",
    "ZscaleLimits",
    "cut_out",
    "load_recipe",
    "prepare_image",
    "render",
    "selected_channels",
    "selected_names",
    "stretch_image",
    "suggest_recipe",
    "suggestion_reasons",
]
