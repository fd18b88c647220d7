"""Concepts of a latent space: learnt, named by what they follow, written to a file, and shown on the map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import Result
from playwright.sync_api import Page, expect
from typer.testing import CliRunner

from installation import Installation
from lse.cli.main import app
from lse.client import Client
from lse.errors import InvalidArgumentError


def test_concepts_are_learnt_and_compared_with_the_catalogue(client: Client, experiment: str) -> None:
    found = client.explanations.concepts(experiment, images=3)
    assert len(found.concepts) > 10
    assert 0 < found.explained_variance < 1
    first = found.concepts[0]
    assert (first.concept, len(first.images)) == (0, 3)
    assert first.image_count == max(each.image_count for each in found.concepts)
    assert first.auroc is not None
    assert " = " in first.followed_property or "third" in first.followed_property
    strengths = client.explanations.concept_strengths(experiment, 0)
    assert strengths.shape == (client.experiments.get(experiment).images,)
    assert np.abs(strengths).max() <= 1 + 1e-5
    with pytest.raises(InvalidArgumentError, match="choose 0 to"):
        client.explanations.concept_strengths(experiment, 1000)
    with pytest.raises(InvalidArgumentError, match="1000 concepts"):
        client.explanations.concepts(experiment, count=1000)


def test_the_command_lists_them_and_writes_a_table(installation: Installation, experiment: str, tmp_path: Path) -> None:
    def run(*options: str) -> Result:
        given = ["explain", "concepts", experiment, "--address", installation.address]
        return CliRunner().invoke(app, [*given, *options])

    assert "end the name with .csv or .parquet" in " ".join(run("--out", "x.txt").output.split())
    done = run("--out", str(tmp_path / "strengths.parquet"), "--count", "16", "--top", "3")
    assert done.exit_code == 0, done.output
    assert "concepts explain" in done.output
    table = pq.read_table(tmp_path / "strengths.parquet")
    assert table.column_names[:2] == ["row", "name"]
    assert "concept_0" in table.column_names


@pytest.mark.browser
def test_a_concept_colours_the_map(page: Page) -> None:
    page.locator(".lse-concepts").first.click()
    window = page.locator(".lse-concepts-content")
    first = window.locator(".concept").first
    expect(first).to_contain_text("active in", timeout=240_000)
    expect(first.locator("img").first).to_be_visible()
    first.locator(".lse-concept").click()
    expect(page.locator(".lse-legend")).to_contain_text("concept 0")
