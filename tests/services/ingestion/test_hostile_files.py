"""Files that are made to harm: each costs itself, and nothing that may not be read is."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from lse.client import Client
from lse.errors import CancelledError, InvalidArgumentError, LseError
from lse.images.sources import find_sources
from lse.platform.guarded.reading import Reading
from lse.services.ingestion.guarded_files import choose_recipe


def good(path: Path, seed: int = 0) -> None:
    fits.writeto(path, np.random.default_rng(seed).normal(size=(16, 16)).astype(np.float32))


def absurd_sip(path: Path) -> None:
    """A SIP polynomial that a library would walk for minutes."""
    header = fits.Header()
    for axis, (kind, value) in enumerate((("RA---TAN-SIP", 10.0), ("DEC--TAN-SIP", 5.0)), start=1):
        header.update({f"CTYPE{axis}": kind, f"CRVAL{axis}": value, f"CRPIX{axis}": 8.0, f"CDELT{axis}": 1e-3})
    header["A_ORDER"] = header["B_ORDER"] = 20_000
    fits.writeto(path, np.random.default_rng(9).normal(size=(16, 16)).astype(np.float32), header)


def test_each_costs_itself_and_has_a_row(client: Client, tmp_path: Path) -> None:
    folder, outside = tmp_path / "images", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    good(outside / "secret.fits")
    good(folder / "a.fits", 1)
    good(folder / "b.fits", 2)
    absurd_sip(folder / "sip.fits")
    (folder / "inside.fits").symlink_to(folder / "a.fits")
    (folder / "link.fits").symlink_to(outside / "secret.fits")
    (folder / "folder").symlink_to(outside)
    (folder / "broken.fits").symlink_to(outside / "absent.fits")
    (folder / "zero.fits").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.fits")
    (folder / "shape.fits").write_bytes(
        b"".join(
            f"{card:<80}".encode()
            for card in (
                "SIMPLE  =                    T",
                "BITPIX  =                  -64",
                "NAXIS   =                    2",
                "NAXIS1  =               100000",
                "NAXIS2  =               100000",
                "END",
            )
        ).ljust(2880)
    )
    dataset = client.datasets.ingest("hostile", folder, recipe={"size": 16}).wait()
    table = client.datasets.table("hostile").to_pydict()
    reasons = dict(zip(table["name"], table["reason"], strict=True))
    assert {name: reason for name, reason in reasons.items() if reason} == {
        "broken": "FILE_UNREADABLE",
        "folder": "FILE_OUTSIDE_NOT_ALLOWED",
        "link": "FILE_OUTSIDE_NOT_ALLOWED",
        "pipe": "FILE_UNSUPPORTED",
        "shape": "IMAGE_TOO_LARGE",
        "zero": "FILE_OUTSIDE_NOT_ALLOWED",
    }
    assert (dataset.prepared, dataset.rejected) == (4, 6)


def test_a_source_that_leads_elsewhere_is_what_was_named(client: Client, tmp_path: Path) -> None:
    """A person may name a link; what it leads to is then the folder."""
    (tmp_path / "real").mkdir()
    good(tmp_path / "real" / "a.fits", 1)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert client.datasets.ingest("named", tmp_path / "link", recipe={"size": 16}).wait().prepared == 1


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", "/etc/hosts"])
def test_an_error_quotes_nothing_of_a_file(client: Client, tmp_path: Path, path: str) -> None:
    (tmp_path / "images").mkdir()
    good(tmp_path / "images" / "a.fits")
    content = Path(path).read_text(errors="replace")
    words = {word for line in content.splitlines() for word in line.replace("\0", " ").split() if len(word) > 8}
    with pytest.raises(LseError) as caught:
        client.datasets.ingest("leak", tmp_path / "images", catalogue=path, recipe={"size": 16}).wait()
    assert not [word for word in words if word in str(caught.value) and word not in path]


def test_an_image_that_is_a_secret_is_not_quoted(client: Client, tmp_path: Path) -> None:
    (tmp_path / "key.fits").write_text("-----BEGIN PRIVATE KEY-----\nMIIEvSecretSecret\n")
    with pytest.raises(InvalidArgumentError) as caught:
        client.datasets.ingest("secret", tmp_path, recipe={"size": 16}).wait()
    assert "Secret" not in str(caught.value)
    assert "PRIVATE" not in str(caught.value)


def test_choosing_a_recipe_that_is_cancelled_ends_cancelled_after_an_unreadable_file(tmp_path: Path) -> None:
    (tmp_path / "a.fits").write_bytes(b"SIMPLE  = not really")
    good(tmp_path / "b.fits")
    asked = iter([False])
    reading = Reading(roots=("*",), seconds=60, memory_bytes=2**30, file_bytes=2**30)
    with pytest.raises(CancelledError):
        choose_recipe(reading, find_sources([str(tmp_path)]), "", should_stop=lambda: next(asked, True))
