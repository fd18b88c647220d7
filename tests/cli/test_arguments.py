"""Wrong arguments: one sentence and status 2, before anything is sent."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from lse.cli.main import app

GROUPS = {
    "dataset": "ingest preview add list show images delete",
    "encoder": "train import pretrained estimate backbones evaluate run list show delete methods",
    "experiment": "encode import list show delete",
    "projection": "run transform list show delete methods",
    "clustering": "run compare list show delete methods",
    "label": "list show create update delete set read suggest",
    "selection": "list show create delete",
    "operation": "list show wait cancel",
    "pipeline": "run",
    "demo": "simulate",
}
ALONE = ("similar", "export", "doctor", "up")


def run(*arguments, **environment):
    return CliRunner().invoke(app, list(arguments), env={"LSE_PROJECT": None, **environment})


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_has_its_commands(group):
    shown = run(group)
    assert shown.exit_code == 0
    for command in GROUPS[group].split():
        assert f"  {command} " in shown.stdout
        helped = run(group, command, "--help")
        assert helped.exit_code == 0
        assert "--json" in helped.stdout
        if group != "demo":
            assert "--project" in helped.stdout
            assert "--address" in helped.stdout


@pytest.mark.parametrize("command", ALONE)
def test_every_single_command_has_help(command):
    assert run(command, "--help").exit_code == 0


def test_up_has_the_options_of_the_design():
    shown = run("up", "--help").stdout
    for option in ("--home", "--host", "--grpc-port", "--dashboard-port", "--inference", "--workers", "--no-dashboard"):
        assert option in shown


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("datset list", "No such command 'datset'. Did you mean 'dataset'"),
        ("dataset lst", "No such command 'lst'"),
        ("dataset show", "Missing argument 'NAME'"),
        ("dataset list --nope", "No such option: --nope"),
        ("dataset show Bad!Name", "'Bad!Name' cannot name a dataset"),
        ("dataset show a --project Up", "'Up' cannot name a project"),
        ("dataset list --address nowhere:x", "'nowhere:x' is no address of services"),
        ("dataset preview x --count 100", "'--count'"),
        ("encoder train e --dataset d", "Missing option '--method'"),
        ("encoder train e --dataset d --method m --set epochs", "--set takes key=value, not 'epochs'"),
        ("encoder train e --dataset d --method m --set a=1 --set a=2", "gives 'a' twice"),
        ("encoder train e --dataset d --method m --seed many", "'--seed'"),
        ("projection run p --experiment x --method umap --components 4", "'--components'"),
        ("clustering run c --experiment x --method kmeans --on Bad!", "'Bad!' cannot name a projection"),
        ("clustering compare a --experiment x", "name one of them"),
        ("similar x", "exactly one of --image, --file and --selection"),
        ("similar x --image a --file b", "exactly one of --image, --file and --selection"),
        ("similar x --image a -k 0", "'-k'"),
        ("similar x --image a --scope near", "--scope cannot be 'near'"),
        ("similar x --image a --scope same-cluster", "--scope same-cluster needs --clustering"),
        ("export x out.txt", "format 'txt'"),
        ("export x out.csv --format xlsx", "--format cannot be 'xlsx'"),
        ("selection create s --dataset d", "either --rows or --rows-from"),
        ("selection create s --dataset d --rows 9-1", "'9-1' is no row"),
        ("up --inference cuda", "--inference cannot be 'cuda'"),
        ("up --grpc-port 99999", "'--grpc-port'"),
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
