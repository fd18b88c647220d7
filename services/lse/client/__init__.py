"""The Python client of Latent Space Explorer.

from lse.client import connect

with connect() as client:
    dataset = client.datasets.ingest("first", ["images"], catalogue="catalogue.csv").wait()
"""

from lse.client.asynchronous import AsyncClient, AsyncOperation, connect_async
from lse.client.client import DEFAULT_ADDRESS, Client, connect
from lse.client.connection import SERVICES
from lse.client.operations import Operation
from lse.client.progress import OperationProgress
from lse.client.results import Results, to_astropy
from lse.client.tokens import TokenSource

__all__ = [
    "DEFAULT_ADDRESS",
    "SERVICES",
    "AsyncClient",
    "AsyncOperation",
    "Client",
    "Operation",
    "OperationProgress",
    "Results",
    "TokenSource",
    "connect",
    "connect_async",
    "to_astropy",
]
