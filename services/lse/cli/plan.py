"""`lse plan`: what an experiment of many images will need on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from lse.cli.records import as_data
from lse.cli.session import Session, service_command
from lse.errors import FailedPreconditionError

__all__ = ["register"]


def plan(
    session: Session,
    *,
    images: Annotated[int, typer.Option("--images", min=1000, max=10**9, help="Number of images.")],
    dimension: Annotated[int, typer.Option("--dimension", min=2, max=16_384, help="Length of a vector.")] = 128,
    size: Annotated[int, typer.Option("--size", min=0, max=100_000, help="Pixels along a prepared image.")] = 0,
    channels: Annotated[int, typer.Option("--channels", min=1, max=1000, help="Channels of an image.")] = 1,
    measure: Annotated[bool, typer.Option("--measure", help="Measure this machine again.")] = False,
) -> None:
    """Foresee disk, memory and hours of an experiment, by what smaller ones take on this machine.

    Measures a few minutes at the first time.  Reading, training and encoding are not foreseen.
    """
    try:
        from lse.embedded.plan import make_plan
    except ModuleNotFoundError as missing:
        raise FailedPreconditionError(
            f"`lse plan` measures this machine and needs {missing.name}: install "
            "latent-space-explorer[services,embedded].",
            reason="PACKAGE_MISSING",
        ) from None

    def on_step(step: str) -> None:
        typer.echo(f"measuring: {step}", err=True)

    made = make_plan(images, dimension, image_bytes=4 * channels * size**2, anew=measure, on_step=on_step)
    total, cores = sum(step.seconds for step in made.steps), made.measured_on["cores"]
    rows = {
        "images": f"{images:,} of {dimension} numbers",
        **{step.step: f"{_time(step.seconds)} of a core, {_bytes(step.memory_bytes)}" for step in made.steps},
        "all steps": f"{_time(total)} on one core, {_time(total / cores)} at best on the {cores} here",
        "memory at most": _bytes(max(step.memory_bytes for step in made.steps)),
        **{f"disk: {name}": _bytes(amount) for name, amount in made.disk_bytes.items()},
        "disk: all": _bytes(sum(made.disk_bytes.values())),
        "sampled": " ".join(made.sampled),
        "not for so many": ", ".join(made.refused) or "none",
        "measured on": " and ".join(f"{size:,}" for size in made.measured_on["sizes"]) + " vectors, this machine",
    }
    session.record(as_data(made), rows)


def _time(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _bytes(amount: float) -> str:
    return f"{amount / 2**20:.0f} MiB" if amount < 2**30 else f"{amount / 2**30:.1f} GiB"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    service_command(app, "plan")(plan)
