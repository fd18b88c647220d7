"""Methods and networks of people whose code is wrong cost a child process alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from lse.errors import InvalidArgumentError
from lse.services.training.own_code import check_own_code

NET = """
import torch

class Net(torch.nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.layer = torch.nn.Conv2d(channels, 8, 3, padding=1)

    def forward(self, images):
        {first}
        return self.layer(images)
"""


@pytest.mark.parametrize(
    ("name", "source", "says"),
    [
        ("own_raises", "raise ValueError('not today')", "cannot be imported .ValueError: not today"),
        ("own_dies", "import os; os._exit(3)", "ends the process that it runs in"),
        ("own_endless", "while True: pass", "had not come to an end after 2 s"),
        ("own_forward", NET.format(first="raise KeyError('no such layer')"), "KeyError"),
    ],
)
def test_code_that_does_not_work_is_refused_in_a_sentence(
    name: str, source: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InvalidArgumentError, match=says) as caught:
        # What ends by itself has all the time that it may need on a busy machine.
        check_own_code("simclr", {"backbone": f"{name}:Net"}, (2, 16), seconds=2 if "2 s" in says else 120)
    assert caught.value.reason == "IMPORT_PATH_INVALID"
    assert "\n" not in caught.value.message


def test_code_that_works_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_works.py").write_text(NET.format(first="pass"))
    monkeypatch.syspath_prepend(str(tmp_path))
    check_own_code("simclr", {"backbone": "own_works:Net"}, (2, 16), seconds=120)
    check_own_code("simclr", {}, (2, 16), seconds=120)
