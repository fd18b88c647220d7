"""What the documents show exists: every command with its options, every call of the client with its arguments."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import shlex
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from lse.cli.main import app
from lse.client import connect

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts)]
COMMAND = typer.main.get_command(app)
# What stands for something else in a line that shows how a command is used.
PLACEHOLDER = re.compile(r"[A-Z_]+|…|\.\.\.|<.*|[\[(].*|.*[\])]|\|")


def blocks(page: Path, *languages: str) -> Iterator[tuple[int, str]]:
    """Code blocks of some languages, with the lines at which they begin."""
    text = page.read_text(encoding="utf-8")
    for found in re.finditer(r"^```([a-z{}]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if found[1] in languages:
            yield text[: found.start(2)].count("\n") + 1, found[2]


def _all(words: Iterator[str], *, place: str) -> list[str]:
    try:
        return list(words)
    except ValueError as error:
        raise AssertionError(f"{place}: {error}") from error


def commands() -> Iterator[tuple[str, list[str], bool]]:
    """Place, words and whether it is complete of every `lse` command in the documents."""
    for page in PAGES:
        for line, block in blocks(page, "", "bash", "sh", "console"):
            for text in re.findall(r"^(?:\$ )?(?:\w+=\S+ )*lse (.*)$", re.sub(r"\\\n\s*", " ", block), re.MULTILINE):
                words = shlex.shlex(text, posix=True, punctuation_chars="|&;>")
                words.commenters, words.whitespace_split = "#", True
                ours = itertools.takewhile(lambda word: not set(word) <= set("|&;>"), _all(words, place=text))
                yield f"{page.relative_to(ROOT)}:{line}", list(ours), True
        for text in re.findall(r"`(?:\w+=\S+ )*lse ([a-z][^`]*)`", page.read_text(encoding="utf-8")):
            yield str(page.relative_to(ROOT)), text.replace("\n", " ").split(), False


COMMANDS = list(commands())


@pytest.mark.parametrize("number", range(0, len(COMMANDS), 40))
def test_documents_name_commands_and_options_that_exist(number: int) -> None:
    wrong = [
        f"{place}: lse {' '.join(words)}: {fault}"
        for place, words, complete in COMMANDS[number : number + 40]
        if (fault := fault_of(words, complete=complete))
    ]
    assert not wrong, "\n".join(wrong)


def fault_of(words: list[str], *, complete: bool) -> str:
    """What is wrong with a command; empty where nothing is."""
    command: Any = COMMAND
    context = command.context_class(command, info_name="lse")
    rest = list(words)
    while isinstance(command, TyperGroup) and rest and not rest[0].startswith("-"):
        name = rest.pop(0)
        alternatives = name.split("|")
        known = [command.get_command(context, each) for each in alternatives if not PLACEHOLDER.fullmatch(each)]
        if None in known:
            return f"there is no command {name}"
        if not known:
            return ""
        command = known[0]
        context = command.context_class(command, info_name=name, parent=context)
    options = {option for each in command.get_params(context) for option in (*each.opts, *each.secondary_opts)}
    if command.context_settings.get("ignore_unknown_options"):
        # Its options are settings, which are loaded when it is called.
        options, complete = help_options(str(command.name)), False
    if complete and not isinstance(command, TyperGroup) and not any(PLACEHOLDER.fullmatch(word) for word in rest):
        try:
            command.make_parser(context).parse_args(rest)
        except Exception as error:  # noqa: BLE001  # whatever it is, the line cannot be typed as it is shown
            return str(getattr(error, "message", error))
    options |= set(command.get_help_option_names(context))
    unknown = {word.partition("=")[0].strip("[](),.") for word in rest if word.lstrip("[(").startswith("--")} - options
    return f"it has no {', '.join(sorted(unknown))}" if unknown else ""


@cache
def help_options(name: str) -> set[str]:
    return set(re.findall(r"--[a-z][a-z-]*", CliRunner().invoke(app, [name, "--help"]).stdout))


def test_there_are_commands_to_check() -> None:
    assert len(COMMANDS) > 100
    assert fault_of(["dataset", "ingets", "x"], complete=True)
    assert fault_of(["dataset", "ingest", "x", "--catalog", "y"], complete=True)


def test_python_of_the_documents_names_what_exists() -> None:
    wrong, checked = [], 0
    with connect("127.0.0.1:9") as client:
        for page in PAGES:
            for line, block in blocks(page, "python"):
                for node in ast.walk(ast.parse(block)):
                    try:
                        checked += check(node, client)
                    except (AttributeError, ImportError, TypeError) as error:
                        wrong.append(f"{page.relative_to(ROOT)}:{line}: {ast.unparse(node)}: {error}")
    assert not wrong, "\n".join(wrong)
    assert checked >= 30


def check(node: ast.AST, client: Any) -> int:
    """Import what is imported, and bind the arguments of what is called of the client; how much there was."""
    if isinstance(node, ast.ImportFrom):
        module = import_module(str(node.module))
        for name in node.names:
            getattr(module, name.name)
        return 1
    if not isinstance(node, ast.Call):
        return 0
    path, base = [], node.func
    while isinstance(base, ast.Attribute):
        path.insert(0, base.attr)
        base = base.value
    if not (path and isinstance(base, ast.Name) and base.id == "client"):
        return 0
    called = client
    for name in path:
        called = getattr(called, name)
    inspect.signature(called).bind(*node.args, **{str(given.arg): given.value for given in node.keywords})
    return 1
