"""The errors of Latent Space Explorer, one class a canonical gRPC code.

An error carries one actionable sentence for a person, and for a program a ``reason`` of `lse.reasons` and values as
metadata (AIP-193).  Pure code raises them, `lse.platform.rpc` sends them, `lse.client` raises them again.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "AbortedError",
    "AlreadyExistsError",
    "CancelledError",
    "DataLossError",
    "DeadlineExceededError",
    "FailedPreconditionError",
    "InternalError",
    "InvalidArgumentError",
    "LseError",
    "NotFoundError",
    "PermissionDeniedError",
    "ResourceExhaustedError",
    "UnauthenticatedError",
    "UnavailableError",
    "UnimplementedError",
    "error_class",
]


class LseError(Exception):
    """Root of all errors raised on purpose.

    Parameters
    ----------
    message
        One sentence that says what is wrong and what to do.
    reason
        Stable UPPER_SNAKE identifier of the cause, one of `lse.reasons.REASONS`; the code when not given.
    **metadata
        Values that the message names, as text.
    """

    code: ClassVar[str] = "UNKNOWN"

    def __init__(self, message: str, *, reason: str | None = None, **metadata: object) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.code
        self.metadata = {key: str(value) for key, value in metadata.items()}

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments are lost by the default pickling of exceptions, and these cross process borders.
        return _rebuild, (type(self), self.message, self.reason, self.metadata)


def _rebuild(cls: type[LseError], message: str, reason: str, metadata: dict[str, str]) -> LseError:
    error = cls(message, reason=reason)
    error.metadata = metadata
    return error


class CancelledError(LseError):
    """The work was cancelled by the one who asked for it."""

    code = "CANCELLED"


class InvalidArgumentError(LseError):
    """An argument is wrong whatever the state of the system."""

    code = "INVALID_ARGUMENT"


class DeadlineExceededError(LseError):
    """The time allowed for the call ran out."""

    code = "DEADLINE_EXCEEDED"


class NotFoundError(LseError):
    """A resource or file does not exist."""

    code = "NOT_FOUND"


class AlreadyExistsError(LseError):
    """The name is taken."""

    code = "ALREADY_EXISTS"


class PermissionDeniedError(LseError):
    """The caller may not do this."""

    code = "PERMISSION_DENIED"


class ResourceExhaustedError(LseError):
    """A disk, quota or memory is full."""

    code = "RESOURCE_EXHAUSTED"


class FailedPreconditionError(LseError):
    """The system is not in the state that the call needs."""

    code = "FAILED_PRECONDITION"


class AbortedError(LseError):
    """Another change got in between."""

    code = "ABORTED"


class UnimplementedError(LseError):
    """The method is declared and not built yet."""

    code = "UNIMPLEMENTED"


class InternalError(LseError):
    """A fault of ours; details are in the log."""

    code = "INTERNAL"


class UnavailableError(LseError):
    """A server cannot be reached now; trying again may help."""

    code = "UNAVAILABLE"


class DataLossError(LseError):
    """Stored data are missing or damaged."""

    code = "DATA_LOSS"


class UnauthenticatedError(LseError):
    """The caller did not prove who they are."""

    code = "UNAUTHENTICATED"


_CLASSES = {cls.code: cls for cls in LseError.__subclasses__()}


def error_class(code: str) -> type[LseError]:
    """Error class of a canonical code name, `LseError` for one without a class."""
    return _CLASSES.get(code, LseError)
