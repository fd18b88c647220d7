"""The documents as their readers run them: what is marked `console` or `python` in order, in one project for each page.

What cannot run says why in a comment above it, `<!-- not run: … -->`; blocks marked `bash` run in
`tests/e2e/test_http.py`.  The images are few and small, trainings are cut short, and `lse up` runs already; nothing
else differs.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from astropy.io import fits
from PIL import Image
from typer.testing import CliRunner

from lse.cli.main import app
from lse.client import connect
from lse.images.recipe import Recipe
from lse.platform.config import Settings
from running_services import RunningServices

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts)]
WHY = r"(?:^ *(?:\d+\. )?<!-- not run: (?P<why>.+) -->\n)?"
BLOCK = re.compile(WHY + r"^ *```(?P<kind>.*)\n(?P<text>(?s:.*?))^ *```$", re.M)
COMMAND = re.compile(r"^ *(?:\w+=\S+ )*((lse|make|kubectl|helm|podman|torchrun|export) |scripts/|\.venv/)", re.M)
EPOCHS = re.compile(r"\b(epochs\W{1,2})\d+")
# `make documents` runs everything; the tests run what takes seconds.
ALL = "LSE_TEST_DOCUMENTS" in os.environ
NAMES = [*(f"galaxy-{number:04d}" for number in range(110)), "some-image", "one-image", "another-image"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, services: RunningServices) -> Path:
    """Where the reader is: images and their catalogue, an encoder, ready vectors, an image of another survey."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LSE_ADDRESS", services.address)
    (tmp_path / "images").mkdir()
    random = np.random.default_rng(1)
    y, x = np.mgrid[:16, :16] - 7.5
    for number, name in enumerate(NAMES):
        squeezed = x**2 + (y * (1 + number % 2 * 2)) ** 2
        pixels = random.uniform(100, 200) * np.exp(-squeezed / random.uniform(8, 20)) + random.uniform(0, 30, x.shape)
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "images" / f"{name}.png")
    catalogue = pd.DataFrame(
        {
            "file": [f"{name}.png" for name in NAMES],
            "class": ["elliptical" if number % 2 else "spiral" for number in range(len(NAMES))],
            "snr": random.uniform(5, 30, len(NAMES)).round(2),
            "redshift": random.uniform(0, 1, len(NAMES)).round(3),
        }
    )
    for where in (tmp_path, tmp_path / "images"):
        catalogue.to_csv(where / "catalogue.csv", index=False)
    (tmp_path / "encoder.onnx").write_bytes(services.encoder.read_bytes())
    vectors = list(random.normal(size=(len(NAMES), 8)).astype(np.float32))
    pd.DataFrame({"name": NAMES, "vector": vectors}).to_parquet(tmp_path / "vectors.parquet")
    fits.writeto(tmp_path / "other.fits", random.normal(size=(16, 16)).astype(np.float32))
    return tmp_path


def blocks(page: Path, *kinds: str) -> list[str]:
    """What of a page is to be run."""
    found = BLOCK.finditer(page.read_text())
    return [block["text"] for block in found if block["kind"] in kinds and not block["why"]]


def test_what_is_not_run_says_why() -> None:
    silent = [
        f"{page.relative_to(ROOT)}: {block['text'].strip().splitlines()[0]}"
        for page in PAGES
        for block in BLOCK.finditer(page.read_text())
        if not block["why"] and block["kind"] not in ("console", "bash", "python") and COMMAND.search(block["text"])
    ]
    assert silent == []
    run = {page.name for page in PAGES if blocks(page, "console", "python")}
    assert run == {"README.md", "users-guide.md", "jupyterhub.md"}


@pytest.mark.skipif(not ALL, reason="`make documents` runs the commands of all pages")
@pytest.mark.parametrize("page", ["README.md", "docs/users-guide.md"])
def test_commands_run_in_order(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSE_PROJECT", f"commands-of-{Path(page).stem.lower()}")
    for block in blocks(ROOT / page, "console"):
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            program, *words = shlex.split(line, comments=True) or ["lse", "up"]
            assert program == "lse", line
            if words[0] == "up":
                continue
            words = [EPOCHS.sub(r"\g<1>2", word) for word in words]
            if words[:2] == ["encoder", "train"] and "epochs=2" not in words:
                words += ["--set", "epochs=2"]
            done = CliRunner().invoke(app, words)
            assert done.exit_code == 0, f"{line}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", ["README.md", "docs/how-to/jupyterhub.md", *["docs/users-guide.md"][: int(ALL)]])
def test_python_runs_in_order(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = f"python-of-{Path(page).stem.lower()}"
    monkeypatch.setenv("LSE_PROJECT", project)
    for block in blocks(ROOT / page, "yaml"):
        if "dataset:" in block:
            text = EPOCHS.sub(r"\g<1>2", block.replace("project: default", f"project: {project}"))
            (folder / "pipeline.yaml").write_text(text.replace("name: survey", "name: declared"))
    with connect() as client:
        known = {"client": client}
        for block in blocks(ROOT / page, "python"):
            shortened = EPOCHS.sub(r"\g<1>2", block).replace('method="simclr")', 'method="simclr", epochs=2)')
            exec(compile(shortened, page, "exec"), known)
            known["client"] = client
            if "artefacts" not in {each.id for each in client.selections.list()} and "survey" in block:
                client.selections.create("artefacts", dataset="survey", rows=[7, 19])


CHECKED: dict[str, Callable[[dict], object]] = {
    "stretch:": Recipe.model_validate,
    "login_issuer:": lambda content: sorted(content.keys() - Settings.model_fields.keys()) == [] or content.keys(),
}


def test_files_of_settings_and_recipes_are_such() -> None:
    checked = 0
    for page in PAGES:
        for block in blocks(page, "yaml"):
            for word, check in CHECKED.items():
                if re.search(f"^{word}", block, re.M):
                    content = yaml.safe_load(block)
                    assert check(content) is True or word == "stretch:", (page, check(content))
                    checked += 1
    assert checked >= 4
