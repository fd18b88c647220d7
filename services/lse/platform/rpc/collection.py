"""What servicers do with resources of any kind: list, get, create, update, delete, and start what makes one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any, Generic, TypeVar

from google.longrunning import operations_pb2
from google.protobuf import empty_pb2
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from sqlalchemy import Connection

from latentspace.type.v1.view_pb2 import View
from lse.errors import AbortedError, InvalidArgumentError
from lse.platform.catalogue import Record
from lse.platform.catalogue.queries import PageRequest
from lse.platform.catalogue.records.record import Facts, Nothing
from lse.platform.deletion import delete_resource
from lse.platform.operations import JobContext
from lse.platform.rpc.messages import packed, to_pb
from lse.platform.rpc.operations import operation_to_pb
from lse.platform.wiring import Platform

__all__ = ["LONGEST_TITLE", "Collection", "request_digest"]

# Half of what a message may hold, so that the last one of a page fits in.
_PAGE_BYTES = 8 << 20
LONGEST_TITLE = 200
_LONGEST_DESCRIPTION = 10_000

RecordT = TypeVar("RecordT", bound=Record[Any, Any])
MessageT = TypeVar("MessageT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)


class Collection(Generic[RecordT, MessageT]):
    """The resources of one kind as a servicer hands them out.

    Parameters
    ----------
    platform
        What the service stands on.
    record
        Kind of the resources.
    message
        Class of their messages, whose fields bear the names of the record's.
    large
        Fields that lists leave out unless they are asked for all.
    show
        Makes the messages of some of them, with fields that are given; by default from the records alone.
    """

    def __init__(
        self,
        platform: Platform,
        record: type[RecordT],
        message: type[MessageT],
        *,
        large: Sequence[str] = (),
        show: Callable[[Sequence[RecordT], Mapping[str, Any]], list[MessageT]] | None = None,
    ) -> None:
        self._platform = platform
        self._record = record
        self._message = message
        self._large = dict.fromkeys(large)
        self._show = show or (lambda records, given: [to_pb(each, message, **given) for each in records])

    def register(
        self,
        kind: str,
        job: Callable[[JobContext[RecordT]], None],
        *,
        respond: Callable[[RecordT], Message] | None = None,
    ) -> None:
        """Have operations of a kind done by a job; they answer with the resource where `respond` is not given."""
        answer = respond or self.show
        self._platform.runner.register(kind, job, self._record, respond=lambda record: packed(answer(record)))

    def ready(self, name: str) -> RecordT:
        """Resource that can be used; errors as of `Resources.get_ready`."""
        return self._platform.resources.get_ready(name, self._record)

    def show(self, record: RecordT) -> MessageT:
        """Message of a resource."""
        return self._show([record], {})[0]

    def list(self, request: Any, response: type[ResponseT]) -> ResponseT:
        """Answer a List request (AIP-132); a page ends early where its messages would be too large together."""
        self._record.pattern.above.parse(request.parent)
        page = self._platform.resources.page(
            self._record,
            request.parent,
            PageRequest(request.page_size, request.page_token, request.filter, request.order_by),
            fields=self._message.DESCRIPTOR.fields_by_name,
        )
        messages = self._show(page.records, {} if request.view == View.VIEW_FULL else self._large)
        ends = accumulate(message.ByteSize() for message in messages)
        fit = sum(end <= _PAGE_BYTES for end in ends) or min(1, len(messages))
        field = next(each.name for each in response.DESCRIPTOR.fields if each.message_type is not None)
        return response(**{field: messages[:fit], "next_page_token": page.token_after(fit)})

    def get(self, request: Any) -> MessageT:
        """Answer a Get request (AIP-131)."""
        return self.show(self._platform.resources.get(request.name, self._record))

    def update(
        self,
        request: Any,
        *,
        spec: Mapping[str, Callable[[MessageT], Any]] | None = None,
        settle: Callable[[RecordT], RecordT] = lambda changed: changed,
        check: Callable[[Connection, RecordT], None] | None = None,
    ) -> MessageT:
        """Answer an Update request (AIP-134): title, description and, where they can change, fields of the spec.

        Parameters
        ----------
        request
            The request.
        spec
            What reads the new value of each changeable field of the spec from the message given.
        settle
            Makes a changed record one whose fields fit one another.
        check
            Raises if a changed record must not be, see `Resources.change`.

        Raises
        ------
        InvalidArgumentError
            If the mask names a field that cannot be changed, or a value is wrong.
        AbortedError
            If an etag is given and the resource has changed since.
        """
        sent = (value for field, value in request.ListFields() if field.message_type is self._message.DESCRIPTOR)
        given: Any = next(sent, self._message())
        read = {"title": _title, "description": _description, **(spec or {})}
        values = {path: read[path](given) for path in changed_paths(request.update_mask, given, tuple(read))}
        ours = {path: value for path, value in values.items() if path in {"title", "description"}}
        asked = {path: value for path, value in values.items() if path not in ours}

        def change(latest: RecordT) -> RecordT:
            if given.etag and given.etag != latest.etag:
                raise AbortedError(
                    f"The {latest.kind} '{latest.id}' was changed in the meantime: look at it and try again.",
                    reason="ETAG_MISMATCH",
                    name=latest.name,
                )
            return settle(latest.model_copy(update={**ours, "spec": latest.spec.model_copy(update=asked)}))

        return self.show(self._platform.resources.change(given.name, self._record, change, check=check))

    def delete(self, request: Any) -> empty_pb2.Empty:
        """Answer a Delete request (AIP-135), with what was made from it where the request can force that."""
        record = self._platform.resources.get(request.name, self._record)
        delete_resource(self._platform, record, force=getattr(request, "force", False))
        return empty_pb2.Empty()

    def new(self, request: Any, spec: Facts, *, parent: str = "", **fields: Any) -> RecordT:
        """Resource that a request wants to make (AIP-133), below its parent or another one.

        Raises
        ------
        InvalidArgumentError
            If its parent or its id is not well formed.
        """
        pattern = self._record.pattern
        parent = parent or request.parent
        pattern.above.parse(parent)
        identifier = pattern.check(getattr(request, f"{pattern.kind.replace(' ', '_')}_id"))
        name = f"{parent}/{pattern.collections[-1]}/{identifier}"
        return self._record(name=name, spec=spec, **fields)

    def create(self, request: Any, given: Any, spec: Facts) -> MessageT:
        """Answer a Create request for a resource that is complete as it is given (AIP-133)."""
        named = {"title": _title(given), "description": _description(given)}
        record = self.new(request, spec, state="ready", made=Nothing(), **named)
        return self.show(self._platform.resources.create(record))

    def make(self, request: Any, spec: Facts, *, parent: str = "") -> operations_pb2.Operation:
        """Start the operation that makes a resource: the one that the request is named for."""
        return self._start(request, self.new(request, spec, parent=parent))

    def change(self, request: Any, parameters: Facts, *, alone: bool = False) -> operations_pb2.Operation:
        """Start an operation that changes a resource, of which two may be at work at a time unless it is `alone`."""
        return self._start(request, request.name, parameters=parameters, alone=alone)

    def _start(self, request: Any, target: RecordT | str, **options: Any) -> operations_pb2.Operation:
        operation = self._platform.operation_store.create(
            type(request).__name__.removesuffix("Request"),
            target,
            request_id=request.request_id,
            request_digest=request_digest(request),
            **options,
        )
        return operation_to_pb(operation)


def changed_paths(mask: FieldMask, given: Message, changeable: Sequence[str]) -> list[str]:
    """Fields that an update changes (AIP-134): those of its mask, or those that are set where there is none.

    Raises
    ------
    InvalidArgumentError
        If one of them cannot be changed.
    """
    if list(mask.paths) == ["*"]:
        return list(changeable)
    paths = list(mask.paths) or [field.name for field, _ in given.ListFields() if field.name in changeable]
    if wrong := [path for path in paths if path not in changeable]:
        raise InvalidArgumentError(
            f"The field '{wrong[0]}' cannot be updated: choose from {', '.join(changeable)}.",
            reason="UPDATE_MASK_INVALID",
            field=wrong[0],
        )
    return paths


def _title(given: Any) -> str:
    return _short(given.title, "title", LONGEST_TITLE)


def _description(given: Any) -> str:
    return _short(given.description, "description", _LONGEST_DESCRIPTION)


def _short(text: str, what: str, longest: int) -> str:
    if len(text) > longest:
        raise InvalidArgumentError(
            f"The {what} has {len(text)} characters: use at most {longest}.", reason="TEXT_TOO_LONG"
        )
    return text


def request_digest(request: Message, *content: str) -> str:
    """Digest of all of a request but its id, and of further content that came with it."""
    copy = type(request)()
    copy.CopyFrom(request)
    copy.ClearField("request_id")
    digest = hashlib.sha256(copy.SerializeToString(deterministic=True))
    for each in content:
        digest.update(each.encode())
    return digest.hexdigest()
