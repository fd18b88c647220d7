"""What the catalogue keeps of a resource of any kind."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, Self, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lse.errors import DataLossError, FailedPreconditionError
from lse.names import NamePattern

__all__ = [
    "Facts",
    "Figures",
    "MethodParameters",
    "MethodResult",
    "MethodSpec",
    "Nothing",
    "Parameter",
    "Record",
    "State",
    "Stored",
    "renamed",
    "with_method",
]

State = Literal["creating", "ready", "failed"]
Figures: TypeAlias = Mapping[str, float | None]
Parameter: TypeAlias = bool | int | float | str | None
MethodParameters: TypeAlias = Mapping[str, Parameter]


class Facts(BaseModel):
    """Root of what is asked for and of what comes out: immutable, without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class MethodSpec(Facts):
    """What is asked for where a method does the work.

    Attributes
    ----------
    method
        Its id.
    parameters
        All of its parameters, resolved.
    """

    method: str
    parameters: MethodParameters = Field(default_factory=dict)

    @property
    def seed(self) -> int:
        """Random seed, which all methods have among their parameters."""
        return int(self.parameters.get("seed") or 0)


class MethodResult(Facts):
    """What comes out where a method did the work.

    Attributes
    ----------
    report
        What the method says about itself.
    """

    report: dict[str, Any] = Field(default_factory=dict)

    @property
    def used_parameters(self) -> MethodParameters:
        """Parameters as they were used: what was chosen from the data has its value."""
        used = self.report.get("parameters", {})
        prepared = self.report.get("preparation")
        return {**used, **{key: prepared[key] for key in used if isinstance(prepared, dict) and key in prepared}}


class Nothing(Facts):
    """What comes out of a resource that is complete as it is asked for."""


def with_method(spec: Mapping[str, Any], **parameters: str) -> dict[str, Any]:
    """Spec of version 0 as that of a `MethodSpec`: fields that are parameters now, given by their names, join them."""
    moved = {name: spec[field] for name, field in {"seed": "seed", **parameters}.items() if field in spec}
    rest = {key: value for key, value in spec.items() if key not in {"settings", "seed", *parameters.values()}}
    return {**rest, "parameters": {**spec.get("settings", {}), **moved}}


SpecT = TypeVar("SpecT", bound=Facts)
ResultT = TypeVar("ResultT", bound=Facts)


@dataclass(frozen=True)
class Stored:
    """A record as an earlier version of this software kept it.

    Attributes
    ----------
    name, operation, create_time
        As in `Record`.
    version
        Version of the record type then; 0 before records were typed.
    spec, result
        JSON of both; an empty result where nothing came out.
    parameters
        JSON of the parameters of the operation that made it; empty where that is forgotten.
    """

    name: str
    operation: str
    create_time: float
    version: int
    spec: Mapping[str, Any]
    result: Mapping[str, Any]
    parameters: Mapping[str, Any]


def renamed(values: Mapping[str, Any], **names: str) -> dict[str, Any]:
    """JSON with new names for some of its keys, given by the old ones; what is not there is left out."""
    return {names.get(key, key): value for key, value in values.items()}


class Record(BaseModel, Generic[SpecT, ResultT]):
    """A resource: its name and state, what was asked for, and what came out.

    A kind of resource is a subclass with the models of both.  Whoever changes the fields of these raises
    `record_version` and teaches `upgrade` to bring what was kept before to the new form.

    Attributes
    ----------
    name
        Full resource name.
    uid
        Identifier that is never used again.
    state
        ``creating``, ``ready`` or ``failed``.
    operation
        Name of the operation that made it.
    creator
        Name of the caller who asked for it; that of the request in progress when the resource is new.
    title, description
        What people call it, and say about it.
    create_time, update_time
        Seconds since 1970, UTC.
    spec
        What was asked for.
    made
        What came out; None unless it is ready.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pattern: ClassVar[NamePattern]
    kind: ClassVar[str]
    record_version: ClassVar[int] = 1

    name: str
    uid: str = Field(default_factory=lambda: uuid.uuid4().hex)
    state: State = "creating"
    operation: str = ""
    creator: str = ""
    title: str = ""
    description: str = ""
    create_time: float = Field(default_factory=time.time)
    update_time: float = Field(default_factory=time.time)
    spec: SpecT
    made: ResultT | None = None

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Take the kind from the pattern of the names."""
        if hasattr(cls, "pattern"):
            cls.kind = cls.pattern.kind

    def anew(self) -> Self:
        """Another of this name, of which the same was asked for, and which is still to be made."""
        asked = {"name", "title", "description", "spec"}
        return type(self)(**{field: getattr(self, field) for field in asked})

    @property
    def id(self) -> str:
        """Last part of the name."""
        return self.name.rsplit("/", 1)[1]

    @property
    def etag(self) -> str:
        """Tag that changes whenever the resource does."""
        return hashlib.sha256(f"{self.uid} {self.update_time!r}".encode()).hexdigest()[:16]

    @property
    def parent(self) -> str:
        """Name of the resource above it."""
        return self.name.rsplit("/", 2)[0]

    @property
    def result(self) -> ResultT:
        """What came out.

        Raises
        ------
        FailedPreconditionError
            If it is being made, or its making failed.
        """
        if self.made is None:
            raise FailedPreconditionError(
                f"The {self.kind} '{self.id}' is still being made: wait for {self.operation}."
                if self.state == "creating"
                else f"The {self.kind} '{self.id}' is not usable since its making failed: make it again.",
                reason="RESOURCE_NOT_READY",
                name=self.name,
            )
        return self.made

    def with_result(self, result: ResultT) -> Self:
        """The same resource, ready, with what came out."""
        return self.model_copy(update={"state": "ready", "made": result})

    def layers(self) -> tuple[object, ...]:
        """Where the fields of its message are found, first what counts most."""
        return (self, *((self.made,) if self.made is not None else ()), self.spec)

    @classmethod
    def upgrade(cls, stored: Stored) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Spec and result of the current version, as JSON, of a record of an earlier version."""
        return stored.spec, stored.result

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Record of a row of the catalogue.

        Raises
        ------
        FailedPreconditionError
            If a newer version of this software wrote it.
        DataLossError
            If it is damaged.
        """
        if row["version"] > cls.record_version:
            raise FailedPreconditionError(
                f"The {cls.kind} '{row['name']}' was written by a newer version of this software: use that one.",
                reason="RECORD_TOO_NEW",
                name=row["name"],
            )
        envelope = {key: row[key] for key in cls.model_fields if key not in ("spec", "made")}
        made = row["result"] if row["state"] == "ready" else None
        try:
            return cls.model_validate({**envelope, "spec": row["spec"], "made": made})
        except ValidationError as error:
            raise DataLossError(
                f"The record of the {cls.kind} '{row['name']}' is damaged ({error.errors()[0]['msg']}): restore the "
                "catalogue from a backup or delete this resource.",
                reason="RECORD_DAMAGED",
                name=row["name"],
            ) from error

    def to_row(self) -> dict[str, Any]:
        """Row of the catalogue."""
        return {
            **self.model_dump(mode="json", exclude={"made"}),
            "kind": self.kind,
            "parent": self.parent,
            "version": self.record_version,
            "result": {} if self.made is None else self.made.model_dump(mode="json"),
        }
