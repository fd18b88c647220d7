"""The table of what each role may do, made from what the API declares; `python docs/security_roles.py` writes it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

from google.longrunning import operations_pb2  # noqa: F401  # its service is looked up by its name
from google.protobuf import descriptor_pool

from lse.platform.rpc.reflection import declare_v1
from lse.platform.rpc.requirements import need_of
from lse.server import SERVICES

__all__ = ["COLUMNS", "PAGE", "declared_methods", "page_with_table"]

PAGE = Path(__file__).resolve().parent / "reference" / "security.md"
COLUMNS = ("nobody", "any login", "viewer", "editor", "admin", "operator")
_LEVELS = ("anyone", "login", "viewer", "editor", "admin", "operator")
_BEGIN, _END = "<!-- roles: made by docs/security_roles.py -->\n", "<!-- end of roles -->\n"
_FURTHER = (
    *("google.longrunning.Operations", "grpc.health.v1.Health"),
    *("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"),
)


def declared_methods() -> Iterator[str]:
    """Full names of all methods that services answer."""
    importlib.import_module("grpc_health.v1.health_pb2")
    declare_v1()
    services = []
    for area in SERVICES:
        module = importlib.import_module(f"latentspace.{area}.v1.{area}_pb2")
        services += [service.full_name for service in module.DESCRIPTOR.services_by_name.values()]
    for name in (*services, *_FURTHER):
        yield from (f"{name}/{method.name}" for method in descriptor_pool.Default().FindServiceByName(name).methods)


def page_with_table(page: str) -> str:
    """The page with the table as it is to be."""
    lines = [f"| method | {' | '.join(COLUMNS)} |", f"|---|{'---|' * len(COLUMNS)}"]
    for method in declared_methods():
        need = need_of(method)
        first = len(_LEVELS) if need is None else _LEVELS.index(need.level)
        lines.append(f"| `{method}` | {' | '.join('yes' if at >= first else 'no' for at in range(len(_LEVELS)))} |")
    before, rest = page.split(_BEGIN)
    _, after = rest.split(_END)
    return f"{before}{_BEGIN}\n" + "\n".join(lines) + f"\n\n{_END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page_with_table(PAGE.read_text()))
