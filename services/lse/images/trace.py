"""One image through every step of its preparation, with figures and pictures, so that wrong pixels can be found."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lse.images.file_preparation import Prepared, Rejected, prepared_image, read_source, rejection
from lse.images.formats import MetadataValue, ReadLimits, SourceImage
from lse.images.recipe import (
    Recipe,
    StretchedImage,
    cut_out,
    load_recipe,
    selected_channels,
    selected_names,
    stretch_image,
)
from lse.images.sheets import WARM, Row, Sheet, Tile, draw_sheet, shrunk
from lse.images.sources import Source, printable_path

__all__ = ["Step", "Trace", "compared", "drawn_trace", "trace_file", "tried_recipe"]

_MOST_TILES = 6
_SKY = ("ra_deg", "dec_deg", "pixel_scale_arcsec", "orientation_deg", "mirrored")
# What the reader says of the pixels; the cards of the header are metadata of the image and change no pixel.
_READ = (
    *("format", "hdu", "bands", "not_read", "mask", "masked_fraction", "bit_depth", "floating", "frames"),
    *("mosaic", "mosaic_x", "mosaic_y", "outside_fraction", "reader_notes", "sky_note", *_SKY),
)


@dataclass(frozen=True)
class Step:
    """What a step of the preparation makes of an image.

    Attributes
    ----------
    name
        ``file``, ``image``, ``channels``, ``crop``, ``background``, ``limits``, ``size``, ``missing``, ``stretch`` or
        ``tensor``.
    summary
        What it does, in a few words.
    facts
        Figures: of the pixels ``dtype``, ``shape`` (channels x height x width), ``minimum``, ``maximum`` and
        ``missing_fraction`` after the step, for each channel where there are several.
    tiles
        The channels after the step, those beyond the sixth left out; missing pixels are orange.
    """

    name: str
    summary: str
    facts: Mapping[str, MetadataValue]
    tiles: tuple[Tile, ...] = ()


@dataclass(frozen=True)
class Trace:
    """An image through its preparation; after the step at which it is rejected there is none.

    Attributes
    ----------
    steps
        In their order.
    outcome
        What `lse.images.file_preparation.prepare_file` makes of the source.
    """

    steps: tuple[Step, ...]
    outcome: Prepared | Rejected


def trace_file(
    source: Source,
    recipe: Recipe,
    *,
    channels: int | None = None,
    limits: ReadLimits | None = None,
    roots: Sequence[Path] = (),
    pictures: bool = True,
) -> Trace:
    """Prepare one file as `lse.images.file_preparation.prepare_file` does, and keep what each step gives.

    Parameters
    ----------
    source, recipe, channels, limits, roots
        As for `prepare_file`.
    pictures
        Whether the steps have tiles beside their figures.
    """
    steps = [Step("file", "", _file_facts(source))]
    try:
        for step in _steps(read_source(source, recipe, limits=limits, roots=roots), source, recipe, channels):
            if isinstance(step, Prepared):
                return Trace(tuple(steps), step)
            steps.append(step if pictures else replace(step, tiles=()))
    except Exception as error:  # noqa: BLE001  # whatever the file holds, the steps before are what is asked for
        return Trace(tuple(steps), rejection(source, error))
    raise AssertionError  # the last of the steps is the prepared image


def tried_recipe(text: str, *, of: str) -> Recipe:
    """Recipe to try on an image that was prepared by another one, or that other one where none is given.

    What says how images are found in their files (`band_files`, `cutout`) remains.

    Raises
    ------
    InvalidArgumentError
        ``RECIPE_INVALID``.
    """
    own = load_recipe(of)
    if not text:
        return own
    return load_recipe(text).model_copy(update={"band_files": own.band_files, "cutout": own.cutout})


def compared(trace: Trace, stored: NDArray[np.float32] | None, line: Mapping[str, Any]) -> Step:
    """Last step: what the dataset has of the image beside what is made of it now.

    Parameters
    ----------
    trace
        What is made of it now.
    stored
        Tensor (C, size, size) of the dataset; None of a rejected input.
    line
        Its line in the image table.
    """
    facts: dict[str, MetadataValue] = {"row": line["row"], "status": line["status"]}
    if stored is None:
        facts |= {"reason": line["reason"], "message": line["message"]}
    outcome = trace.outcome
    if stored is None or isinstance(outcome, Rejected):
        same = (stored is None) == isinstance(outcome, Rejected)
        return Step("dataset", "the same" if same else "differs", facts)
    tensor = outcome.image.tensor
    if tensor.shape != stored.shape:
        shapes = (" x ".join(map(str, each.shape)) for each in (stored, tensor))
        return Step("dataset", "differs: {} and now {}".format(*shapes), facts)
    difference = float(np.abs(tensor.astype(np.float64) - stored).max())
    return Step("dataset", "differs" if difference else "the same", {**facts, "largest_difference": difference})


def drawn_trace(trace: Trace, title: str) -> bytes:
    """Picture of a trace, PNG: a row of channels for each step that has pixels."""
    rows = tuple(Row(step.tiles, step.name, step.summary) for step in trace.steps if step.tiles)
    outcome = trace.outcome
    subtitle = outcome.message if isinstance(outcome, Rejected) else "Missing pixels are orange."
    if not rows:
        rows = (Row((Tile(np.full((1, 1, 3), 255, np.uint8)),), "no pixels"),)
    return draw_sheet(Sheet(title=title, subtitle=subtitle, rows=rows))


def _steps(image: SourceImage, source: Source, recipe: Recipe, channels: int | None) -> Iterator[Step | Prepared]:
    unit = image.units.get("pixels", "")
    known = {key: value for key, value in image.metadata.items() if key in _READ or key.startswith("footprint")}
    summary = " ".join(str(known[key]) for key in ("format", "mosaic") if key in known)
    yield _step("image", summary, image.pixels, image.channels, {**known, **({"unit": unit} if unit else {})})
    selected = selected_channels(image, recipe)
    wanted = recipe.channels if isinstance(recipe.channels, str) else ", ".join(map(str, recipe.channels))
    names = selected_names(image, recipe, len(selected))
    yield _step("channels", wanted, selected, names, {"channels": ", ".join(names)})
    pixels, left, top = cut_out(selected, recipe)
    height, width = pixels.shape[1:]
    middle = left + (width + 1) / 2, image.pixels.shape[1] + 1 - (top + (height + 1) / 2)
    place: dict[str, MetadataValue] = {"left": left, "top": top, "width": width, "height": height}
    sky = image.sky.at(*middle) if image.sky is not None else {}
    yield _step(
        "crop",
        f"{width} x {height} pixels around the middle of the {recipe.centre}, fit: {recipe.fit}",
        pixels,
        names,
        {**place, **sky},
    )
    if recipe.background.kind != "none":
        pixels, levels = recipe.background.taken_from(pixels)
        ends = [f".{name}" if len(names) > 1 else "" for name in names]
        taken = {f"level{end}": level for end, level in zip(ends, levels, strict=True)}
        yield _step("background", recipe.background.kind, pixels, names, {"sigma": recipe.background.sigma, **taken})
    stretched = stretch_image(image, recipe)
    yield _limits_step(stretched, pixels, names)
    yield from _drawn_steps(stretched, names)
    prepared = prepared_image(source, image, stretched, channels=channels)
    tensor = prepared.image.tensor
    clipped: dict[str, MetadataValue] = {
        "normalisation": recipe.normalisation,
        "clipped_low_fraction": prepared.image.clipped_low_fraction,
        "clipped_high_fraction": prepared.image.clipped_high_fraction,
        "mean": float(tensor.mean()),
        "standard_deviation": float(tensor.std()),
    }
    yield _step("tensor", f"normalisation: {recipe.normalisation}", tensor, names, clipped)
    yield prepared


def _file_facts(source: Source) -> dict[str, MetadataValue]:
    facts: dict[str, MetadataValue] = {"path": source.called or printable_path(source.path)}
    if source.member:
        facts["member"] = source.member
    if source.bands:
        facts["bands"] = ", ".join("missing" if path is None else printable_path(path) for path in source.bands)
    if source.position is not None:
        facts |= dict(zip(("ra_deg", "dec_deg"), source.position, strict=True))
    with contextlib.suppress(OSError):  # why it cannot be read is what the trace ends with
        facts["bytes"] = source.path.stat().st_size
    return facts


def _limits_step(stretched: StretchedImage, pixels: NDArray[np.floating], names: Sequence[str]) -> Step:
    """Limits in the units of the file, and which share of the valid pixels of the source lies beyond them."""
    stretch = stretched.recipe.stretch
    kinds = dict.fromkeys(stretch.of(channel).limit_finder.kind for channel in range(len(names)))
    facts: dict[str, MetadataValue] = {"limits": ", ".join(kinds), "jointly": stretch.jointly}
    shared = len(stretched.low) < len(names)
    words = []
    for channel, name in enumerate(names):
        low, high = (limits[0 if shared else channel] for limits in (stretched.low, stretched.high))
        valid = pixels[channel][np.isfinite(pixels[channel])]
        end = f".{name}" if len(names) > 1 else ""
        facts |= {f"low{end}": low, f"high{end}": high}
        facts |= {
            f"below_fraction{end}": float((valid < low).mean()),
            f"above_fraction{end}": float((valid > high).mean()),
        }
        words.append(f"{low:.5g} to {high:.5g}")
    facts["limits_widened"] = stretched.limits_widened
    summary = words[0] if len(set(words)) == 1 else "for each channel"
    return _step("limits", summary, stretched.scaled, names, facts)


def _drawn_steps(stretched: StretchedImage, names: Sequence[str]) -> Iterator[Step]:
    """Resampled, filled, and along the curve: what the tensor is clipped and normalised from."""
    recipe, size = stretched.recipe, stretched.recipe.size
    resampled = stretched.resampled(size)
    sampling = size / max(stretched.used_width, stretched.used_height)
    facts: dict[str, MetadataValue] = {"sampling": sampling, "padded_fraction": stretched.padded_fraction}
    yield _step("size", f"{size} x {size} pixels", resampled, names, facts)
    whole = stretched.at_size(size).astype(np.float64)  # as the tensor is computed
    facts = {
        "policy": recipe.nan.policy,
        "source_missing_fraction": stretched.nan_fraction,
        "filled_fraction": float(np.isnan(resampled).mean()),
    }
    for channel, fill in enumerate(stretched.fills):
        low, high = (limits[min(channel, len(limits) - 1)] for limits in (stretched.low, stretched.high))
        end = f".{names[channel]}" if len(names) > 1 else ""
        facts[f"fill_value{end}"] = low + fill * (high - low)
    yield _step("missing", f"nan: {recipe.nan.policy}", whole, names, facts)
    curve = recipe.stretch.curve(whole)
    each = [recipe.stretch.of(channel) for channel in range(len(names))]
    own: dict[str, MetadataValue] = {"stretch": ", ".join(dict.fromkeys(stretch.kind for stretch in each))}
    for place, stretch in enumerate(each if len(set(each)) > 1 else each[:1]):
        end = f".{names[place]}" if len(set(each)) > 1 else ""
        own |= {f"stretch.{key}{end}": value for key, value in stretch.model_dump().items() if type(value) is float}
    yield _step("stretch", str(own["stretch"]), curve, names, own)


def _step(
    name: str,
    summary: str,
    pixels: NDArray[np.floating],
    channels: Sequence[str],
    facts: Mapping[str, MetadataValue],
) -> Step:
    """A step that leaves pixels (C, H, W), with their figures and pictures."""
    own: dict[str, MetadataValue] = {
        "dtype": str(pixels.dtype),
        "shape": " x ".join(map(str, pixels.shape)),
        "missing_fraction": float(np.isnan(pixels).mean()),
    }
    tiles: list[Tile] = []
    for channel, values in zip(channels, pixels, strict=True):
        valid = values[np.isfinite(values)]
        words = "no valid pixel"
        if valid.size:
            least, greatest = float(valid.min()), float(valid.max())
            end = f".{channel}" if len(channels) > 1 else ""
            own |= {f"minimum{end}": least, f"maximum{end}": greatest}
            words = f"{least:.4g} to {greatest:.4g}"
        if len(tiles) < _MOST_TILES:
            tiles.append(Tile(_grey(values, valid), f"{channel}: {words}" if len(channels) > 1 else words))
    return Step(name, summary, {**own, **facts}, tuple(tiles))


def _grey(values: NDArray[np.floating], valid: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Picture (H, W, 3) from the least value, black, to the greatest, white."""
    least, greatest = (float(valid.min()) / 2, float(valid.max()) / 2) if valid.size else (0.0, 0.0)
    with np.errstate(invalid="ignore"):
        level = (values.astype(np.float64) / 2 - least) / ((greatest - least) or 1)
    grey = np.rint(255 * np.nan_to_num(level).clip(0, 1)).astype(np.uint8)
    picture = np.repeat(grey[..., np.newaxis], 3, axis=2)
    picture[~np.isfinite(values)] = WARM
    return shrunk(picture)
