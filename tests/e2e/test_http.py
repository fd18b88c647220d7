"""The chain of `docs/how-to/http.md`, as it is written there, with real curl; and a stream by the same door."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from installation import Installation
from lse.client import connect
from running_services import draw_images

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "http.md"


@pytest.fixture(scope="module")
def said(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the commands of the page print, a line each."""
    folder = tmp_path_factory.mktemp("http")
    draw_images(folder)
    script = "\n".join(["set -euo pipefail", *re.findall(r"^```bash\n(.*?)^```$", PAGE.read_text(), re.M | re.S)])
    done = subprocess.run(
        ["bash", "-c", script],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "API": installation.http_url, "IMAGES": str(folder / "images")},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line]


def test_the_chain_of_the_page_runs_by_curl(said: list[dict[str, Any]]) -> None:
    *operations, found = said
    assert [operation["done"] for operation in operations] == [True] * 4
    assert operations[0]["response"]["@type"].endswith("ingestion.v1.Dataset")
    assert operations[0]["response"]["preparedCount"] == "24"
    assert len(found["matches"]) == 3


def test_a_table_comes_as_a_stream(said: list[dict[str, Any]], installation: Installation) -> None:
    wanted = {"name": "projects/by-http/experiments/survey", "rows": {"list": {"rows": ["0", "3"]}}}
    content = json.dumps(wanted).encode()
    request = urllib.request.Request(
        f"{installation.http_url}/latentspace.encoding.v1.EncodingService/ReadVectors",
        b"\0" + len(content).to_bytes(4) + content,
        {"Content-Type": "application/connect+json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        frames = list(frames_of(answer.read()))
    assert frames.pop() == (2, {})
    table = pa.ipc.open_stream(b"".join(base64.b64decode(chunk["arrow"]) for _, chunk in frames)).read_all()
    assert table["row"].to_pylist() == [0, 3]
    with connect(installation.address, project="by-http") as client:
        assert table.equals(client.experiments.vectors("survey", rows=[0, 3]))


def frames_of(content: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    while content:
        length = int.from_bytes(content[1:5])
        yield content[0], json.loads(content[5 : 5 + length])
        content = content[5 + length :]
