"""What the services of a process are handed; `lse.server` puts it together."""

from __future__ import annotations

from dataclasses import dataclass

from lse.platform.operations import OperationRunner
from lse.platform.stores import Stores

__all__ = ["Platform"]


@dataclass(frozen=True)
class Platform(Stores):
    """The stores of a process and the runner of its operations.

    Attributes
    ----------
    runner
        Works on operations.
    peer_address
        Address at which this process reaches the other services.
    """

    runner: OperationRunner
    peer_address: str
