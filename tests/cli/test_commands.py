"""The commands against small services."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from lse.platform.errors import CancelledError, InternalError, ResourceExhaustedError

CHAIN = """
project: survey
dataset:   {name: first, sources: [images]}
encoder:   {name: first, method: simclr}
experiment: {name: first}
projections: [{name: umap, method: umap}]
clusterings: [{name: hdbscan, method: hdbscan, on: umap}]
evaluate:  {}
"""


def failed(result, status):
    """The one sentence of a command that failed."""
    assert result.returncode == status, result
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1, result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr.strip()


def test_dataset_commands(lse):
    made = lse("dataset", "ingest", "first", "images", "--json")
    assert (made.returncode, made.stderr) == (0, "")
    dataset = json.loads(made.stdout)
    assert (dataset["id"], dataset["state"], dataset["prepared"]) == ("first", "ready", 2)
    assert dataset["columns"] == {"class": "text"}
    shown = lse("dataset", "show", "first").stdout
    assert re.search(r"^prepared +2 *$", shown, re.MULTILINE)
    assert "class text" in shown
    assert [item["id"] for item in json.loads(lse("dataset", "list", "--json").stdout)] == ["first"]
    rejected = json.loads(lse("dataset", "images", "first", "--rejected", "--json").stdout)
    assert [(item["id"], item["rejection_reason"]) for item in rejected] == [("broken.fits", "NOT_AN_IMAGE")]
    assert len(lse("dataset", "images", "first").stdout.splitlines()) == 4
    assert lse("dataset", "delete", "first").stdout == "Dataset first is deleted.\n"
    assert lse("dataset", "list").stdout == "none\n"


def test_preview_writes_pictures(lse, tmp_path):
    shown = lse("dataset", "preview", "images", "--out", "pictures")
    assert "size: 64" in shown.stdout
    assert "It holds no image." in shown.stdout
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == ["00-a.webp"]
    assert json.loads(lse("dataset", "preview", "images", "--json").stdout)["source_count"] == 3


def test_whole_chain_by_hand(lse, memory):
    settings = ["--set", "epochs=5", "--set", "rate=1e-3"]
    lse("encoder", "train", "e", "--dataset", "d", "--method", "simclr", *settings)
    assert {item.key: item.value for item in memory.resources["projects/default/encoders/e"].settings} == {
        "epochs": "5",
        "rate": "1e-3",
    }
    scores = json.loads(lse("encoder", "evaluate", "e", "--dataset", "d", "--json").stdout)
    assert (scores["knn_balanced_accuracy"], scores["baselines"]["pca"]) == (0.6, 0.55)
    assert "onnxruntime" in lse("experiment", "encode", "x", "--dataset", "d", "--encoder", "e").stdout
    projection = lse("projection", "run", "p", "--experiment", "x", "--method", "umap", "--components", "3", "--json")
    assert json.loads(projection.stdout)["components"] == 3
    run = lse("clustering", "run", "c", "--experiment", "x", "--method", "hdbscan", "--on", "p", "--json")
    clustering = json.loads(run.stdout)
    assert clustering["projection"].endswith("/projections/p")
    assert clustering["clusters"][0]["traits"] == ["class is FRI"]
    assert "class is FRI" in lse("clustering", "show", "c", "--experiment", "x").stdout
    assert "FRII" in lse("clustering", "compare", "c", "--experiment", "x", "--column", "class").stdout
    assert "0.9000" in lse("similar", "x", "--image", "a.png", "-k", "2").stdout
    assert lse("export", "x", "out.csv").stdout.startswith("out.csv is written")
    methods = lse("encoder", "methods").stdout
    assert "simclr" in methods
    assert "cosine, euclidean" in methods


def test_selection_of_rows(lse, tmp_path):
    (tmp_path / "rows.txt").write_text("3\n5\n")
    made = json.loads(lse("selection", "create", "s", "--dataset", "d", "--rows", "0-2,8", "--json").stdout)
    assert made["rows"] == [0, 1, 2, 8]
    made = json.loads(lse("selection", "create", "t", "--dataset", "d", "--rows-from", "rows.txt", "--json").stdout)
    assert made["rows"] == [3, 5]
    assert "0, 1, 2, 8" in lse("selection", "show", "s").stdout


def test_no_wait_and_operations(lse, memory):
    memory.steps = 1000
    started = lse("dataset", "ingest", "first", "images", "--no-wait")
    name = started.stdout.strip()
    assert name == "projects/default/operations/op0"
    found = json.loads(lse("operation", "list", "--active", "--json").stdout)
    assert [(item["name"], item["kind"]) for item in found] == [(name, "IngestDataset")]
    assert "reading" in lse("operation", "show", name).stdout
    assert json.loads(lse("operation", "cancel", "op0", "--json").stdout)["state"] in {"cancelling", "cancelled"}
    assert failed(lse("operation", "wait", name), 1) == "The operation was cancelled."


def test_failures_are_one_sentence(lse, memory):
    assert failed(lse("dataset", "show", "nothing"), 1) == "There is no dataset named 'nothing' here."
    memory.failures["IngestDataset"] = CancelledError("The work was cancelled")
    assert failed(lse("dataset", "ingest", "b", "images"), 1) == "The work was cancelled."
    memory.errors["ListDatasets"] = [InternalError("It broke\nin two lines.")]
    assert failed(lse("dataset", "list"), 1) == "It broke in two lines."


def test_failures_of_the_process_are_one_sentence(lse_process, memory):
    memory.failures["IngestDataset"] = ResourceExhaustedError("The disk is full: make room.")
    assert failed(lse_process("dataset", "ingest", "a", "images", "--json"), 1) == "The disk is full: make room."
    assert failed(lse_process("dataset", "list", LSE_ADDRESS="127.0.0.1:9"), 1) == (
        "No services answer at 127.0.0.1:9: start them with `lse up` or set LSE_ADDRESS."
    )
    debug = lse_process("dataset", "show", "nothing", LSE_DEBUG="1")
    assert "Traceback" in debug.stderr
    assert debug.stderr.endswith("There is no dataset named 'nothing' here.\n")


def test_unexpected_error_is_one_sentence(lse_process, tmp_path):
    # A module that breaks when it is loaded stands for any fault of ours.
    (tmp_path / "yaml.py").write_text("raise RuntimeError('strange')")
    (tmp_path / "chain.yaml").write_text(CHAIN)
    told = failed(lse_process("pipeline", "run", "chain.yaml", PYTHONPATH=str(tmp_path)), 1)
    assert told.startswith("Unexpected RuntimeError (strange): please report it")


def test_interrupted_waiting_says_how_to_go_on(environment, memory, tmp_path):
    memory.held.set()
    command = subprocess.Popen(
        [Path(sys.executable).with_name("lse"), "dataset", "ingest", "first", "images"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=tmp_path,
    )
    deadline = time.monotonic() + 60
    while "WaitOperation" not in memory.calls and time.monotonic() < deadline:
        time.sleep(0.05)
    command.send_signal(signal.SIGINT)
    out, err = command.communicate(timeout=60)
    assert command.returncode == 130
    assert out == ""
    assert "The work goes on" in err
    assert "lse operation wait projects/default/operations/op0" in err
    assert "Traceback" not in err


def test_progress_is_drawn_in_a_terminal(environment, memory, tmp_path):
    memory.steps = 20
    master, terminal = pty.openpty()
    command = subprocess.Popen(
        [Path(sys.executable).with_name("lse"), "dataset", "ingest", "first", "images", "--json"],
        stdout=subprocess.PIPE,
        stderr=terminal,
        env={**environment, "TERM": "xterm", "COLUMNS": "160"},
        cwd=tmp_path,
    )
    os.close(terminal)
    drawn = b""
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        drawn += piece
    os.close(master)
    out, _ = command.communicate(timeout=60)
    assert json.loads(out)["id"] == "first"
    for part in (b"reading", b"/200 images", b"50/s", b"loss 0.25"):
        assert part in drawn


def test_pipeline(lse, memory, tmp_path):
    (tmp_path / "chain.yaml").write_text(CHAIN)
    first = lse("pipeline", "run", "chain.yaml", "--report", "out.json")
    assert (first.returncode, first.stderr) == (0, "")
    for part in ("NOT_AN_IMAGE: /data/broken.fits", "raw pixels", "silhouette", "recall at 10", "0.990", "ingest"):
        assert part in first.stdout
    report = json.loads((tmp_path / "out.json").read_text())
    assert report["dataset"] == "projects/survey/datasets/first"
    assert report["images"]["rejected"][0]["reason"] == "NOT_AN_IMAGE"
    again = lse("pipeline", "run", "chain.yaml", "--json")
    assert {stage["reused"] for stage in json.loads(again.stdout)["stages"].values()} == {True}
    other = json.loads(lse("pipeline", "run", "chain.yaml", "--json", "--project", "other", "--data", "/x").stdout)
    assert other["dataset"] == "projects/other/datasets/first"
    assert list(memory.resources["projects/other/datasets/first"].sources) == ["/x/images"]
    assert "cannot be written" in failed(lse("pipeline", "run", "chain.yaml", "--report", "no/out.json"), 2)
    (tmp_path / "chain.yaml").write_text(CHAIN.replace("method: simclr", "method: vae"))
    assert "encoder 'first' exists already" in failed(lse("pipeline", "run", "chain.yaml"), 1)


def test_doctor(lse, tmp_path):
    well = json.loads(lse("doctor", "--json", "--home", "home").stdout)
    states = {check["name"]: check["status"] for check in well}
    assert {states[name] for name in ("python", "packages", "home", "services", "ingestion", "annotation")} == {"ok"}
    assert {"disk", "vectors", "triton"} <= set(states)
    (tmp_path / "file").touch()
    ill = lse("doctor", "--home", "file", LSE_ADDRESS="127.0.0.1:9")
    assert ill.returncode == 1
    assert "failure  home" in ill.stdout
    assert "start them with `lse up`" in ill.stdout
    assert ill.stderr.count("\n") == 1
    assert "services" in ill.stderr


def test_reader_of_the_output_may_go(environment):
    command = f"'{Path(sys.executable).with_name('lse')}' encoder methods --json | head -c 1"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment, check=False)
    assert result.stdout == "["
    assert result.stderr == ""


def test_help_loads_no_more_than_it_needs():
    code = (
        "import sys; sys.argv = ['lse', '--help']\n"
        "from lse.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = 'grpc numpy pydantic rich pyarrow pandas torch yaml google'.split()\n"
        "sys.stderr.write(' '.join(name for name in heavy if name in sys.modules))\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Commands:" in shown.stdout
    assert shown.stderr == ""


def test_demo_survey(lse, tmp_path):
    made = lse("demo", "simulate", "survey", "--count", "2", "--json")
    assert (made.returncode, made.stderr) == (0, "")
    assert json.loads(made.stdout)["count"] == 2
    assert len(list((tmp_path / "survey" / "images").iterdir())) == 2
