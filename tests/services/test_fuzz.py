"""Requests made at random from the descriptors of the API, deep: names that exist, with odd values in all else.

Each is answered, or refused with a reason; never with INTERNAL or UNKNOWN, and none hangs.  `make fuzz` sends many more
of them than the tests do (variable ``LSE_TEST_CALLS``).
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import grpc
import psutil
import pytest
import security_roles
from google.api import resource_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from every_method import answers_of, declared
from lse.client import connect
from lse.status import error_of_call
from running_services import RunningServices

COUNT = int(os.environ.get("LSE_TEST_CALLS", "1000"))
PROJECT = "fuzzed"
MOST_BYTES = 100 * 2**20
MANY = 5000
# They end what the others need, or last for as long as their caller listens.
LEFT_OUT = {"DeleteProject", "Watch", "ServerReflectionInfo", "WaitOperation"}
EXPERIMENT = f"projects/{PROJECT}/experiments/first"
NAMES = [
    *(f"projects/{PROJECT}", f"projects/{PROJECT}/datasets/first", f"projects/{PROJECT}/encoders/first"),
    *(EXPERIMENT, f"{EXPERIMENT}/projections/first", f"{EXPERIMENT}/clusterings/first"),
    *(f"projects/{PROJECT}/datasets/first/images/bar-00", f"projects/{PROJECT}/datasets/first/images/bar-01"),
]
TEXTS = [
    *("", " ", "first", "x" * 5000, "é́🌌", "a\x00b", "../../etc/passwd", "%s{}$(x)", "-1", "NaN", "projects/-"),
    *("projects/fuzzed/datasets/none", "name = first", 'a = "', "create_time desc", "state = ready AND (", "*"),
    *("umap", "kmeans", "simclr", "class", "projects/" + "y" * 300, "\n", "'; DROP TABLE resources; --"),
]
NUMBERS = [0, 1, -1, 2, 5, 1000, 2**31 - 1, -(2**31)]
WIDE = [*NUMBERS, 2**63 - 1, -(2**63)]
FLOATS = [0.0, 1.0, -1.0, 1e-300, 1e300, float("nan"), float("inf"), float("-inf")]
PIECES = [b"", b"\x00", b"\xff" * 64, b"PK\x03\x04", b"ARROW1\x00\x00", b"SIMPLE  =                    T", bytes(5000)]


def odd_value(field: FieldDescriptor, dice: random.Random) -> Any:
    kind = field.type
    if kind == FieldDescriptor.TYPE_BOOL:
        return dice.random() < 0.5
    if kind == FieldDescriptor.TYPE_ENUM:
        return dice.choice([*(value.number for value in field.enum_type.values), 999])
    if kind == FieldDescriptor.TYPE_BYTES:
        return dice.choice(PIECES)
    if kind in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
        return dice.choice(FLOATS[:3] + FLOATS[5:]) if kind == FieldDescriptor.TYPE_FLOAT else dice.choice(FLOATS)
    if kind == FieldDescriptor.TYPE_STRING:
        refers = field.GetOptions().Extensions[resource_pb2.resource_reference]
        named = refers.type or refers.child_type or field.name in ("name", "parent")
        return dice.choice(NAMES) if named and dice.random() < 0.9 else dice.choice([*TEXTS, *NAMES])
    wide = kind in (FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_SINT64, FieldDescriptor.TYPE_SFIXED64)
    numbers = WIDE if wide else NUMBERS
    unsigned = kind in (FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_UINT64)
    return dice.choice([number for number in numbers if number >= 0]) if unsigned else dice.choice(numbers)


def fill(message: Message, dice: random.Random, *, depth: int = 0) -> None:
    for field in message.DESCRIPTOR.fields:
        names = field.type == FieldDescriptor.TYPE_STRING and field.name in ("name", "parent")
        if not names and dice.random() < 0.4:
            continue
        count = dice.choice([0, 1, 2, 3]) if field.is_repeated else 1
        for _ in range(count):
            if field.message_type is None:
                value = odd_value(field, dice)
                if field.is_repeated:
                    getattr(message, field.name).append(value)
                else:
                    setattr(message, field.name, value)
            elif field.message_type.GetOptions().map_entry:
                continue
            elif depth < 4:
                part = getattr(message, field.name)
                part = part.add() if field.is_repeated else part
                part.SetInParent()
                fill(part, dice, depth=depth + 1)


def requests(seed: int, count: int) -> Iterator[tuple[str, Message]]:
    dice = random.Random(seed)
    methods = [method for method in security_roles.declared_methods() if method.split("/")[1] not in LEFT_OUT]
    for _ in range(count):
        method = dice.choice(methods)
        request = GetMessageClass(declared(method).input_type)()
        fill(request, dice)
        if "/Delete" in method and getattr(request, "name", "") in NAMES:
            continue
        yield method, request


@pytest.fixture
def fuzzed(services: RunningServices) -> Iterator[RunningServices]:
    services.prepare(PROJECT)
    yield services
    with connect(services.address, project=PROJECT) as client:
        for operation in client.operations.list(active=True):
            operation.cancel()


def test_odd_requests_are_answered_or_refused_with_a_reason(fuzzed: RunningServices) -> None:
    wrong, codes = [], Counter[str]()
    process = psutil.Process()
    before = 0
    with grpc.insecure_channel(fuzzed.address) as channel:
        for number, (method, request) in enumerate(requests(seed=15, count=COUNT)):
            if number == COUNT // 4:
                before = process.memory_info().rss
            answer = answers_of(channel, method, request, None)
            code = error_of_call(answer).code if isinstance(answer, grpc.RpcError) else "OK"
            codes[code] += 1
            if code in ("INTERNAL", "UNKNOWN", "DEADLINE_EXCEEDED", "DATA_LOSS"):
                wrong.append((method, code, str(answer), str(request)[:500]))
    assert wrong == [], "\n".join(map(str, wrong))
    assert codes["OK"] > COUNT // 50
    if COUNT >= MANY:
        # With fewer it is the libraries, each loaded at its first use, that are measured.
        assert process.memory_info().rss - before < MOST_BYTES
    with connect(fuzzed.address, project=PROJECT) as client:
        assert client.datasets.get("first").prepared == 24
