"""Write the types of the asynchronous client from the classes of the client; with ``--check`` only compare them."""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from lse.client.client import Client, connect
from lse.client.operations import Operation

ROOT = Path(__file__).resolve().parents[1]
STUB = ROOT / "services/lse/client/asynchronous.pyi"
# Bases without public methods, and methods that `asynchronous.py` has in a form of its own.
HIDDEN = {"Subject", "Collection"}
OWN = {("Operation", "wait"), ("Operation", "result"), ("Client", "with_project")}
HEAD = "# Written by scripts/async_stub.py; do not edit.\n"
EXPORTS = '__all__ = ["AsyncClient", "AsyncOperation", "connect_async"]\n'
OPERATION = """
    def __init__(self, sync: Operation[T]) -> None: ...
    async def wait(self, timeout: float | None = ...) -> T: ...
    def result(self) -> T: ...
"""
CLIENT = """
    def __init__(self, sync: Client) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_: object) -> None: ...
    def with_project(self, project: str) -> AsyncClient: ...

def connect_async(
    address: str | None = ..., *, token: str | None = ..., project: str | None = ...
) -> AsyncClient: ...
"""


class Types(ast.NodeTransformer):
    """Types of the asynchronous client in place of those of the client."""

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """Rename a type."""
        return ast.Name({"Operation": "AsyncOperation", "Iterator": "AsyncIterator"}.get(node.id, node.id))


def members(cls: ast.ClassDef) -> Iterator[ast.stmt]:
    """Public methods and properties of a class, without bodies and defaults."""
    for node in cls.body:
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("_") or (cls.name, node.name) in OWN:
            continue
        node.body = [ast.Expr(ast.Constant(...))]
        node.args.kw_defaults = [each and ast.Constant(...) for each in node.args.kw_defaults]
        node.args.defaults = [ast.Constant(...) for _ in node.args.defaults]
        iterates = ast.unparse(node.returns or ast.Constant(None)).startswith("Iterator[")
        kind = ast.FunctionDef if node.decorator_list or iterates else ast.AsyncFunctionDef
        fields = {field: getattr(node, field) for field in node._fields if hasattr(node, field)}
        yield ast.fix_missing_locations(Types().visit(kind(**fields)))


def bases(cls: ast.ClassDef) -> Iterator[str]:
    """Bases of the asynchronous class."""
    for base in cls.bases:
        name, _, arguments = ast.unparse(base).partition("[")
        if name == "Generic":
            yield ast.unparse(base)
        elif name not in HIDDEN:
            yield f"_Async{ast.unparse(base)}"
        elif arguments:
            yield f"Generic[{arguments}"


def imports(tree: ast.AST, module: ast.Module, path: str) -> Iterator[str]:
    """Lines that define the names in a tree as a module does; what the module defines itself is imported from it."""
    for name in sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}):
        for node in ast.walk(module):
            names = {alias.asname or alias.name for alias in getattr(node, "names", ())}
            if isinstance(node, ast.ImportFrom) and name in names:
                yield f"from {node.module} import {name}"
            elif isinstance(node, ast.Import) and name in names:
                yield ast.unparse(node)
            elif isinstance(node, ast.Assign) and name in {getattr(target, "id", "") for target in node.targets}:
                if ast.unparse(node.value).startswith("TypeVar"):
                    yield from imports(node.value, module, path)
                    yield ast.unparse(node)
                else:
                    yield f"from {path} import {name}"


def stub() -> str:
    """Text of the stub."""
    with connect() as client:
        subjects = {name: type(value) for name, value in vars(client).items() if not name.startswith("_")}
    lines = dict.fromkeys(["from typing import Self", "from collections.abc import AsyncIterator"])
    lines |= dict.fromkeys(f"from {cls.__module__} import {cls.__name__}" for cls in (Client, Operation))
    written = []
    for cls in dict.fromkeys(
        [Operation, *(cls for kind in subjects.values() for cls in reversed(kind.__mro__)), Client]
    ):
        if cls.__name__ in HIDDEN or not cls.__module__.startswith("lse.client"):
            continue
        module = ast.parse(inspect.getsource(importlib.import_module(cls.__module__)))
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
        assert isinstance(tree, ast.ClassDef)
        name = f"Async{cls.__name__}" if cls in {Operation, Client} else f"_Async{cls.__name__}"
        body = textwrap.indent("\n".join(map(ast.unparse, members(tree))) or "...", "    ")
        written.append(f"class {name}({', '.join(bases(tree))}):\n{body}\n")
        lines |= dict.fromkeys(imports(tree, module, cls.__module__))
    written[0] += OPERATION
    written[-1] += "".join(f"    {name}: _Async{kind.__name__}\n" for name, kind in subjects.items()) + CLIENT
    variables = [line for line in lines if " = TypeVar(" in line]
    text = "\n".join([HEAD, *(line for line in lines if line not in variables), EXPORTS, *variables, *written])
    for arguments in (["check", "--select", "I,F401,F811", "--fix", "--quiet"], ["format"]):
        ruff = [str(Path(sys.executable).with_name("ruff")), *arguments, "--stdin-filename", str(STUB), "-"]
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return text


def main() -> int:
    """Write the stub or compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail where the stub is not current")
    text = stub()
    if not parser.parse_args().check:
        STUB.write_text(text)
    elif text != STUB.read_text():
        sys.stderr.write("services/lse/client/asynchronous.pyi is not current: run `python scripts/async_stub.py`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
