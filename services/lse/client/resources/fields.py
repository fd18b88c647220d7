"""Fields that many resources share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Protocol, TypedDict

from google.protobuf.timestamp_pb2 import Timestamp

from latentspace.type.v1 import resource_pb2
from latentspace.type.v1.figure_pb2 import Figure
from latentspace.type.v1.method_pb2 import Setting

__all__ = ["MadeResource", "NamedResource", "State", "figures", "made_fields", "moment", "settings_dict"]

State = Literal["creating", "ready", "failed"]

_STATES: dict[int, State] = {
    resource_pb2.RESOURCE_STATE_CREATING: "creating",
    resource_pb2.RESOURCE_STATE_READY: "ready",
    resource_pb2.RESOURCE_STATE_FAILED: "failed",
}


@dataclass(frozen=True, kw_only=True)
class NamedResource:
    """Something with a resource name.

    Attributes
    ----------
    name
        Full resource name, such as ``projects/default/datasets/first``.
    """

    name: str

    @property
    def id(self) -> str:
        """Last part of the name."""
        return self.name.rsplit("/", 1)[-1]


@dataclass(frozen=True, kw_only=True)
class MadeResource(NamedResource):
    """A resource that long work makes.

    Attributes
    ----------
    uid
        Identifier that is never used again, also after the name is.
    state
        ``creating`` while nothing of it can be read, ``ready``, or ``failed``: it can only be deleted.
    operation
        Name of the operation that made it.
    create_time, update_time
        When it was asked for and when it last changed; None where that is not known.
    notes
        Sentences that a user should know.
    """

    uid: str
    state: State
    operation: str
    create_time: datetime | None
    update_time: datetime | None
    notes: tuple[str, ...]


class _MadeMessage(Protocol):
    name: str
    uid: str
    operation: str

    @property
    def state(self) -> int: ...
    @property
    def create_time(self) -> Timestamp: ...
    @property
    def update_time(self) -> Timestamp: ...
    @property
    def notes(self) -> Iterable[str]: ...


class _MadeFields(TypedDict):
    name: str
    uid: str
    state: State
    operation: str
    create_time: datetime | None
    update_time: datetime | None
    notes: tuple[str, ...]


def made_fields(message: _MadeMessage) -> _MadeFields:
    """Fields of `MadeResource` in a message."""
    return {
        "name": message.name,
        "uid": message.uid,
        # A state that this version does not know is not usable by it either.
        "state": _STATES.get(message.state, "creating"),
        "operation": message.operation,
        "create_time": moment(message.create_time),
        "update_time": moment(message.update_time),
        "notes": tuple(message.notes),
    }


def moment(timestamp: Timestamp) -> datetime | None:
    """Time with its zone, UTC; None of an unset one."""
    if not timestamp.seconds and not timestamp.nanos:
        return None
    return timestamp.ToDatetime(tzinfo=UTC)


def figures(messages: Iterable[Figure]) -> dict[str, float]:
    """Figures by their names."""
    return {figure.key: figure.value for figure in messages}


def settings_dict(messages: Iterable[Setting]) -> dict[str, str]:
    """Parameters by their keys, values as text."""
    return {setting.key: setting.value for setting in messages}
