"""The Python client of Latent Space Explorer.

from lse.client import connect

with connect() as client:
    dataset = client.datasets.ingest("first", ["images"], catalogue="catalogue.csv").wait()
"""

from lse.client.asynchronous import AsyncClient, AsyncOperation, connect_async
from lse.client.client import DEFAULT_ADDRESS, Client, connect
from lse.client.connection import SERVICES
from lse.client.operations import Operation, OperationProgress

__all__ = [
    "DEFAULT_ADDRESS",
    "SERVICES",
    "AsyncClient",
    "AsyncOperation",
    "Client",
    "Operation",
    "OperationProgress",
    "connect",
    "connect_async",
]
