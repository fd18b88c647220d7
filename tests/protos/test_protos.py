"""The protobuf files: their comments and style, and that the committed generated code is theirs."""

from __future__ import annotations

import importlib
import importlib.resources
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.api import field_behavior_pb2, resource_pb2
from google.longrunning import operations_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet, MethodOptions

from lse import names
from lse.server import SERVICES

ROOT = Path(__file__).resolve().parents[2]
PROTOS = ROOT / "protos"
FILES = sorted(path.relative_to(PROTOS).as_posix() for path in (PROTOS / "latentspace").rglob("*.proto"))

PATTERNS = [value for value in vars(names).values() if isinstance(value, names.NamePattern)]


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> list[FileDescriptorProto]:
    """The project's own files with the places of their comments."""
    out = tmp_path_factory.mktemp("protos") / "set.pb"
    options = ["--include_source_info", f"--descriptor_set_out={out}", "-I", PROTOS, "-I", PROTOS / "third_party"]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *options, *FILES], check=True)
    return list(FileDescriptorSet.FromString(out.read_bytes()).file)


def methods() -> Iterator[MethodDescriptor]:
    for area in SERVICES:
        module = importlib.import_module(f"latentspace.{area}.v1.{area}_pb2")
        (service,) = module.DESCRIPTOR.services_by_name.values()
        yield from service.methods


def elements(file: FileDescriptorProto) -> Iterator[tuple[tuple[int, ...], str]]:
    """Path (numbers of the fields of FileDescriptorProto) and name of everything that a reader may look up."""

    def of_enum(path: tuple[int, ...], enum: object) -> Iterator[tuple[tuple[int, ...], str]]:
        yield path, enum.name
        yield from (((*path, 2, i), f"{enum.name}.{value.name}") for i, value in enumerate(enum.value))

    def of_message(path: tuple[int, ...], message: object) -> Iterator[tuple[tuple[int, ...], str]]:
        if message.options.map_entry:
            return
        yield path, message.name
        yield from (((*path, 2, i), f"{message.name}.{field.name}") for i, field in enumerate(message.field))
        for i, inner in enumerate(message.nested_type):
            yield from of_message((*path, 3, i), inner)
        for i, inner in enumerate(message.enum_type):
            yield from of_enum((*path, 4, i), inner)

    for i, message in enumerate(file.message_type):
        yield from of_message((4, i), message)
    for i, enum in enumerate(file.enum_type):
        yield from of_enum((5, i), enum)
    for i, service in enumerate(file.service):
        yield (6, i), service.name
        yield from (((6, i, 2, j), f"{service.name}.{method.name}") for j, method in enumerate(service.method))


def test_everything_has_a_comment(parsed: list[FileDescriptorProto]) -> None:
    bare = []
    for file in parsed:
        commented = {tuple(place.path) for place in file.source_code_info.location if place.leading_comments.strip()}
        bare += [f"{file.name}: {name}" for path, name in elements(file) if path not in commented]
    assert sum(1 for file in parsed for _ in elements(file)) > 300
    assert bare == []


def test_generated_code_is_that_of_the_files() -> None:
    done = subprocess.run([ROOT / "scripts" / "protos.sh", "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "arguments",
    [("lint",), ("format", "--diff", "--exit-code"), ("breaking", "--against", "baseline.binpb")],
    ids=lambda words: words[0],
)
def test_buf_is_content(arguments: tuple[str, ...]) -> None:
    if not list((ROOT / ".tools").glob("buf-*/node_modules/.bin/buf")):
        if shutil.which("npm") is None:
            pytest.skip("buf is not here and neither is npm, which brings it: install npm")
        pytest.skip("buf is not here: `make test` and `make lint` install it, scripts/buf.sh does it alone")
    done = subprocess.run([ROOT / "scripts" / "buf.sh", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def fields(message: Descriptor) -> set[str]:
    """Names of the fields of a message and of those right inside it: a streamed request begins with its description."""
    inside = [field.message_type for field in message.fields if field.message_type is not None]
    return {field.name for field in message.fields} | {field.name for inner in inside for field in inner.fields}


@pytest.mark.parametrize("method", list(methods()), ids=lambda method: method.full_name)
def test_method_follows_the_conventions(method: MethodDescriptor) -> None:
    if method.output_type.full_name == "google.longrunning.Operation":
        info = method.GetOptions().Extensions[operations_pb2.operation_info]
        assert info.response_type
        assert info.metadata_type == "latentspace.type.v1.OperationMetadata"
        assert "request_id" in fields(method.input_type)
    if method.name.startswith(("Get", "Delete")):
        assert "name" in fields(method.input_type)
    if method.name.startswith("Delete"):
        assert method.output_type.full_name == "google.protobuf.Empty"
    # What a service itself offers, such as its methods, is a short list that no one pages.
    if method.name.startswith("List") and "parent" in fields(method.input_type):
        assert {"page_size", "page_token"} <= fields(method.input_type)
        assert "next_page_token" in fields(method.output_type)
    level = method.GetOptions().idempotency_level
    if method.name.startswith(("Get", "List", "Read", "Search", "Preview")):
        assert level == MethodOptions.NO_SIDE_EFFECTS
    elif "request_id" in fields(method.input_type) or method.name.startswith(("Delete", "Update", "Set")):
        assert level == MethodOptions.IDEMPOTENT
    else:
        assert method.GetOptions().HasField("idempotency_level"), "say whether a client may send it again"


def messages() -> Iterator[Descriptor]:
    for file in FILES:
        module = importlib.import_module(file.removesuffix(".proto").replace("/", ".") + "_pb2")
        yield from module.DESCRIPTOR.message_types_by_name.values()


def resource_types() -> dict[str, str]:
    """Pattern of the names of each type of resource."""
    declared = [message.GetOptions().Extensions[resource_pb2.resource] for message in messages()]
    operation = importlib.import_module("latentspace.type.v1.operation_pb2").DESCRIPTOR.GetOptions()
    declared += operation.Extensions[resource_pb2.resource_definition]
    return {each.type: each.pattern[0] for each in declared if each.type}


def test_resources_are_named_as_the_code_names_them() -> None:
    assert sorted(resource_types().values()) == sorted(pattern.template for pattern in PATTERNS)


def test_every_name_of_a_resource_says_of_which_type() -> None:
    types = resource_types()
    singular = {pattern.template.rsplit("{", 1)[1].rstrip("}") for pattern in PATTERNS}
    bare = []
    for message in messages():
        for field in message.fields:
            options = field.GetOptions()
            reference = options.Extensions[resource_pb2.resource_reference]
            named = reference.type or reference.child_type
            if named:
                assert named == "*" or named in types, field.full_name
            elif field.type == FieldDescriptor.TYPE_STRING and field.name in {"name", "parent", *singular}:
                identifier = field_behavior_pb2.IDENTIFIER in options.Extensions[field_behavior_pb2.field_behavior]
                if not (identifier and message.GetOptions().Extensions[resource_pb2.resource].type):
                    bare.append(field.full_name)
    assert bare == []


def test_the_package_has_a_descriptor_set_of_the_whole_api(parsed: list[FileDescriptorProto]) -> None:
    content = (importlib.resources.files("latentspace") / "api.binpb").read_bytes()
    files = {file.name: file for file in FileDescriptorSet.FromString(content).file}
    for file in parsed:
        assert [service.name for service in files[file.name].service] == [service.name for service in file.service]
    # With what they import, so that tools need no other file.
    assert {imported for file in files.values() for imported in file.dependency} <= set(files)
