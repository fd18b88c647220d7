"""The Triton server killed while it is needed: the operation says what it waits for, and ends as if nothing was."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from installation import Installation
from lse.client import connect
from running_services import RECIPE, draw_images, write_encoder


def kill_triton(installation: Installation) -> int:
    """Number of Triton servers that were killed."""
    killed = 0
    for child in psutil.Process(installation.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if child.name() == "tritonserver":
                child.kill()
                killed += 1
    return killed


@pytest.mark.triton
def test_encoding_waits_for_triton_and_ends_right(installation: Installation, tmp_path: Path) -> None:
    draw_images(tmp_path)
    write_encoder(tmp_path / "encoder.onnx")
    with connect(installation.address, project="triton-away") as client:
        client.datasets.ingest("first", [tmp_path / "images"], recipe=RECIPE).wait(300, show_progress=False)
        client.encoders.import_onnx("first", tmp_path / "encoder.onnx").wait(300, show_progress=False)
        client.experiments.encode("before", dataset="first", encoder="first").wait(300, show_progress=False)
        if not kill_triton(installation):
            pytest.skip("the Triton server is not installed: `make triton`")
        operation = client.experiments.encode("during", dataset="first", encoder="first")
        deadline = time.monotonic() + 120
        while "Triton" not in (said := operation.progress().waiting_for):
            # It is started again by itself, and has to stay away until the work has met that.
            kill_triton(installation)
            assert not operation.done, operation.error
            assert time.monotonic() < deadline, said
            time.sleep(0.2)
        operation.wait(300, show_progress=False)
        assert client.experiments.vectors("during").equals(client.experiments.vectors("before"))
