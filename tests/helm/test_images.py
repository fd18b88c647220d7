"""The images: what their Dockerfile promises, and that services need no torch."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import tomllib
import urllib.request
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lse.platform.ports import free_port
from lse.server import SERVICES

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "deploy" / "images" / "Dockerfile").read_text()
ROLES = ("services", "explorer", "vectors", "worker", "router", "triton")
# They load networks: the chart gives them the image of the workers.
WITH_TORCH = {"training", "explanation"}


def stages() -> dict[str, list[str]]:
    """Instructions of each stage, with lines that go on joined."""
    text = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    found: dict[str, list[str]] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("FROM "):
            found[line.split()[-1]] = []
        if found:
            found[[*found][-1]].append(line)
    return found


def chain(stage: str) -> list[str]:
    """Instructions of a stage and of those that it is built on."""
    own = stages()[stage]
    below = own[0].split()[1]
    return [*(chain(below) if below in stages() else []), *own]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_runs_as_nobody_with_labels(role: str) -> None:
    instructions = chain(role)
    assert [line for line in instructions if line.startswith("USER")][-1] == "USER 10001:10001"
    assert any("org.opencontainers.image.version" in line for line in instructions)
    assert any(line.startswith("ENTRYPOINT [") for line in instructions)
    last = [line.split()[0] for line in instructions]
    assert "RUN" not in last[len(last) - last[::-1].index("USER") :]


def test_everything_is_pinned_and_nothing_is_fetched_by_hand() -> None:
    assert not re.search(r"^(ADD|MAINTAINER) ", DOCKERFILE, re.MULTILINE)
    assert not re.search(r"\b(curl|wget|sudo)\b", DOCKERFILE)
    assert not re.search(r"https?://", DOCKERFILE)
    for default in re.findall(r"^ARG \w*IMAGE=(\S+)", DOCKERFILE, re.MULTILINE):
        assert re.search(r":\d", default), default
    for line in DOCKERFILE.splitlines():
        for package in re.findall(r"pip install (?:--\S+ )*(.*)", line):
            assert all("==" in word or word.startswith(('"$UV"', '"$CYCLONEDX"')) for word in package.split())
    assert "--constraints" in (ROOT / "deploy" / "images" / "install.sh").read_text()


def test_what_is_sent_to_the_build_is_listed() -> None:
    lines = (ROOT / ".dockerignore").read_text().split()
    assert lines[0] == "**"
    copied = {source for line in DOCKERFILE.splitlines() if line.startswith("COPY ") for source in line.split()[1:-1]}
    allowed = {line[1:] for line in lines if line.startswith("!")}
    assert {source for source in copied if not source.startswith(("--", "/"))} == allowed


def test_what_the_wheel_is_made_of_is_copied() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    copied = {source for line in DOCKERFILE.splitlines() if line.startswith("COPY ") for source in line.split()[1:-1]}
    for path in [*wheel["packages"], *wheel["force-include"]]:
        assert copied & {path, *map(str, Path(path).parents)}, path


@pytest.mark.parametrize("program", ["deploy/images/install.sh", "scripts/images.sh", "scripts/helm.sh"])
def test_programs_can_be_read_by_their_shell(program: str) -> None:
    path = ROOT / program
    assert path.stat().st_mode & 0o111
    subprocess.run([path.read_text().splitlines()[0].rpartition("/")[2].split()[-1], "-n", path], check=True)


def test_the_explorer_starts_with_the_packages_of_its_image() -> None:
    """It has `latent-space-explorer[dashboard]` and what that requires, and answers with nothing else."""
    port = free_port()
    # Services may be away, and a page is served all the same.
    command = f"explorer --address 127.0.0.1:{free_port()} --host 127.0.0.1 --dashboard-port {port}".split()
    program = f"""
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {modules_beside("dashboard")!r}:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Missing())
from lse.cli.main import main
sys.argv[1:] = {command!r}
main()
"""
    process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as answer:
                    page = answer.read().decode()
                break
            except OSError:
                assert process.poll() is None, process.communicate()[1]
                assert time.monotonic() < deadline
                time.sleep(0.2)
        assert "Latent Space Explorer" in page
    finally:
        process.terminate()
        process.communicate()


def modules_beside(extra: str) -> set[str]:
    """Modules of packages that are installed here and that this extra does not bring."""
    needed, waiting = set(), [("latent-space-explorer", extra)]
    while waiting:
        name, wanted = waiting.pop()
        if (name, wanted) in needed:
            continue
        needed.add((name, wanted))
        for line in metadata.requires(name) or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": wanted}):
                waiting += [(canonicalize_name(requirement.name), each) for each in ("", *requirement.extras)]
    brought = {name for name, _ in needed}
    found = metadata.packages_distributions().items()
    return {module for module, names in found if not brought & {canonicalize_name(name) for name in names}}


def test_services_start_without_torch() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    missing = {re.split(r"[^\w-]", line)[0].replace("-", "_") for line in extras["training"]}
    assert "torch" in missing
    program = f"""
import importlib, sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Missing())
from lse.server import open_platform
for service in {sorted(set(SERVICES) - WITH_TORCH)!r}:
    importlib.import_module(f"lse.services.{{service}}.service")
print(*sorted({missing!r} & {{name.partition(".")[0] for name in sys.modules}}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""
