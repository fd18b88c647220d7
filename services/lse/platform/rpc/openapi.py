"""The API described for those who speak HTTP: an OpenAPI document and a page, made from the protobuf files."""

from __future__ import annotations

import html
import importlib
import importlib.resources
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from google.api import field_behavior_pb2
from google.protobuf import descriptor_pb2 as pb
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, MethodDescriptor, ServiceDescriptor

__all__ = ["api_document", "api_methods", "api_page"]

_Schema = dict[str, Any]

# As protobuf writes them in JSON: numbers of 64 bits as text, since JavaScript has none, and NaN and infinity too.
_INTEGER: _Schema = {"type": "integer", "format": "int32"}
_LONG: _Schema = {"type": ["string", "integer"], "format": "int64"}
_REAL: _Schema = {"type": ["number", "string"], "format": "double"}
_SCALARS: dict[int, _Schema] = {
    FieldDescriptor.CPPTYPE_INT32: _INTEGER,
    FieldDescriptor.CPPTYPE_UINT32: _INTEGER,
    FieldDescriptor.CPPTYPE_INT64: _LONG,
    FieldDescriptor.CPPTYPE_UINT64: _LONG,
    FieldDescriptor.CPPTYPE_FLOAT: _REAL,
    FieldDescriptor.CPPTYPE_DOUBLE: _REAL,
    FieldDescriptor.CPPTYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.CPPTYPE_STRING: {"type": "string"},
}
_WELL_KNOWN: dict[str, _Schema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "examples": ["1.5s"]},
    "google.protobuf.FieldMask": {"type": "string", "examples": ["displayName,description"]},
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.Value": {},
    "google.protobuf.ListValue": {"type": "array"},
    "google.protobuf.Empty": {"type": "object"},
    "google.protobuf.Any": {
        "type": "object",
        "properties": {"@type": {"type": "string", "description": "Type of the message, after its last slash."}},
        "required": ["@type"],
    },
}
_ERROR: _Schema = {
    "type": "object",
    "description": "Why a call failed (AIP-193).",
    "properties": {
        "code": {"type": "string", "description": "Canonical code of gRPC, such as not_found."},
        "message": {"type": "string", "description": "One sentence that says what is wrong and what to do."},
        "details": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "type": {"type": "string", "const": "google.rpc.ErrorInfo"},
                    "value": {"type": "string", "contentEncoding": "base64"},
                    "debug": {
                        "type": "object",
                        "description": "The same in JSON.",
                        "properties": {
                            "reason": {"type": "string"},
                            "domain": {"type": "string"},
                            "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
                        },
                    },
                },
            },
        },
    },
    "required": ["code", "message"],
}
_ABOUT = """Every method of the gRPC API takes a POST of its request as JSON and answers with JSON, by the protocol of
[Connect](https://connectrpc.com/docs/protocol). `Authorization: Bearer TOKEN` says who calls, `Connect-Timeout-Ms` how
long the caller waits, `x-request-id` how the log names the call. Methods that take or give streams speak
`application/connect+json`: each message comes after a byte of flags and four bytes of its length."""


@cache
def _files() -> list[pb.FileDescriptorProto]:
    """All protobuf files of the API, with their comments."""
    content = (importlib.resources.files("latentspace") / "api.binpb").read_bytes()
    return list(pb.FileDescriptorSet.FromString(content).file)


@cache
def _services() -> list[ServiceDescriptor]:
    for file in _files():
        if file.package.startswith("latentspace."):
            # Known by name from here on, also what no service of this process uses.
            importlib.import_module(f"{file.name.removesuffix('.proto').replace('/', '.')}_pb2")
    names = (f"{file.package}.{service.name}" for file in _files() for service in file.service)
    return [descriptor_pool.Default().FindServiceByName(name) for name in names]


@cache
def api_methods() -> dict[str, MethodDescriptor]:
    """Methods of the API by their full names."""
    return {method.full_name: method for service in _services() for method in service.methods}


@cache
def _comments() -> dict[str, str]:
    """Comments of the protobuf files, by the full name of what they are of."""
    found = {}
    for file in _files():
        for place in file.source_code_info.location:
            if place.leading_comments:
                found[_name_at(file, list(place.path))] = " ".join(place.leading_comments.split())
    return found


def _name_at(file: Any, path: list[int]) -> str:
    """Full name of what a path of numbers leads to: fields of messages of descriptors, and places in them."""
    name, node = file.package, file
    while len(path) >= 2:
        field, index, *path = path
        node = getattr(node, node.DESCRIPTOR.fields_by_number[field].name)
        if not hasattr(node, "add"):
            return ""  # an option, for instance
        node = node[index]
        name = f"{name}.{getattr(node, 'name', '')}"
    return "" if path else name


@cache
def api_document() -> dict[str, Any]:
    """OpenAPI 3.1 of all methods."""
    schemas: dict[str, _Schema] = {"Error": _ERROR}
    paths = {
        f"/{method.containing_service.full_name}/{method.name}": {"post": _operation(method, schemas)}
        for method in api_methods().values()
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Latent Space Explorer", "version": "v1", "description": _ABOUT},
        "servers": [{"url": "/"}],
        "security": [{}, {"token": []}],
        "tags": [{"name": each.full_name, "description": _comments().get(each.full_name, "")} for each in _services()],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": dict(sorted(schemas.items())),
        },
    }


def _operation(method: MethodDescriptor, schemas: dict[str, _Schema]) -> dict[str, Any]:
    said = _comments().get(method.full_name, "")
    kind = f"application/{'connect+' if _streams(method) else ''}json"

    def body(message: Descriptor, told: str) -> dict[str, Any]:
        return {"description": told, "content": {kind: {"schema": _reference(message, schemas)}}}

    failed = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {
        "operationId": method.full_name,
        "tags": [method.containing_service.full_name],
        "summary": re.split(r"(?<=[.:]) ", said, maxsplit=1)[0].rstrip(".:"),
        "description": said,
        "requestBody": body(method.input_type, _counted(method.client_streaming)) | {"required": True},
        "responses": {
            "200": body(method.output_type, _counted(method.server_streaming)),
            "default": {"description": "Why the call failed.", "content": failed},
        },
    }


def _streams(method: MethodDescriptor) -> bool:
    return bool(method.client_streaming or method.server_streaming)


def _counted(many: bool) -> str:
    return "A stream of messages." if many else "One message."


def _reference(descriptor: Descriptor | EnumDescriptor, schemas: dict[str, _Schema]) -> _Schema:
    """Reference to the schema of a message or an enum, which is written where it is not yet."""
    name = descriptor.full_name
    if name in _WELL_KNOWN:
        return _WELL_KNOWN[name]
    if name not in schemas:
        schemas[name] = {}  # a message can have fields of its own kind
        if isinstance(descriptor, EnumDescriptor):
            schemas[name] = _enum(descriptor)
        else:
            schemas[name] = _object(descriptor, schemas)
    return {"$ref": f"#/components/schemas/{name}"}


def _enum(descriptor: EnumDescriptor) -> _Schema:
    values = [value.name for value in descriptor.values]
    said = [_comments().get(descriptor.full_name, "")]
    for value in values:
        told = _comments().get(f"{descriptor.full_name}.{value}")
        said += [f"{value}: {told}"] if told else []
    return {"type": "string", "enum": values, "description": "\n\n".join(said)}


def _object(descriptor: Descriptor, schemas: dict[str, _Schema]) -> _Schema:
    required = [field.json_name for field in descriptor.fields if field_behavior_pb2.REQUIRED in _behaviour(field)]
    schema: _Schema = {
        "type": "object",
        "description": _comments().get(descriptor.full_name, ""),
        "properties": {field.json_name: _property(field, schemas) for field in descriptor.fields},
        "additionalProperties": False,
    }
    # What is empty is left out of answers.
    return schema | ({"required": required} if required and descriptor.name.endswith("Request") else {})


def _property(field: FieldDescriptor, schemas: dict[str, _Schema]) -> _Schema:
    schema = _value(field, schemas)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        schema = {"type": "object", "additionalProperties": _value(field.message_type.fields_by_name["value"], schemas)}
    elif field.is_repeated:
        schema = {"type": "array", "items": schema}
    said = _comments().get(field.full_name, "")
    one_of = field.containing_oneof
    if one_of is not None and len(one_of.fields) > 1:
        said = f"{said} One of {', '.join(each.json_name for each in one_of.fields)}."
    read_only = {"readOnly": True} if field_behavior_pb2.OUTPUT_ONLY in _behaviour(field) else {}
    return {**schema, "description": said.strip(), **read_only}


def _value(field: FieldDescriptor, schemas: dict[str, _Schema]) -> _Schema:
    if field.type == FieldDescriptor.TYPE_BYTES:
        return {"type": "string", "contentEncoding": "base64"}
    if field.message_type is not None:
        is_map = field.message_type.GetOptions().map_entry
        return {} if is_map else _reference(field.message_type, schemas)
    if field.enum_type is not None:
        return _reference(field.enum_type, schemas)
    return _SCALARS[field.cpp_type]


def _behaviour(field: FieldDescriptor) -> list[int]:
    return list(field.GetOptions().Extensions[field_behavior_pb2.field_behavior])


def api_page(address: str) -> str:
    """Page of all methods, as HTML without scripts.

    Parameters
    ----------
    address
        ``http://HOST:PORT`` under which it was asked for.
    """
    return "\n".join(_lines(html.escape(address)))


def _lines(address: str) -> Iterator[str]:
    example = "latentspace.ingestion.v1.IngestionService/ListDatasets"
    body = html.escape('{"parent": "projects/default"}')
    yield "<!doctype html><html lang=en><meta charset=utf-8><title>Latent Space Explorer: HTTP API</title>"
    yield "<style>body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    yield "pre{background:#f2f2f2;padding:1rem;overflow:auto}dt{font-family:monospace;margin-top:.6rem}"
    yield "@media (prefers-color-scheme:dark){body{background:#181818;color:#eee}pre{background:#2a2a2a}a{color:#8bf}}"
    yield "</style><h1>Latent Space Explorer: HTTP API</h1><p>Every method takes a POST of its request as JSON:</p>"
    yield f"<pre>curl -H 'Content-Type: application/json' -d '{body}' {address}/{example}</pre>"
    yield '<p><code>-H "Authorization: Bearer $TOKEN"</code> says who calls, where a login is needed. '
    yield '<a href="/openapi.json">openapi.json</a> describes requests and answers for tools (OpenAPI 3.1).</p>'
    for service in _services():
        about = html.escape(_comments().get(service.full_name, ""))
        yield f"<h2>{service.name}</h2><p>{about}</p><dl>"
        for method in service.methods:
            stream = " (stream)" if _streams(method) else ""
            said = html.escape(_comments().get(method.full_name, ""))
            yield f"<dt>/{service.full_name}/{method.name}{stream}</dt><dd>{said}</dd>"
        yield "</dl>"
    yield "</html>"
