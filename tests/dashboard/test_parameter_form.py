"""The form of the parameters of a method."""

from __future__ import annotations

import pytest

from lse.client.resources import Parameter
from lse.errors import InvalidArgumentError
from lse_dashboard.views.parameter_form import ParameterForm


def parameter(key: str, kind: str = "integer", default: str = "", **rest: object) -> Parameter:
    values = {"minimum": 1.0, "maximum": 100.0, "choices": (), "help": "", **rest}
    return Parameter(key=key, kind=kind, default=default, **values)  # type: ignore[arg-type]


def widgets(form: ParameterForm) -> list:  # type: ignore[type-arg]
    return [widget for column in form.panel.objects if hasattr(column, "objects") for widget in column.objects]


def test_only_what_was_changed_is_a_setting() -> None:
    form = ParameterForm()
    form.show([parameter("epochs"), parameter("patience", default="5"), parameter("batch_size")], unset="later")
    epochs, _, batch = widgets(form)
    assert (epochs.placeholder, epochs.value) == ("later", "")
    epochs.value = " 12 "
    assert form.parameters() == {"epochs": "12"}
    batch.value = "101"
    with pytest.raises(InvalidArgumentError, match="batch_size must be at least 1 and at most 100"):
        form.parameters()


def test_parameters_that_nobody_unfolded_keep_their_defaults() -> None:
    form = ParameterForm()
    form.show([parameter(f"p{i}") for i in range(12)])
    assert len(widgets(form)) == 5
    assert form.parameters() == {}
    more = next(one for one in form.panel.objects if hasattr(one, "clicks"))
    more.clicks += 1
    assert len(widgets(form)) == 12
    widgets(form)[-1].value = "3"
    # Folding it again keeps what was written.
    more.clicks += 1
    assert form.parameters() == {"p11": "3"}


def test_what_was_typed_stays_while_the_same_is_shown_again() -> None:
    form, shown = ParameterForm(), [parameter("epochs"), parameter("patience", default="5")]
    form.show(shown)
    widgets(form)[0].value = "12"
    form.show([parameter("epochs"), parameter("patience", default="5")])
    assert form.parameters() == {"epochs": "12"}
    form.show([parameter("epochs")])
    assert form.parameters() == {}
