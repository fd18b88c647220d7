"""What is wrong with a declared chain, found before hours of work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lse.client.client import Client
from lse.client.pipeline_file import PRETRAINED, Pipeline
from lse.client.resources.methods import Method, Parameter
from lse.errors import InvalidArgumentError
from lse.validation import unknown_name

__all__ = ["check_pipeline"]


def check_pipeline(client: Client, pipeline: Pipeline) -> None:
    """Compare the methods and parameters of all steps with those that the services have.

    What only the images can tell, such as whether there are enough of them, is left to the steps.

    Parameters
    ----------
    client
        Client of the services.
    pipeline
        The declared chain.

    Raises
    ------
    InvalidArgumentError
        With all that is wrong, as one sentence each.
    """
    faults = list(_faults(client, pipeline))
    if faults:
        raise InvalidArgumentError(" ".join(faults), reason="PIPELINE_INVALID")


def _faults(client: Client, pipeline: Pipeline) -> Iterator[str]:
    if pipeline.encoder.method != PRETRAINED:
        step = pipeline.encoder
        yield from _of_step(f"the encoder '{step.name}'", step.method, step.parameters, client.encoders.methods())
    for what, steps, methods in (
        ("projection", pipeline.projections, client.projections.methods),
        ("clustering", pipeline.clusterings, client.clusterings.methods),
    ):
        known = methods() if steps else []
        for each in steps:
            yield from _of_step(f"the {what} '{each.name}'", each.method, each.parameters, known)


def _of_step(what: str, name: str, parameters: Mapping[str, Any], methods: Sequence[Method]) -> Iterator[str]:
    method = next((each for each in methods if name in (each.id, *each.aliases)), None)
    if method is None:
        # A method of one's own, by its import path, is known to the services alone.
        if ":" not in name:
            yield unknown_name("method", name, [each.id for each in methods], of=f"of {what}")
        return
    known = {parameter.key: parameter for parameter in method.parameters}
    for key, value in method.with_present_names(parameters).items():
        if key not in known:
            yield unknown_name("parameter", key, known, of=f"of {what}")
        elif fault := _fault(known[key], value):
            yield f"The parameter '{key}' of {what} is {value}: {fault}."


def _fault(parameter: Parameter, value: object) -> str:
    """What is wrong with a value; empty where nothing is, or where it leaves the choice to the data."""
    if value is None or str(value).strip().lower() in ("", "auto", "none", "null"):
        return ""
    if parameter.kind in ("integer", "number"):
        return _fault_of_number(parameter, str(value))
    wrong = parameter.kind == "choice" and str(value) not in parameter.choices
    return f"choose from {', '.join(parameter.choices)}" if wrong else ""


def _fault_of_number(parameter: Parameter, value: str) -> str:
    try:
        number = float(value)
    except ValueError:
        return "give a number"
    if parameter.minimum is not None and number < parameter.minimum:
        return f"give at least {parameter.minimum:g}"
    if parameter.maximum is not None and number > parameter.maximum:
        return f"give at most {parameter.maximum:g}"
    return "give a whole number" if parameter.kind == "integer" and not number.is_integer() else ""
