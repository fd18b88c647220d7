"""`lse plan`: what an experiment will need, by what smaller ones took."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from lse.embedded.plan import make_plan
from lse.embedded.plan_steps import STEPS
from lse.hardware import usable_cores

SIZES = [20_000, 60_000]


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache in which every step took 2 s and 100 MiB, and three times as many images 6 s and 200 MiB."""
    folder = tmp_path / "cache" / "latent-space-explorer"
    folder.mkdir(parents=True)
    file = folder / f"plan-{version('latent-space-explorer')}-64-{usable_cores()}.json"
    each = [{"seconds": 2.0, "bytes": 100.0 * 2**20}, {"seconds": 6.0, "bytes": 200.0 * 2**20}]
    file.write_text(json.dumps({"sizes": SIZES, "cores": usable_cores(), "steps": dict.fromkeys(STEPS, each)}))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return file


@pytest.mark.usefixtures("known")
def test_steps_grow_as_they_did_between_the_sizes_measured():
    asked: list[str] = []
    plan = make_plan(600_000, 64, image_bytes=4 * 64**2, on_step=asked.append)
    assert asked == []
    for step in plan.steps:
        assert step.seconds == pytest.approx(60)
        assert step.exponent == pytest.approx(1)
        assert step.memory_bytes == pytest.approx((200 + 100 * 540 / 40) * 2**20)
    assert plan.disk_bytes["vectors"] == 4 * 64 * 600_000
    assert plan.disk_bytes["prepared images, before compression"] == 4 * 64**2 * 600_000
    assert any("Isomap (up to 15,000 images)" in each for each in plan.refused)
    assert any("approximate" in each for each in plan.sampled)
    few = make_plan(2000, 64, on_step=asked.append)
    assert few.refused == ()
    assert not any("approximate" in each for each in few.sampled)


@pytest.mark.usefixtures("known")
def test_the_command_prints_it_for_people_and_for_programs(lse):
    for_people = lse("plan", "--images", "600000", "--dimension", "64")
    assert for_people.returncode == 0
    assert "60.0 s of a core" in for_people.stdout
    made = json.loads(lse("plan", "--images", "600000", "--dimension", "64", "--json").stdout)
    assert made["images"] == 600_000
    assert {step["step"] for step in made["steps"]} == set(STEPS)
    refused = lse("plan", "--images", "3")
    assert refused.returncode == 2


@pytest.mark.parametrize("step", ["search index", "umap"])
def test_a_step_is_measured_in_a_process_of_its_own(step):
    command = [sys.executable, "-P", "-m", "lse.embedded.plan_steps", step, "1200", "8"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["seconds"] > 0
    assert found["bytes"] >= 0
