"""Methods and networks of people, tried in a child process before anything is made of them.

Their code may raise, end the process or never end; here that costs the child alone.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lse.errors import InvalidArgumentError, LseError

__all__ = ["check_own_code"]

# Loaded before the time of their code begins.
_LIBRARIES = ("lightly.loss", "torchvision", "lse.representation.training.estimate")
# Time for the libraries of the child to load, at most.
_LOADING_SECONDS = 300
# Enough to tell what images of a shape are.
_IMAGES = 4
_MEMORY = 1 << 40


def check_own_code(method: str, given: Mapping[str, object], shape: Sequence[int], *, seconds: float) -> None:
    """Refuse a method or a network of one's own that does not compute a loss of a few images.

    Parameters
    ----------
    method
        Training method, or the import path of one's own.
    given
        Its parameters; ``backbone`` may be an import path.
    shape
        Of the images, (channels, size).
    seconds
        Time that its code may take.

    Raises
    ------
    InvalidArgumentError
        ``IMPORT_PATH_INVALID``: it raises, ends its process, or takes longer; or what the parameters are refused for.
    """
    paths = [str(name) for name in (method, given.get("backbone") or "") if ":" in str(name)]
    if not paths:
        return
    named = " and ".join(f"'{path}'" for path in paths)
    asked = {"method": method, "given": dict(given), "shape": list(shape), "path": sys.path, "seconds": seconds}
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-m", "lse.services.training.own_code"],
            input=json.dumps(asked).encode(),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_LOADING_SECONDS + seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _endless(named, seconds) from error
    if child.returncode == -signal.SIGALRM:
        raise _endless(named, seconds)
    if not child.stdout:
        raise _wrong(f"The code of {named} ends the process that it runs in.")
    answer = json.loads(child.stdout)
    if answer["refused"]:
        raise InvalidArgumentError(answer["refused"], reason=answer["reason"])
    if answer["failed"]:
        channels, size = shape
        raise _wrong(f"The code of {named} fails on images of {channels} bands and {size} pixels ({answer['failed']}).")


def _endless(named: str, seconds: float) -> InvalidArgumentError:
    return _wrong(f"The code of {named} had not come to an end after {seconds:g} s on a few images.")


def _wrong(sentence: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"{sentence} Correct it.", reason="IMPORT_PATH_INVALID")


def _tried(method: str, given: dict[str, Any], shape: tuple[int, int]) -> None:
    """Import the code, and have it compute a loss."""
    from lse.representation.methods import training_parameters
    from lse.representation.training.defaults import choose_parameters
    from lse.representation.training.estimate import estimate_training
    from lse.representation.training.facts import measure_facts

    training_parameters(method, given)
    images = np.random.default_rng(0).random((_IMAGES, shape[0], shape[1], shape[1]), dtype=np.float32)
    parameters = choose_parameters(method, given, measure_facts(images))
    estimate_training(images.shape, method=method, parameters=parameters, available_bytes=_MEMORY, timed=False)


def _main() -> None:
    """The child's side: one question on the standard input, its answer on the standard output."""
    asked = json.load(sys.stdin)
    answers, nothing = os.dup(1), os.open(os.devnull, os.O_RDWR)
    # What their code prints must not come before the answer.
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    sys.path[:] = asked["path"]
    for library in _LIBRARIES:
        importlib.import_module(library)
    answer = {"refused": "", "reason": "", "failed": ""}
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, asked["seconds"])
    try:
        _tried(asked["method"], asked["given"], tuple(asked["shape"]))
    except LseError as error:
        answer.update(refused=error.message, reason=error.reason)
    except BaseException as error:  # noqa: BLE001 - whatever the code of others does, the end of the process too
        says = (str(error).strip() or "without a message").splitlines()[0][:200]
        answer["failed"] = f"{type(error).__name__}: {says}"
    os.write(answers, json.dumps(answer).encode())
    os._exit(0)  # threads of their code do not hold it up


if __name__ == "__main__":
    _main()
