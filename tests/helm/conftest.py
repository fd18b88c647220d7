"""The chart as helm renders it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "latent-space-explorer"
EXAMPLES = tuple(sorted(path.stem for path in (CHART / "examples").glob("*.yaml")))

Object = dict[str, Any]
Helm = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def helm() -> Helm:
    """Runs helm, or skips where it is not to be had."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [ROOT / "scripts" / "helm.sh", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    found = run("version")
    if found.returncode:
        pytest.skip(f"helm is not here: {found.stderr.strip().splitlines()[-1]}")
    return run


@pytest.fixture(scope="session")
def render(helm: Helm) -> Callable[..., list[Object]]:
    """Renders the chart with the values of an example, and some given by ``--set``."""

    @cache
    def rendered(example: str, *options: str) -> list[Object]:
        values = CHART / "examples" / f"{example}.yaml"
        done = helm("template", "lse", CHART, "--values", values, *options)
        assert done.returncode == 0, done.stderr
        return [each for each in yaml.safe_load_all(done.stdout) if each]

    return rendered


def pod_of(each: Object) -> Object | None:
    """Template of the pods of an object, None where it has none."""
    spec = each.get("spec", {})
    if each["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    template: Object | None = spec.get("template") if each["kind"] != "GRPCRoute" else None
    return template


def title_of(each: Object) -> str:
    """Kind and name of an object."""
    return f"{each['kind']}/{each['metadata']['name']}"


def named(objects: list[Object], kind: str, name: str) -> Object:
    """The one object of a kind and name."""
    (found,) = [each for each in objects if title_of(each) == f"{kind}/{name}"]
    return found
