"""The demo survey through its public door."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st

from lse.demo.cutouts import CLASSES, class_of
from lse.demo.survey import SurveySummary, simulate_survey
from lse.errors import (
    CancelledError,
    FailedPreconditionError,
    InvalidArgumentError,
    ResourceExhaustedError,
)
from lse.progress import Progress

COUNT = 40


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> SurveySummary:
    return simulate_survey(tmp_path_factory.mktemp("demo") / "survey", count=COUNT)


@pytest.fixture(scope="module")
def catalogue(survey: SurveySummary) -> pd.DataFrame:
    return pd.read_csv(survey.catalogue)


def test_every_file_is_one_row_and_every_class_is_there(survey: SurveySummary, catalogue: pd.DataFrame) -> None:
    files = sorted(f"images/{path.name}" for path in (survey.folder / "images").iterdir())
    assert list(catalogue["path"]) == files
    assert len(files) == COUNT
    assert catalogue["class"].value_counts().to_dict() == dict(survey.classes)
    assert set(survey.classes) == set(CLASSES)
    assert min(survey.classes.values()) >= 1
    assert len(set(survey.classes.values())) > 3
    assert catalogue["simulated"].all()
    assert not survey.reused


def test_every_image_says_what_it_is(survey: SurveySummary, catalogue: pd.DataFrame) -> None:
    for row in catalogue.itertuples():
        with fits.open(survey.folder / str(row.path)) as hdus:
            hdus.verify("exception")
            header, pixels = hdus[0].header, hdus[0].data
        assert header["SIMULATE"] is True
        assert header["ORIGIN"] == "simulated"
        assert (header["BANDS"], header["BAND1"], header["BAND2"]) == ("gr", "g", "r")
        assert pixels.shape == (2, 64, 64)
        assert pixels.dtype == np.dtype(">f4")
        assert header["PSFFWHM1"] == pytest.approx(row.psf_fwhm_g_arcsec, abs=1e-3)


def test_the_catalogue_points_at_the_middle_of_each_image(survey: SurveySummary, catalogue: pd.DataFrame) -> None:
    for row in catalogue.itertuples():
        wcs = WCS(fits.getheader(survey.folder / str(row.path))).celestial
        assert [str(axis) for axis in wcs.wcs.ctype] == ["RA---TAN", "DEC--TAN"]
        x, y = wcs.world_to_pixel_values(row.ra_deg, row.dec_deg)
        assert abs(x - 32) <= 0.51
        assert abs(y - 32) <= 0.51
        assert np.allclose(wcs.proj_plane_pixel_scales()[0].to_value("arcsec"), 0.2)
        # North is up and east is left.
        assert wcs.pixel_to_world_values(x, y + 1)[1] > row.dec_deg
        assert wcs.pixel_to_world_values(x + 1, y)[0] < row.ra_deg
    sky = SkyCoord(catalogue["ra_deg"], catalogue["dec_deg"], unit="deg")
    _, nearest, _ = sky.match_to_catalog_sky(sky, nthneighbor=2)
    assert nearest.to_value("arcsec").min() > 64 * 0.2


def test_only_pixels_beyond_a_chip_are_missing(survey: SurveySummary, catalogue: pd.DataFrame) -> None:
    missing = {str(row.path): np.isnan(fits.getdata(survey.folder / str(row.path))) for row in catalogue.itertuples()}
    for path, kind in zip(catalogue["path"], catalogue["class"], strict=True):
        assert missing[path].any() == (kind == "chip_edge")
        assert not missing[path].all()


def test_only_saturated_stars_fill_their_pixels(survey: SurveySummary, catalogue: pd.DataFrame) -> None:
    for row, kind in zip(catalogue.itertuples(), catalogue["class"], strict=True):
        with fits.open(survey.folder / str(row.path)) as hdus:
            levels = [hdus[0].header[f"SATUR{plane}"] for plane in (1, 2)]
            fills = np.nanmax(hdus[0].data, axis=(1, 2)) > 0.98 * np.array(levels)
        assert fills.any() == (kind == "saturated_star")


def test_truth_describes_the_class(catalogue: pd.DataFrame) -> None:
    by_class = catalogue.set_index("class")
    assert by_class.loc[["arc"], "einstein_radius_arcsec"].notna().all()
    assert by_class.drop("arc")["einstein_radius_arcsec"].isna().all()
    assert by_class.loc[["edge_on"], "inclination_deg"].min() > 80
    assert by_class.loc[["star", "saturated_star"], "redshift"].isna().all()
    colour = catalogue["g_mag"] - catalogue["r_mag"]
    assert colour[catalogue["class"] == "elliptical"].median() > colour[catalogue["class"] == "spiral"].median()
    assert (catalogue["snr"] > 5).all()


def test_the_same_seed_gives_the_same_bytes_whatever_the_count(survey: SurveySummary, tmp_path: Path) -> None:
    again = simulate_survey(tmp_path / "again", count=12)
    for path in sorted((again.folder / "images").iterdir()):
        assert path.read_bytes() == (survey.folder / "images" / path.name).read_bytes()
    rows = again.catalogue.read_text().splitlines()
    assert rows == survey.catalogue.read_text().splitlines()[: len(rows)]
    other = simulate_survey(tmp_path / "other", count=1, seed=2)
    name = "images/sim-000000.fits"
    assert (other.folder / name).read_bytes() != (survey.folder / name).read_bytes()


@given(seed=st.integers(0, 2**32 - 1), block=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_every_forty_objects_hold_the_same_mix(seed: int, block: int) -> None:
    kinds = [class_of(seed, index) for index in range(40 * block, 40 * block + 40)]
    reference = [class_of(1, index) for index in range(40)]
    assert sorted(kinds) == sorted(reference)


@pytest.mark.parametrize("size", [32, 256])
def test_other_sizes(tmp_path: Path, size: int) -> None:
    survey = simulate_survey(tmp_path / "survey", count=3, size=size)
    assert fits.getdata(survey.folder / "images" / "sim-000002.fits").shape == (2, size, size)


def test_a_complete_survey_is_reused(survey: SurveySummary) -> None:
    def unexpected(progress: Progress) -> None:
        pytest.fail("nothing was to be simulated")

    again = simulate_survey(survey.folder, count=COUNT, progress=unexpected)
    assert again.reused
    assert again.classes == survey.classes


def test_a_survey_of_other_parameters_is_left_alone(survey: SurveySummary) -> None:
    with pytest.raises(FailedPreconditionError, match=r"another simulated survey \(seed 1 instead of 2\)"):
        simulate_survey(survey.folder, count=COUNT, seed=2)
    assert simulate_survey(survey.folder, count=COUNT).reused


def test_a_survey_that_lost_files_is_not_reused(survey: SurveySummary, tmp_path: Path) -> None:
    shutil.copytree(survey.folder, tmp_path / "copy")
    next((tmp_path / "copy" / "images").iterdir()).unlink()
    with pytest.raises(FailedPreconditionError, match="has lost files"):
        simulate_survey(tmp_path / "copy", count=COUNT)
    (tmp_path / "copy" / "survey.json").write_text("{")
    with pytest.raises(FailedPreconditionError, match="cannot be read"):
        simulate_survey(tmp_path / "copy", count=COUNT)


def test_progress_counts_every_image(tmp_path: Path) -> None:
    told: list[Progress] = []
    simulate_survey(tmp_path / "survey", count=3, progress=told.append)
    assert [(moment.done, moment.total, moment.unit) for moment in told] == [(i, 3, "images") for i in (1, 2, 3)]


def test_cancelling_leaves_nothing_behind(tmp_path: Path) -> None:
    answers = iter([False, False, True])
    with pytest.raises(CancelledError):
        simulate_survey(tmp_path / "survey", count=5, should_stop=lambda: next(answers))
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "survey").mkdir()
    assert simulate_survey(tmp_path / "survey", count=1).count == 1


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(FailedPreconditionError, match="is not a simulated survey"):
        simulate_survey(tmp_path, count=1)
    with pytest.raises(FailedPreconditionError, match="is not a simulated survey"):
        simulate_survey(tmp_path / "mine.txt", count=1)
    with pytest.raises(FailedPreconditionError, match="cannot be written"):
        simulate_survey(tmp_path / "mine.txt" / "below", count=1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    "wrong", [{"count": 0}, {"count": 2_000_000}, {"size": 31}, {"size": 64.0}, {"seed": -1}, {"count": True}]
)
def test_wrong_parameters_are_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidArgumentError, match=rf"The {next(iter(wrong))} of a simulated survey must be") as caught:
        simulate_survey(tmp_path / "survey", **wrong)
    assert caught.value.reason == "PARAMETER_INVALID"
    assert list(tmp_path.iterdir()) == []


def _start(folder: Path, before: str = "") -> subprocess.Popen[str]:
    program = (
        f"{before}\nfrom pathlib import Path\nfrom lse.demo.survey import simulate_survey\n"
        f"try:\n    simulate_survey(Path({str(folder)!r}), count=4000)\n"
        "except Exception as error:\n    print(type(error).__name__, error)\n"
    )
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)


def test_a_killed_run_leaves_nothing_that_reads_as_done(tmp_path: Path) -> None:
    folder, partial = tmp_path / "survey", tmp_path / ".survey.partial"
    process = _start(folder)
    try:
        deadline = time.monotonic() + 120
        while not (partial / "images" / "sim-000003.fits").exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        with pytest.raises(FailedPreconditionError, match="Another process"):
            simulate_survey(folder, count=2)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert not folder.exists()
    assert partial.exists()
    survey = simulate_survey(folder, count=2)
    assert sorted(path.name for path in (folder / "images").iterdir()) == ["sim-000000.fits", "sim-000001.fits"]
    assert json.loads((folder / "survey.json").read_text())["simulated"] is True
    assert sum(survey.classes.values()) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["survey"]


def test_a_full_disk_is_told_and_nothing_stays(tmp_path: Path) -> None:
    # A limit on the size of a file fails the same writes as a full disk, in a process of its own.
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))"
    output, _ = _start(tmp_path / "survey", limit).communicate(timeout=120)
    assert output.startswith(ResourceExhaustedError.__name__)
    assert "full" in output
    assert list(tmp_path.iterdir()) == []
