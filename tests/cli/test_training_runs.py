"""The curve that a terminal shows of a training."""

from __future__ import annotations

import pytest

from lse.cli.training_runs import curve


@pytest.mark.parametrize(
    ("values", "drawn"),
    [([], ""), ([3.0], "▁"), ([2.0, 2.0, 2.0], "▁▁▁"), ([7, 6, 5, 4, 3, 2, 1, 0], "█▇▆▅▄▃▂▁")],
)
def test_each_block_is_as_high_as_its_value(values: list[float], drawn: str) -> None:
    assert curve(values) == drawn


def test_a_long_course_is_drawn_in_the_width_there_is() -> None:
    drawn = curve([1 / (1 + step) for step in range(1000)], width=10)
    assert len(drawn) == 10
    assert list(drawn) == sorted(drawn, reverse=True)
