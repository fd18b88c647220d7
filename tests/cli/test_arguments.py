"""Wrong arguments: one sentence and status 2, before anything is sent."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from lse.cli.main import app

GROUPS = {
    "dataset": "ingest preview add list show update images delete",
    "encoder": "train import pretrained estimate bake-off new-method backbones evaluate run list show update delete "
    "methods",
    "experiment": "encode import list show update delete",
    "projection": "run transform list show update delete methods",
    "clustering": "run compare list show update delete methods",
    "prediction": "run list show update delete methods",
    "label": "list show create update delete set read suggest",
    "selection": "list show create update delete",
    "operation": "list show wait cancel",
    "pipeline": "run",
    "demo": "simulate",
}
ALONE = ("similar", "similar-to-each", "export", "doctor")
PROCESSES = ("up", "serve", "explorer", "vectors", "worker", "migrate")


def run(*arguments, **environment):
    return CliRunner().invoke(app, list(arguments), env={"LSE_PROJECT": None, **environment})


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_has_its_commands(group):
    shown = run(group)
    assert shown.exit_code == 0
    for command in GROUPS[group].split():
        assert f"  {command} " in shown.stdout
        helped = run(group, command, "-h")
        assert helped.exit_code == 0
        assert "--json" in helped.stdout
        if group != "demo":
            assert "--project" in helped.stdout
            assert "--address" in helped.stdout


@pytest.mark.parametrize("command", ALONE)
def test_every_single_command_has_help(command):
    assert run(command, "--help").exit_code == 0


@pytest.mark.parametrize("command", PROCESSES)
def test_every_process_has_help_on_its_settings(command):
    shown = run(command, "--help")
    assert shown.exit_code == 0
    assert shown.stdout.startswith(f"Usage: lse {command} [OPTIONS]")
    assert "--config PATH" in shown.stdout
    assert "--grpc-port is LSE_GRPC_PORT" in shown.stdout.replace("\n", " ").replace("- ", "-").replace("  ", "")


def test_up_has_the_options_of_the_design():
    shown = run("up", "--help").stdout
    for option in ("--home", "--host", "--grpc-port", "--dashboard-port", "--inference", "--workers", "--no-dashboard"):
        assert option in shown


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("datset list", "No such command 'datset'. Did you mean 'dataset'? See `root --help`."),
        ("dataset lst", "No such command 'lst'"),
        ("dataset show", "Missing argument 'NAME'; see `root dataset show --help`."),
        ("dataset list --nope", "No such option: --nope"),
        ("dataset show Bad!Name", "'Bad!Name' is not a valid dataset name"),
        ("dataset show a --project Up", "'Up' is not a valid project name"),
        ("dataset list --address nowhere:x", "'nowhere:x' is not an address of services"),
        ("dataset preview x --count 100", "'--count'"),
        ("encoder train e --dataset d", "Missing option '--method'"),
        ("encoder train e --dataset d --method m --set epochs", "--set takes key=value, not 'epochs'"),
        ("encoder train e --dataset d --method m --set a=1 --set a=2", "'a' is given twice"),
        ("encoder train e --dataset d --method m --seed many", "'--seed'"),
        ("projection run p --experiment x --method umap --components 4", "'--components'"),
        ("clustering run c --experiment x --method kmeans --on Bad!", "'Bad!' is not a valid projection name"),
        ("clustering compare a --experiment x", "name one of them"),
        ("similar x", "exactly one of --image, --file, --selection, --cluster, --like and --like-selection"),
        (
            "similar x --image a --file b",
            "exactly one of --image, --file, --selection, --cluster, --like and --like-selection",
        ),
        ("similar x --image a -k 0", "'-k'"),
        ("similar x --image a --scope near", "--scope cannot be 'near'"),
        ("similar x --image a --unlike b", "--unlike goes with --like or --like-selection"),
        ("similar x --like a --unlike b --unlike-selection c", "Give one of --unlike and --unlike-selection"),
        ("similar x --cluster 3", "--cluster needs --clustering"),
        ("similar x --image a --scope same-cluster", "--scope same-cluster needs --clustering"),
        ("similar-to-each x", "exactly one of --images, --rows, --rows-from and --vectors"),
        ("similar-to-each x --rows 1 --vectors a.npy", "exactly one of --images, --rows, --rows-from and --vectors"),
        ("similar-to-each x --rows 1 --out a.txt", "neither .csv nor .parquet"),
        ("selection create s --dataset d", "either --rows or --rows-from"),
        ("selection create s --dataset d --rows 9-1", "'9-1' is not a row"),
        ("up --inference cuda", "--inference cannot be 'cuda': it must be one of auto, triton, onnxruntime"),
        ("up --grpc-port 99999", "--grpc-port cannot be '99999': it must be a whole number from 0 to 65535"),
        ("up --grpc-prot 1", "No such option: --grpc-prot"),
        ("serve ingestion --host", "Option '--host' requires an argument"),
        ("worker --config nowhere.yaml", "The configuration file nowhere.yaml cannot be read"),
        ("migrate extra", "Got unexpected extra argument"),
        ("demo simulate x --count 0", "'--count'"),
    ],
)
def test_wrong_argument_is_told_in_one_sentence(line, told):
    result = run(*line.split(), LSE_ADDRESS="127.0.0.1:9")
    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stderr.endswith(".\n")
    assert result.stdout == ""


def test_version():
    assert run("--version").stdout.startswith("lse 0.")


def test_shells_complete_commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("_LSE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "lse dataset in")
    monkeypatch.setenv("COMP_CWORD", "2")
    with pytest.raises(SystemExit):
        app(prog_name="lse")
    assert capsys.readouterr().out.split() == ["ingest"]
