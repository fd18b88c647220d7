"""Long work: operations that are durable, report progress, can be cancelled and go on after a restart."""

from lse.platform.operations.context import JobContext
from lse.platform.operations.runner import OperationRunner
from lse.platform.operations.store import Operation, OperationStore

__all__ = ["JobContext", "Operation", "OperationRunner", "OperationStore"]
