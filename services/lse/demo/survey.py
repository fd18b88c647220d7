"""The demo survey: a folder of simulated FITS images with a catalogue of the truth."""

from __future__ import annotations

import csv
import errno
import fcntl
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lse.demo.canvas import BANDS, PIXEL_SCALE
from lse.demo.cutouts import CLASSES, Cutout, simulate_cutout, write_cutout
from lse.errors import (
    CancelledError,
    FailedPreconditionError,
    InvalidArgumentError,
    LseError,
    PermissionDeniedError,
    ResourceExhaustedError,
)
from lse.progress import Progress, ProgressCallback, ShouldStop

__all__ = ["SurveySummary", "simulate_survey"]

_VERSION = 1  # of the simulator: raised whenever the same parameters give other images
_LIMITS = {"count": (1, 1_000_000), "seed": (0, 2**32 - 1), "size": (32, 256)}


@dataclass(frozen=True)
class SurveySummary:
    """What lies in a simulated survey's folder.

    Attributes
    ----------
    folder
        Holds ``images/``, ``catalogue.csv`` and ``survey.json``.
    catalogue
        Table of the truth, one row an image; its column ``path`` is relative to `folder`.
    count, seed, size
        Number of images, seed, and side of an image in pixels.
    classes
        Number of images a class.
    reused
        Whether a complete survey was already there.
    """

    folder: Path
    catalogue: Path
    count: int
    seed: int
    size: int
    classes: Mapping[str, int]
    reused: bool


def simulate_survey(
    folder: Path,
    *,
    count: int = 2000,
    seed: int = 1,
    size: int = 64,
    progress: ProgressCallback | None = None,
    should_stop: ShouldStop | None = None,
) -> SurveySummary:
    """Simulate a survey into a folder, or find it there complete.

    The same parameters give the same files byte for byte, and image number i does not depend on `count`. Everything
    is written beside the folder as ``.NAME.partial`` and renamed when complete, so that a folder of that name is
    always whole; what a killed run left is cleared by the next one.

    Parameters
    ----------
    folder
        Where the survey is to be: absent, empty, or holding the same survey.
    count
        Number of images, 1 to 1,000,000; from 40 on every class is among them.
    seed
        Seed, 0 to 2³² − 1.
    size
        Side of an image, 32 to 256 pixels of 0.2 arcsec.
    progress
        Told after each image.
    should_stop
        Asked before each image; when it says yes, nothing is left behind.

    Returns
    -------
    SurveySummary

    Raises
    ------
    InvalidArgumentError
        A parameter is out of range.
    FailedPreconditionError
        The folder holds something else, or another process is simulating into it.
    ResourceExhaustedError, PermissionDeniedError
        The disk is full; the place may not be written.
    CancelledError
        `should_stop` said yes.
    """
    for name, value in {"count": count, "seed": seed, "size": size}.items():
        low, high = _LIMITS[name]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            message = f"The {name} of a simulated survey must be a whole number from {low} to {high}, not {value!r}."
            raise InvalidArgumentError(message, reason="PARAMETER_INVALID", parameter=name, value=value)
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - keeps a link a link, as the rename would see it
    identity: dict[str, object] = {
        "simulated": True,
        "version": _VERSION,
        "count": count,
        "seed": seed,
        "size": size,
        "bands": list(BANDS),
        "pixel_scale_arcsec": PIXEL_SCALE,
    }
    try:
        classes = _found(folder, identity)
        reused = classes is not None
        if classes is None:
            with _partial(folder) as partial:
                classes = _write(partial, identity, progress, should_stop)
                if folder.exists():
                    folder.rmdir()
                partial.rename(folder)
    except OSError as error:
        raise _explained(error, folder) from error
    return SurveySummary(folder, folder / "catalogue.csv", count, seed, size, classes, reused)


def _found(folder: Path, identity: Mapping[str, object]) -> dict[str, int] | None:
    """Classes of the complete survey in a folder, None where the folder is free."""
    if not folder.exists():
        return None
    if not folder.is_dir() or (any(folder.iterdir()) and not (folder / "survey.json").is_file()):
        message = f"{folder} holds something that is not a simulated survey: choose an empty or new folder."
        raise FailedPreconditionError(message, reason="FOLDER_IN_USE", folder=folder)
    if not (folder / "survey.json").is_file():
        return None
    try:
        found = json.loads((folder / "survey.json").read_text(encoding="utf-8"))
        classes = {str(kind): int(number) for kind, number in found["classes"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{folder / 'survey.json'} cannot be read: delete the folder and simulate again."
        raise FailedPreconditionError(message, reason="SURVEY_DAMAGED", folder=folder) from error
    differing = [key for key, value in identity.items() if found.get(key) != value]
    if differing:
        what = ", ".join(f"{key} {found.get(key)} instead of {identity[key]}" for key in differing)
        message = f"{folder} holds another simulated survey ({what}): choose another folder or delete this one."
        raise FailedPreconditionError(message, reason="SURVEY_MISMATCH", folder=folder)
    images = sum(entry.name.endswith(".fits") for entry in os.scandir(folder / "images"))
    if images != identity["count"] or not (folder / "catalogue.csv").is_file():
        message = f"{folder} has lost files of its simulated survey: delete the folder and simulate again."
        raise FailedPreconditionError(message, reason="SURVEY_DAMAGED", folder=folder)
    return classes


@contextmanager
def _partial(folder: Path) -> Iterator[Path]:
    """Empty folder beside the one to be made, for this process alone, removed unless renamed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f".{folder.name}.partial")
    partial.mkdir(exist_ok=True)
    # The system drops the lock with the process, so that a killed run blocks nobody.
    lock = os.open(partial, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            ours = os.fstat(lock).st_ino == partial.stat().st_ino
        except (BlockingIOError, FileNotFoundError):
            ours = False
        if not ours:
            message = f"Another process is simulating a survey into {folder}: wait for it, or choose another folder."
            raise FailedPreconditionError(message, reason="SURVEY_IN_PROGRESS", folder=folder)
        try:
            for left in partial.iterdir():
                if left.is_dir():
                    shutil.rmtree(left)
                else:
                    left.unlink()
            yield partial
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    finally:
        os.close(lock)


def _write(
    folder: Path, identity: Mapping[str, object], progress: ProgressCallback | None, should_stop: ShouldStop | None
) -> dict[str, int]:
    count, seed, size = (int(str(identity[name])) for name in ("count", "seed", "size"))
    (folder / "images").mkdir()
    classes = Counter(dict.fromkeys(CLASSES, 0))
    with (folder / "catalogue.csv").open("w", encoding="utf-8", newline="") as file:
        table: csv.DictWriter[str] | None = None
        for index in range(count):
            if should_stop is not None and should_stop():
                raise CancelledError("The simulation of the survey was cancelled; nothing was kept.")
            cutout = simulate_cutout(seed, index, size)
            path = f"images/{cutout.name}.fits"
            write_cutout(folder / path, cutout)
            row = _row(path, cutout)
            if table is None:
                table = csv.DictWriter(file, list(row), lineterminator="\n")
                table.writeheader()
            table.writerow(row)
            classes[cutout.kind] += 1
            if progress is not None:
                progress(Progress("simulating the demo survey", index + 1, count, "images"))
    summary = {**identity, "classes": dict(classes)}
    (folder / "survey.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return dict(classes)


def _row(path: str, cutout: Cutout) -> dict[str, str]:
    """Row of the catalogue; a quantity without meaning for the object is empty."""
    truth, conditions = cutout.truth, cutout.conditions

    def figure(value: float | None, digits: int) -> str:
        return "" if value is None else f"{value:.{digits}f}"

    return {
        "path": path,
        "class": cutout.kind,
        "ra_deg": figure(cutout.right_ascension, 7),
        "dec_deg": figure(cutout.declination, 7),
        "g_mag": figure(truth.g_mag, 3),
        "r_mag": figure(truth.r_mag, 3),
        "redshift": figure(truth.redshift, 4),
        "effective_radius_arcsec": figure(truth.effective_radius, 3),
        "sersic_index": figure(truth.sersic_index, 2),
        "bulge_fraction": figure(truth.bulge_fraction, 3),
        "axis_ratio": figure(truth.axis_ratio, 3),
        "position_angle_deg": figure(truth.position_angle, 1),
        "inclination_deg": figure(truth.inclination, 1),
        "einstein_radius_arcsec": figure(truth.einstein_radius, 3),
        "snr": figure(cutout.snr, 1),
        "neighbours": str(cutout.neighbours),
        "psf_fwhm_g_arcsec": figure(float(conditions.fwhm[0]), 3),
        "psf_fwhm_r_arcsec": figure(float(conditions.fwhm[1]), 3),
        "chip": str(cutout.chip),
        "chip_x": figure(cutout.chip_x, 2),
        "chip_y": figure(cutout.chip_y, 2),
        "simulated": "true",
    }


def _explained(error: OSError, folder: Path) -> LseError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        message = f"The disk of {folder} is full: free some space or choose another folder."
        return ResourceExhaustedError(message, reason="DISK_FULL", folder=folder)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        message = f"{folder} may not be written: choose a folder of your own."
        return PermissionDeniedError(message, reason="FOLDER_WRITE_NOT_ALLOWED", folder=folder)
    message = f"The survey cannot be written to {folder} ({error.strerror or error}): choose another folder."
    return FailedPreconditionError(message, reason="FOLDER_UNWRITABLE", folder=folder)
