"""What each method needs of its caller, as the API declares it, and the projects that its requests name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from google.api import field_behavior_pb2, resource_pb2
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import Message

from latentspace.type.v1 import requires_pb2

__all__ = ["Need", "need_of", "projects_of", "resources_of"]

_OPERATIONS = "google.longrunning.Operations"
# Services of others declare nothing of ours.  Probes carry no credentials.
_OTHERS: Mapping[str, tuple[str, bool]] = {
    "grpc.health.v1.Health/Check": ("anyone", False),
    "grpc.health.v1.Health/Watch": ("anyone", False),
    "grpc.health.v1.Health/List": ("anyone", False),
    "grpc.reflection.v1.ServerReflection/ServerReflectionInfo": ("login", False),
    "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": ("login", False),
    f"{_OPERATIONS}/ListOperations": ("viewer", False),
    f"{_OPERATIONS}/GetOperation": ("viewer", False),
    f"{_OPERATIONS}/WaitOperation": ("viewer", False),
    f"{_OPERATIONS}/CancelOperation": ("editor", True),
    f"{_OPERATIONS}/DeleteOperation": ("editor", True),
}


@dataclass(frozen=True)
class Need:
    """What a method needs of its caller.

    Attributes
    ----------
    method
        Full name, such as ``latentspace.search.v1.SearchService/SearchImages``.
    level
        ``anyone``, ``login``, ``viewer``, ``editor``, ``admin`` or ``operator``.
    changes
        Whether it changes anything.
    """

    method: str
    level: str
    changes: bool


@cache
def need_of(method: str) -> Need | None:
    """What a method needs, by its full name; None of one that declares nothing, which nobody may call."""
    if method in _OTHERS:
        return Need(method, *_OTHERS[method])
    service, _, name = method.partition("/")
    try:
        options = descriptor_pool.Default().FindServiceByName(service).methods_by_name[name].GetOptions()
    except KeyError:
        return None
    declared = requires_pb2.Requirement.Name(options.Extensions[requires_pb2.requires])
    level = declared.removeprefix("REQUIREMENT_").lower()
    if level == "unspecified":
        return None
    return Need(method, level, options.idempotency_level != MethodOptions.NO_SIDE_EFFECTS)


def resources_of(request: Message) -> list[str]:
    """Full names of all resources that a request names, at any depth, except those of the tokens."""
    return [name for name in _names(request) if name and not name.startswith("tokens/")]


def projects_of(names: list[str]) -> list[str]:
    """Names of the projects of some resources; the empty text for a name that is none."""
    found: dict[str, None] = {}
    for name in names:
        parts = name.split("/", 2)
        found["/".join(parts[:2]) if len(parts) > 1 and parts[0] == "projects" and parts[1] else ""] = None
    return list(found)


def _names(message: Message) -> Iterator[str]:
    texts, messages = _fields(message.DESCRIPTOR)
    for field in texts:
        value = getattr(message, field.name)
        if field.is_repeated:
            yield from value
        else:
            yield value
    for field in messages:
        if field.is_repeated:
            for each in getattr(message, field.name):
                yield from _names(each)
        elif message.HasField(field.name):
            yield from _names(getattr(message, field.name))


@cache
def _fields(descriptor: Descriptor) -> tuple[tuple[FieldDescriptor, ...], tuple[FieldDescriptor, ...]]:
    """Fields with the name of a resource, and those of messages that may have some."""
    texts, messages = [], []
    of_operations = descriptor.file.package == "google.longrunning"
    of_resource = bool(descriptor.GetOptions().Extensions[resource_pb2.resource].type)
    for field in descriptor.fields:
        options = field.GetOptions()
        behaviour = options.Extensions[field_behavior_pb2.field_behavior]
        reference = options.Extensions[resource_pb2.resource_reference]
        if field.message_type is not None and field.message_type.full_name.startswith("latentspace."):
            messages.append(field)
        elif field_behavior_pb2.OUTPUT_ONLY in behaviour:
            continue
        elif (
            reference.type
            or reference.child_type
            or (of_resource and field_behavior_pb2.IDENTIFIER in behaviour)
            or (of_operations and field.name == "name")
        ):
            texts.append(field)
    return tuple(texts), tuple(messages)
