"""What `lse up` starts is for its owner alone: nobody else on the machine can read its home or use its servers."""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator

import psutil
import pytest
from distributed import Client as DaskClient
from tritonclient import grpc as triton
from tritonclient.utils import InferenceServerException

from installation import Installation
from lse.errors import LseError
from lse.platform.vectors import VectorStore


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("private") / "home"
    home.mkdir(mode=0o755)
    installation = Installation(home, dashboard=False, inference="auto")
    installation.start()
    yield installation
    assert installation.stop() == 0


def option(installation: Installation, name: str) -> str:
    """Value of an option on the command line of a child."""
    for child in psutil.Process(installation.pid).children(recursive=True):
        words = " ".join(child.cmdline()).replace("=", " ").split()
        if name in words:
            return words[words.index(name) + 1]
    raise LookupError(name)


def test_the_home_is_of_its_owner_alone(installation: Installation) -> None:
    paths = [installation.home, *installation.home.rglob("*")]
    readable = [path for path in paths if stat.S_IMODE(path.lstat().st_mode) & 0o077 and not path.is_symlink()]
    # The test itself made the log of the program.
    assert readable == [installation.home / "up.log"]


def test_a_stranger_runs_nothing_on_the_workers(installation: Installation) -> None:
    port = option(installation, "--scheduler-port")
    for protocol in ("tcp", "tls"):
        with pytest.raises((OSError, ValueError, TypeError)):
            DaskClient(f"{protocol}://127.0.0.1:{port}", timeout=3)


def test_a_stranger_reads_no_vectors(installation: Installation) -> None:
    for key in (None, "guessed"):
        said = "cannot be reached"
        deadline = time.monotonic() + 60
        while "cannot be reached" in said and time.monotonic() < deadline:
            port = option(installation, "--vectors-port")
            with VectorStore(f"127.0.0.1:{port}", api_key=key) as store, pytest.raises(LseError) as refused:
                store.list_collections()
            said = str(refused.value)
        assert "key" in said, installation.said()


def test_no_key_is_on_a_command_line(installation: Installation) -> None:
    words = [word for child in psutil.Process(installation.pid).children(recursive=True) for word in child.cmdline()]
    assert not [word for word in words if "api-key" in word.lower() or "API_KEY" in word]


def test_a_stranger_loads_no_model(installation: Installation) -> None:
    servers = [
        child for child in psutil.Process(installation.pid).children(recursive=True) if child.name() == "tritonserver"
    ]
    if not servers:
        pytest.skip("Triton is not installed: `make triton`")
    port = next(word.partition("=")[2] for word in servers[0].cmdline() if word.startswith("--grpc-port="))
    for options in ({}, {"ssl": True}):
        with (
            triton.InferenceServerClient(f"127.0.0.1:{port}", **options) as client,
            pytest.raises(InferenceServerException),
        ):
            client.load_model("anything", client_timeout=3.0)
