"""Long work: operations that are durable, report progress, can be cancelled and go on after a restart."""

from lse.platform.catalogue.operations import Operation, OperationStore
from lse.platform.operations.context import JobContext
from lse.platform.operations.runner import OperationRunner

__all__ = ["JobContext", "Operation", "OperationRunner", "OperationStore"]
