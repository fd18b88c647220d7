"""The reference of the gRPC API: one page per protobuf package, made from the comments of the protobuf files."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator
from pathlib import Path

from google.protobuf import descriptor_pb2 as pb

__all__ = ["write_reference"]

_SCALARS = {
    number: name.removeprefix("TYPE_").lower() for name, number in pb.FieldDescriptorProto.Type.items()
}  # "int64", "string", "message", …
# Numbers of the fields of descriptor.proto, of which the paths of comments are made.
_FILE_MESSAGE, _FILE_ENUM, _FILE_SERVICE = 4, 5, 6
_MESSAGE_FIELD, _MESSAGE_NESTED, _MESSAGE_ENUM, _SERVICE_METHOD, _ENUM_VALUE = 2, 3, 4, 2, 2
_Path = tuple[int, ...]


def write_reference(folder: Path) -> None:
    """Write the pages into a folder, with an ``index.md`` that lists them."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for file in _files():
        if not file.package.startswith("latentspace."):
            continue
        area = file.package.split(".")[1]
        names.append(area)
        page = folder / f"{area}.md"
        began = f"# `{file.package}`\n" if names.count(area) == 1 else page.read_text()
        page.write_text(began + "\n".join(_page(file)) + "\n")
    listed = "\n".join(sorted(set(names)))
    (folder / "index.md").write_text(f"# gRPC API\n\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n")


def _files() -> list[pb.FileDescriptorProto]:
    content = (importlib.resources.files("latentspace") / "api.binpb").read_bytes()
    return list(pb.FileDescriptorSet.FromString(content).file)


def _page(file: pb.FileDescriptorProto) -> Iterator[str]:
    comments: dict[_Path, str] = {
        tuple(place.path): " ".join(place.leading_comments.split()) for place in file.source_code_info.location
    }
    for i, service in enumerate(file.service):
        path: _Path = (_FILE_SERVICE, i)
        yield f"\n## {service.name}\n\n{comments.get(path, '')}\n\n| method | request | answer | |\n|---|---|---|---|"
        for j, method in enumerate(service.method):
            request, answer = (
                ("stream of " if streams else "") + f"`{kind.rsplit('.', 1)[-1]}`"
                for kind, streams in (
                    (method.input_type, method.client_streaming),
                    (method.output_type, method.server_streaming),
                )
            )
            said = comments.get((*path, _SERVICE_METHOD, j), "")
            yield f"| `{method.name}` | {request} | {answer} | {said} |"
    for i, message in enumerate(file.message_type):
        yield from _message(message, (_FILE_MESSAGE, i), "", comments)
    for i, enum in enumerate(file.enum_type):
        yield from _enum(enum, (_FILE_ENUM, i), "", comments)


def _message(message: pb.DescriptorProto, path: _Path, within: str, comments: dict[_Path, str]) -> Iterator[str]:
    yield f"\n## {within}{message.name}\n\n{comments.get(path, '')}\n"
    if message.field:
        yield "| field | type | |\n|---|---|---|"
    for i, field in enumerate(message.field):
        kind = field.type_name.rsplit(".", 1)[-1] or _SCALARS[field.type]
        repeated = "repeated " if field.label == pb.FieldDescriptorProto.LABEL_REPEATED else ""
        yield f"| `{field.name}` | {repeated}`{kind}` | {comments.get((*path, _MESSAGE_FIELD, i), '')} |"
    inside = f"{within}{message.name}."
    for i, nested in enumerate(message.nested_type):
        if not nested.options.map_entry:
            yield from _message(nested, (*path, _MESSAGE_NESTED, i), inside, comments)
    for i, enum in enumerate(message.enum_type):
        yield from _enum(enum, (*path, _MESSAGE_ENUM, i), inside, comments)


def _enum(enum: pb.EnumDescriptorProto, path: _Path, within: str, comments: dict[_Path, str]) -> Iterator[str]:
    yield f"\n## {within}{enum.name}\n\n{comments.get(path, '')}\n\n| value | |\n|---|---|"
    for i, value in enumerate(enum.value):
        yield f"| `{value.name}` | {comments.get((*path, _ENUM_VALUE, i), '')} |"
