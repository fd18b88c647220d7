"""Files of commands, of which ``-`` is the standard input or output."""

from __future__ import annotations

import csv
import json


def test_what_a_command_reads_may_come_by_its_standard_input(lse, prepared, services):
    encoder = services.encoder.read_bytes()
    assert lse("encoder", "import", "piped", "-", given=encoder).returncode == 0
    recipe = lse("dataset", "ingest", "piped", str(services.images), "--recipe", "-", "--json", given=b"size: 12")
    assert json.loads(recipe.stdout)["image_size"] == 12
    image = (services.images / "disc-03.png").read_bytes()
    options = {"LSE_PROJECT": prepared}
    found = lse("similar", "first", "--file", "-", "-k", "1", "--json", given=image, **options)
    assert [each["image"].rsplit("/", 1)[-1] for each in json.loads(found.stdout)] == ["disc-03"]
    chain = (
        f"dataset: {{name: x, sources: [{services.images}]}}\nencoder: {{name: x, methd: vae}}\nexperiment: {{name: x}}"
    )
    wrong = lse("pipeline", "check", "-", given=chain.encode())
    assert "Unknown key 'encoder.methd' of the pipeline '-'" in wrong.stderr


def test_a_catalogue_goes_to_the_standard_output_and_to_no_file(lse, prepared, tmp_path):
    before = set(tmp_path.iterdir())
    found = lse("export", "first", "-", LSE_PROJECT=prepared)
    rows = list(csv.DictReader(found.stdout.splitlines()))
    assert len(rows) == 24
    assert "bar-00" in {row["name"] for row in rows}
    assert set(tmp_path.iterdir()) == before
    assert lse("export", "first", "-", "--format", "vot", LSE_PROJECT=prepared).stdout.startswith("<?xml")
