"""The form of the parameters of a method."""

from __future__ import annotations

import pytest

from lse.client.resources import Method, Parameter
from lse.platform.errors import InvalidArgumentError
from lse_dashboard.views.form import ParameterForm, parameter_title


def parameter(key: str, kind: str = "integer", default: str = "", **rest: object) -> Parameter:
    values = {"minimum": 1.0, "maximum": 100.0, "choices": (), "help": "", **rest}
    return Parameter(key=key, kind=kind, default=default, **values)  # type: ignore[arg-type]


def method(*parameters: Parameter) -> Method:
    return Method(id="m", title="M", help="", parameters=parameters)


def widgets(form: ParameterForm) -> list:  # type: ignore[type-arg]
    return [widget for column in form.panel.objects if hasattr(column, "objects") for widget in column.objects]


def test_only_what_was_changed_is_a_setting() -> None:
    form = ParameterForm()
    form.show(method(parameter("epochs"), parameter("patience", default="5"), parameter("batch_size")), unset="later")
    epochs, _, batch = widgets(form)
    assert (epochs.placeholder, epochs.value) == ("later", "")
    epochs.value = " 12 "
    assert form.settings() == {"epochs": "12"}
    batch.value = "101"
    with pytest.raises(InvalidArgumentError, match="Batch size must be at least 1 and at most 100"):
        form.settings()


def test_parameters_that_nobody_unfolded_keep_their_defaults() -> None:
    form = ParameterForm()
    form.show(method(*(parameter(f"p{i}") for i in range(12))))
    assert len(widgets(form)) == 5
    assert form.settings() == {}
    more = next(one for one in form.panel.objects if hasattr(one, "clicks"))
    more.clicks += 1
    assert len(widgets(form)) == 12
    widgets(form)[-1].value = "3"
    # Folding it again keeps what was written.
    more.clicks += 1
    assert form.settings() == {"p11": "3"}


def test_titles_are_words() -> None:
    assert parameter_title("latent_dim") == "Latent dimensions"
    assert parameter_title("kl_warmup") == "KL warmup"
