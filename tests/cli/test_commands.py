"""The commands, and what they say of the running services."""

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

from latentspace.annotation.v1.annotation_pb2 import ListLabelSchemesRequest
from latentspace.type.v1.view_pb2 import VIEW_BASIC
from lse.columns import shown as written
from lse.errors import InternalError, ResourceExhaustedError
from running_services import DIMENSION, TRAINING

CHAIN = """
project: {project}
data: {data}
dataset:   {{name: first, sources: [images], recipe: {{size: 16}}, catalogue: catalogue.csv}}
encoder:
  {{name: first, method: autoencoder, parameters: {{epochs: 2, width: 4, latent_dim: 8, batch_size: 12}}}}
experiment: {{name: first}}
projections: [{{name: flat, method: pca}}]
clusterings: [{{name: hdbscan, method: hdbscan, on: flat}}]
evaluate:  {{}}
"""
PREPARED = {"LSE_PROJECT": "prepared"}


def failed(result, status):
    """The one sentence of a command that failed."""
    assert result.returncode == status, result
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1, result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr.strip()


def ingest(lse, services, name, *options):
    (services.images.parent / "recipe.yaml").write_text("size: 16\n")
    given = ["--recipe", services.images.parent / "recipe.yaml", "--catalogue", services.catalogue]
    return lse("dataset", "ingest", name, str(services.images), *map(str, given), *options)


def test_dataset_commands(lse, services):
    made = ingest(lse, services, "first", "--json")
    assert made.returncode == 0
    dataset = json.loads(made.stdout)
    assert (dataset["id"], dataset["state"], dataset["prepared"]) == ("first", "ready", 24)
    assert dataset["columns"]["class"]["type"] == "text"
    shown = lse("dataset", "show", "first").stdout
    assert re.search(r"^prepared +24 *$", shown, re.MULTILINE)
    assert "class text" in shown
    assert [item["id"] for item in json.loads(lse("dataset", "list", "--json").stdout)] == ["first"]
    rejected = json.loads(lse("dataset", "images", "first", "--rejected", "--json").stdout)
    assert [(item["id"], item["rejection_reason"]) for item in rejected] == [("broken", "HEADER_DAMAGED")]
    assert len(lse("dataset", "images", "first").stdout.splitlines()) == 26
    assert lse("dataset", "delete", "first").stdout == "Dataset first is deleted.\n"
    empty = lse("dataset", "list")
    assert (empty.stdout, empty.stderr, empty.returncode) == ("", "none\n", 0)


def test_lists_are_filtered_ordered_and_cut(lse, proxy):
    for name, title in (("a", "One"), ("b", "Two"), ("c", "Two")):
        assert lse("label", "create", name, "--class", "x", "--title", title).returncode == 0
    found = json.loads(lse("label", "list", "--json", "--filter", "title = Two", "--order-by", "name desc").stdout)
    assert [item["id"] for item in found] == ["c", "b"]
    assert len(lse("label", "list", "--limit", "2").stdout.splitlines()) == 3
    assert ListLabelSchemesRequest.FromString(proxy.calls[-1].sent[0]).view == VIEW_BASIC
    assert "did you mean 'title'" in failed(lse("label", "list", "--filter", "titel = Two"), 2)


def test_options_of_all_commands_stand_before_them_too(lse, prepared):
    after = lse("dataset", "list", "--json", "--project", prepared).stdout
    assert [item["id"] for item in json.loads(after)] == ["first"]
    assert lse("--project", prepared, "--json", "dataset", "list").stdout == after
    assert lse("dataset", "--json", "--project", prepared, "list").stdout == after
    # The one nearer to the command wins.
    assert lse("--project", "nobodys", "--json", "dataset", "list", "--project", prepared).stdout == after
    assert json.loads(lse("--json", "dataset", "show", "nothing").stderr)["error"]["code"] == "NOT_FOUND"
    assert "takes no --project before its name" in failed(lse("--project", "p", "explorer"), 2)


def test_titles_and_descriptions_change_unless_somebody_was_quicker(lse, prepared):
    made = json.loads(lse("label", "create", "a", "--class", "x", "--json").stdout)
    changed = json.loads(lse("label", "update", "a", "--title", "One", "--etag", made["etag"], "--json").stdout)
    assert (changed["title"], changed["classes"]) == ("One", ["x"])
    assert "was changed in the meantime" in failed(
        lse("label", "update", "a", "--title", "B", "--etag", made["etag"]), 1
    )
    assert re.search(r"^title +One *$", lse("label", "show", "a").stdout, re.MULTILINE)
    described = lse("projection", "update", "first", "--experiment", "first", "--description", "flat", **PREPARED)
    assert re.search(r"^description +flat *$", described.stdout, re.MULTILINE)
    assert failed(lse("dataset", "update", "first"), 2) == "Give --title, --description or both."


def test_progress_is_written_in_lines_without_a_terminal(lse, services):
    lines = ingest(lse, services, "first").stderr.splitlines()
    # Short stages may have passed between two looks.
    assert lines
    assert all(re.fullmatch(r"preparing  \d+/25 images.*", line) for line in lines if line.startswith("preparing"))


def test_errors_are_json_where_results_would_be(lse):
    result = lse("dataset", "show", "nothing", "--json")
    assert (result.returncode, result.stdout) == (1, "")
    error = json.loads(result.stderr)["error"]
    assert (error["code"], error["reason"]) == ("NOT_FOUND", "DATASET_NOT_FOUND")
    assert error["message"].startswith("There is no dataset named 'nothing'")
    assert error["metadata"]["name"].endswith("/datasets/nothing")
    wrong = json.loads(lse("dataset", "show", "--json").stderr)["error"]
    assert (wrong["code"], wrong["reason"]) == ("INVALID_ARGUMENT", "COMMAND_INVALID")


def test_preview_writes_pictures(lse, services, tmp_path):
    images = str(services.images)
    shown = lse("dataset", "preview", images, "--out", "pictures", "--count", "25")
    assert "25 inputs found; recipe:" in shown.stdout
    assert "rejected" in shown.stdout
    written = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert len(written) == 24
    assert written[0] == "00-bar-00.jpg"
    assert json.loads(lse("dataset", "preview", images, "--json").stdout)["source_count"] == 25


def test_an_image_is_traced_and_left_out(lse, services, tmp_path):
    ingest(lse, services, "first")
    shown = lse("dataset", "trace", "first", "bar-00", "--out", "trace.png")
    assert shown.returncode == 0, shown
    steps = [line.split()[0] for line in shown.stdout.splitlines() if line[:1] not in ("", " ")]
    assert steps[:4] == ["step", "file", "image", "channels"]
    assert "trace.png is written" in shown.stdout
    exact = json.loads(lse("dataset", "trace", "first", "bar-00", "--json").stdout)["steps"]
    amounts = [fact for step in exact for fact in step["facts"].values() if isinstance(fact, float)]
    assert any(len(written(amount)) > 8 for amount in amounts)
    assert all(written(amount) in shown.stdout for amount in amounts)
    assert (tmp_path / "trace.png").read_bytes().startswith(b"\x89PNG")
    found = json.loads(lse("dataset", "trace", "first", "broken", "--json").stdout)
    assert found["rejection_reason"] == found["image"]["rejection_reason"] != ""
    assert [step["step"] for step in found["steps"]] == ["file", "dataset"]
    made = json.loads(lse("dataset", "subset", "clean", "first", "--without", "bar-00", "--json").stdout)
    assert made["prepared"] == 23
    assert json.loads(lse("dataset", "subset", "few", "first", "--rows", "0-2", "--json").stdout)["prepared"] == 3
    assert "one of --rows" in failed(lse("dataset", "subset", "none", "first"), 2)


def test_what_there_is_can_be_shown(lse, prepared):
    def shown(*arguments):
        result = lse(*arguments, **PREPARED)
        assert result.returncode == 0, result
        return result.stdout

    encoder = json.loads(shown("encoder", "show", "first", "--json"))
    assert (encoder["method"], encoder["dimension"]) == ("import", DIMENSION)
    scores = json.loads(shown("encoder", "evaluate", "first", "--dataset", "first", "--json"))
    assert 0 <= scores["knn_balanced_accuracy"] <= 1
    assert scores["baselines"]["chance"] == 0.5
    assert "onnxruntime" in shown("experiment", "show", "first")
    in_first = ("--experiment", "first")
    projection = shown("projection", "run", "p", *in_first, "--method", "pca", "--components", "3", "--json")
    assert json.loads(projection)["parameters"]["n_components"] == 3
    run = shown(
        "clustering", "run", "c", *in_first, "--method", "kmeans", "--set", "n_clusters=2", "--on", "p", "--json"
    )
    clustering = json.loads(run)
    assert clustering["projection"].endswith("/projections/p")
    traits = clustering["clusters"][0]["traits"]
    assert traits == [] or traits[0] in shown("clustering", "show", "c", *in_first)
    assert "disc" in shown("clustering", "compare", "c", *in_first, "--column", "class")
    titles = json.loads(shown("clustering", "name", "c", *in_first, "0=discs", "1=bars", "--json"))["cluster_titles"]
    assert titles == {"0": "discs", "1": "bars"}
    assert "bars" in shown("clustering", "name", "c", *in_first, "0=")
    shown("remark", "set", "first", "--rows", "0-1", "--interest", "5", "--tag", "odd", "--note", "look again")
    remarks = json.loads(shown("remark", "read", "first", "--json"))
    assert [(each["row"], each["interest"], each["tags"]) for each in remarks] == [(0, 5, ["odd"]), (1, 5, ["odd"])]
    shown("remark", "set", "first", "--rows", "0-1", "--interest", "-1", "--untag", "odd", "--note", "")
    assert len(shown("similar", "first", "--image", "bar-00", "-k", "2").splitlines()) == 3
    assert shown("export", "first", "out.csv").startswith("out.csv is written")
    methods = shown("encoder", "methods")
    assert "simclr" in methods
    assert "auto, 32, bf16, 16" in methods
    for kind, name in (("clustering", "c"), ("projection", "p")):
        shown(kind, "delete", name, *in_first)


def test_selection_of_rows(lse, prepared, tmp_path):
    (tmp_path / "rows.txt").write_text("3\n5\n")

    def selection(*arguments):
        return lse("selection", *arguments, **PREPARED).stdout

    made = json.loads(selection("create", "s", "--dataset", "first", "--rows", "0-2,8", "--json"))
    assert made["rows"] == [0, 1, 2, 8]
    made = json.loads(selection("create", "t", "--dataset", "first", "--rows-from", "rows.txt", "--json"))
    assert made["rows"] == [3, 5]
    assert "0, 1, 2, 8" in selection("show", "s")
    for name in ("s", "t"):
        selection("delete", name)


def test_no_wait_and_operations(lse, services):
    with services.held():
        name = ingest(lse, services, "first", "--no-wait").stdout.strip()
        assert "/operations/" in name
        found = json.loads(lse("operation", "list", "--active", "--json").stdout)
        assert [(item["name"], item["kind"]) for item in found] == [(name, "IngestDataset")]
        assert "IngestDataset" in lse("operation", "show", name).stdout
        cancelled = json.loads(lse("operation", "cancel", name.rsplit("/", 1)[-1], "--json").stdout)
        assert cancelled["state"] in {"cancelling", "cancelled"}
        waited = lse("operation", "wait", name)
        assert waited.returncode == 1
        assert waited.stderr.splitlines()[-1] == "The work was cancelled."


def test_failures_are_one_sentence(lse, proxy, tmp_path):
    assert failed(lse("dataset", "show", "nothing"), 1).startswith("There is no dataset named 'nothing' in projects/")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "broken.fits").write_bytes(b"SIMPLE  = not really")
    broken = lse("dataset", "ingest", "b", "images")
    assert broken.returncode == 2
    assert broken.stderr.splitlines()[-1].startswith("None of 1 input could be prepared")
    proxy.errors["ListDatasets"] = [InternalError("It broke\nin two lines.")]
    assert failed(lse("dataset", "list"), 1) == "It broke in two lines."


def test_failures_of_the_process_are_one_sentence(lse_process, proxy):
    proxy.errors["ListDatasets"] = [ResourceExhaustedError("The disk is full: make room.")]
    assert failed(lse_process("dataset", "list"), 1) == "The disk is full: make room."
    assert failed(lse_process("dataset", "list", LSE_ADDRESS="127.0.0.1:9"), 1) == (
        "No services answer at 127.0.0.1:9: start them with `lse up` or set LSE_ADDRESS."
    )
    debug = lse_process("dataset", "show", "nothing", LSE_DEBUG="1")
    assert "Traceback" in debug.stderr
    assert debug.stderr.endswith("There is no dataset named 'nothing' in projects/default.\n")


def test_unexpected_error_is_one_sentence(lse_process, tmp_path):
    # A module that breaks when it is loaded stands for any fault of ours.
    (tmp_path / "yaml.py").write_text("raise RuntimeError('strange')")
    (tmp_path / "chain.yaml").write_text(CHAIN.format(project="p", data="."))
    told = failed(lse_process("pipeline", "run", "chain.yaml", PYTHONPATH=str(tmp_path)), 1)
    assert told.startswith("Unexpected RuntimeError (strange): please report it")


def test_interrupted_waiting_says_how_to_go_on(environment, client, services, proxy, tmp_path):
    with services.held():
        command = subprocess.Popen(
            [Path(sys.executable).with_name("lse"), "dataset", "ingest", "first", services.images],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**environment, "LSE_PROJECT": client.project},
            cwd=tmp_path,
        )
        deadline = time.monotonic() + 60
        while "WaitOperation" not in proxy.methods and time.monotonic() < deadline:
            time.sleep(0.05)
        command.send_signal(signal.SIGINT)
        out, err = command.communicate(timeout=60)
    assert command.returncode == 130
    assert out == ""
    (operation,) = client.operations.list()
    assert "The work goes on" in err
    assert f"lse operation wait {operation.name}" in err
    assert "Traceback" not in err
    operation.wait(show_progress=False)


def test_progress_is_drawn_in_a_terminal(environment, prepared_client, tmp_path):
    master, terminal = pty.openpty()
    training = ["train", "drawn", "--dataset", "first", "--method", "autoencoder"]
    # Long enough to be seen under way.
    settings = [f"--set={key}={value}" for key, value in {**TRAINING, "epochs": 120}.items()]
    command = subprocess.Popen(
        [Path(sys.executable).with_name("lse"), "encoder", *training, *settings, "--json"],
        stdout=subprocess.PIPE,
        stderr=terminal,
        env={**environment, **PREPARED, "TERM": "xterm", "COLUMNS": "160"},
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
    out, _ = command.communicate(timeout=120)
    assert json.loads(out)["id"] == "drawn"
    for part in (rb"training", rb"/\d+ steps", rb"/s", rb"loss \d"):
        assert re.search(part, drawn), part
    prepared_client.encoders.delete("drawn")


def test_pipeline(lse, client, services, tmp_path):
    chain = CHAIN.format(project=client.project, data=services.images.parent)
    (tmp_path / "chain.yaml").write_text(chain)
    first = lse("pipeline", "run", "chain.yaml", "--report", "out.json")
    assert first.returncode == 0, first
    for part in ("HEADER_DAMAGED: ", "raw pixels", "silhouette", "recall at 10", "1.000", "ingest"):
        assert part in first.stdout
    report = json.loads((tmp_path / "out.json").read_text())
    assert report["dataset"] == f"projects/{client.project}/datasets/first"
    assert report["images"]["rejected"][0]["reason"] == "HEADER_DAMAGED"
    again = lse("pipeline", "run", "chain.yaml", "--json")
    assert {stage["reused"] for stage in json.loads(again.stdout)["stages"].values()} == {True}
    other = ["--project", f"{client.project}-other", "--data", "/x"]
    assert "'/x/images'" in failed(lse("pipeline", "run", "chain.yaml", "--json", *other), 1)
    assert "cannot be written" in failed(lse("pipeline", "run", "chain.yaml", "--report", "no/out.json"), 2)
    assert "the dataset has 25 inputs" in lse("pipeline", "check", "chain.yaml").stdout
    (tmp_path / "chain.yaml").write_text(chain.replace("catalogue.csv", "none.csv"))
    assert "none.csv'" in failed(lse("pipeline", "check", "chain.yaml"), 1)
    (tmp_path / "chain.yaml").write_text(chain.replace("method: autoencoder", "method: vae"))
    assert "encoder 'first' exists already" in failed(lse("pipeline", "run", "chain.yaml"), 1)


def test_doctor(lse, tmp_path):
    well = json.loads(lse("doctor", "--json", "--home", "home").stdout)
    states = {check["name"]: check["status"] for check in well}
    assert len(states) == len(well), "nothing is listed twice"
    assert {states[name] for name in ("Python", "packages for the client", "settings", "home", "services")} == {"ok"}
    assert {"processor", "GPU", "caches", "disk", "ports", "vectors", "Triton"} <= set(states)
    messages = {check["name"]: check["message"] for check in well}
    assert re.fullmatch(r"\d+ packages at supported versions", messages["packages for training"])
    assert re.fullmatch(r"10 services answer at \S+", messages["services"])
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
    assert made.returncode == 0
    assert json.loads(made.stdout)["count"] == 2
    assert len(list((tmp_path / "survey" / "images").iterdir())) == 2
