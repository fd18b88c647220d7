"""The client of one project: everything that the services offer, in Python."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

from latentspace.ingestion.v1 import ingestion_pb2
from lse.client.access import Access
from lse.client.annotation import Bookmarks, Labels, LabelSchemes, Remarks, Selections
from lse.client.clusterings import Clusterings
from lse.client.connection import SERVICES, Connection
from lse.client.datasets import Datasets
from lse.client.encoders import Encoders
from lse.client.experiments import Experiments
from lse.client.explanations import Explanations
from lse.client.export import Exports
from lse.client.names import Names
from lse.client.operations import Operations
from lse.client.predictions import Predictions
from lse.client.projections import Projections
from lse.client.search import Search
from lse.client.tokens import TokenSource, find_token
from lse.errors import (
    DeadlineExceededError,
    InternalError,
    LseError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
    UnimplementedError,
)

__all__ = ["DEFAULT_ADDRESS", "Client", "connect"]

DEFAULT_ADDRESS = "localhost:50051"


class Client:
    """What the services offer, for the resources of one project.

    A client may be shared between threads.  Every argument that names a resource takes its short id or its full name.
    It can be used as a context manager that closes the channel.

    Parameters
    ----------
    connection
        Channel to the services.
    project
        Id of the project that short ids belong to.

    Attributes
    ----------
    datasets, encoders, experiments, projections, clusterings, predictions, search, explanations, label_schemes, labels,
    remarks, selections, bookmarks, operations, access
        What the services offer, by subject.
    """

    def __init__(self, connection: Connection, project: str) -> None:
        names = Names(project)
        self._connection = connection
        self._names = names
        self.datasets = Datasets(connection, names)
        self.encoders = Encoders(connection, names)
        self.experiments = Experiments(connection, names)
        self.projections = Projections(connection, names)
        self.clusterings = Clusterings(connection, names)
        self.predictions = Predictions(connection, names)
        self.search = Search(connection, names)
        self.explanations = Explanations(connection, names)
        self.label_schemes = LabelSchemes(connection, names)
        self.labels = Labels(connection, names)
        self.remarks = Remarks(connection, names)
        self.selections = Selections(connection, names)
        self.bookmarks = Bookmarks(connection, names)
        self.operations = Operations(connection, names)
        self.access = Access(connection, names)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Client of {self.address}, project {self.project}>"

    @property
    def project(self) -> str:
        """Id of the project."""
        return self._names.project

    @property
    def address(self) -> str:
        """Where the services are looked for."""
        return self._connection.address

    def projects(self) -> list[str]:
        """Ids of all projects of the caller."""
        pages = self._connection.pages(ingestion_pb2.ListProjectsRequest())
        return [message.name.rsplit("/", 1)[-1] for message in pages]

    def with_project(self, project: str) -> Client:
        """Client of another project on the same channel."""
        return Client(self._connection, project)

    def close(self) -> None:
        """Close the channel, also for clients made by `with_project`."""
        self._connection.close()

    def health(self, service: str = "") -> str:
        """State that the standard health service reports.

        Parameters
        ----------
        service
            Full name of a service, one of `lse.client.SERVICES`; all together when empty.

        Returns
        -------
        str
            ``serving``, ``not_serving`` or ``unknown``.
        """
        from grpc_health.v1 import health_pb2

        try:
            answer = self._connection.call(health_pb2.HealthCheckRequest(service=service), timeout=10.0)
        except (NotFoundError, UnimplementedError):
            return "unknown"
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)).lower()

    def ping(self) -> bool:
        """Return True where all services answer.

        Raises
        ------
        UnavailableError
            If nothing answers, or a service says that it does not serve.
        """
        state = self.health()
        if state != "serving":
            raise UnavailableError(
                f"The services at {self.address} answer that they are {state.replace('_', ' ')}: look at their log.",
                reason="SERVICES_NOT_READY",
            )
        return True

    def service_states(self) -> dict[str, str]:
        """State of each service, by its full name: ``serving``, or what is wrong and what to do.

        Each is asked by a call of its own, since behind a router the health service answers for one of them only.
        """
        return {service: _state_of(service, self._connection) for service in SERVICES}

    def export(
        self,
        experiment: str,
        out: str | Path,
        *,
        format: str | None = None,  # noqa: A002
        selection: str | None = None,
        vectors: bool = False,
    ) -> Path:
        """Write the catalogue of an experiment to a file, which appears once it is complete.

        Parameters
        ----------
        experiment
            Experiment.
        out
            File to write.
        format
            Output format, such as ``csv``, ``parquet``, ``votable`` or ``fits`` (default: from the file suffix).
        selection
            Only the images of this selection.
        vectors
            Whether the vectors are written too.

        Returns
        -------
        Path
            The file.
        """
        exports = Exports(self._connection, self._names)
        return exports.write(experiment, Path(out).expanduser(), form=format, selection=selection, vectors=vectors)


def _state_of(service: str, connection: Connection) -> str:
    try:
        connection.ask(service)
    except (UnavailableError, DeadlineExceededError, InternalError, UnauthenticatedError) as error:
        return error.message
    except UnimplementedError:
        part = service.split(".")[1]
        return f"No {part} service answers at {connection.address}: start `lse serve {part}` or correct the router."
    except LseError:
        return "serving"  # it has looked at the request, which says nothing
    return "serving"


def connect(address: str | None = None, *, token: TokenSource = None, project: str | None = None) -> Client:
    """Client of the services at an address; nothing is sent before the first call.

    Parameters
    ----------
    address
        ``HOST:PORT``, or ``https://HOST:PORT`` for TLS; ``LSE_ADDRESS`` when not given, else ``localhost:50051``.
    token
        Bearer token, or a function that gives the present one for each call.  When not given: ``LSE_TOKEN``, else the
        content of the file ``LSE_TOKEN_FILE``, which is read for each call, else of the variable
        that ``LSE_TOKEN_VARIABLE`` names, else what `lse login` kept for the address.
    project
        Project that short ids belong to; ``LSE_PROJECT`` when not given, else ``default``.

    Raises
    ------
    InvalidArgumentError
        If the address or the project cannot be one.
    """
    address = address or os.environ.get("LSE_ADDRESS") or DEFAULT_ADDRESS
    connection = Connection(address, token=token or find_token(address))
    return Client(connection, project or os.environ.get("LSE_PROJECT") or "default")
