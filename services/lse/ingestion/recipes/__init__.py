"""Recipes: how source images become tensors of one shape, declared in YAML and applied alike to every image."""

from lse.ingestion.recipes.limits import FixedLimits, Limits, MinmaxLimits, PercentileLimits, ZscaleLimits
from lse.ingestion.recipes.preparation import PreparedImage, RejectedImageError, prepare_image, render
from lse.ingestion.recipes.recipe import NanPolicy, Recipe, load_recipe
from lse.ingestion.recipes.stretches import Asinh, Linear, Log, Percentile, Sqrt, Stretch, Zscale
from lse.ingestion.recipes.suggestion import suggest_recipe

__all__ = [
    "Asinh",
    "FixedLimits",
    "Limits",
    "Linear",
    "Log",
    "MinmaxLimits",
    "NanPolicy",
    "Percentile",
    "PercentileLimits",
    "PreparedImage",
    "Recipe",
    "RejectedImageError",
    "Sqrt",
    "Stretch",
    "Zscale",
    "ZscaleLimits",
    "load_recipe",
    "prepare_image",
    "render",
    "suggest_recipe",
]
