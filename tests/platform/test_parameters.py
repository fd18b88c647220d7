"""Parameter models: described for forms, parsed from text, refused with a sentence that helps."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError, model_validator

from lse.platform.errors import InvalidArgumentError
from lse.platform.parameters import ParameterDescription, Parameters, describe_parameters, parse_parameters


class Sample(Parameters):
    clusters: int | None = Field(None, ge=2, le=100, description="Number of clusters.")
    rate: float = Field(0.1, gt=0, description="Step.")
    metric: Literal["cosine", "euclidean"] = Field("cosine", description="Distance.")
    exact: bool = Field(default=False)
    note: str = ""


class Range(Parameters):
    low: int = 1
    high: int = 2

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if self.low > self.high:
            raise ValueError("low must not be above high")
        return self


def test_describe_gives_all_a_form_needs():
    clusters, rate, metric, exact, note = describe_parameters(Sample)
    assert clusters == ParameterDescription("clusters", "integer", None, 2, 100, (), "Number of clusters.")
    assert rate == ParameterDescription("rate", "number", 0.1, 0, None, (), "Step.", minimum_excluded=True)
    assert metric.kind == "choice"
    assert metric.choices == ("cosine", "euclidean")
    assert (exact.kind, exact.default) == ("boolean", False)
    assert (note.kind, note.default) == ("text", "")


def test_parse_converts_text():
    parsed = parse_parameters(
        Sample, {"clusters": " 12", "rate": "1e-3", "metric": "euclidean", "exact": "true", "note": "none"}
    )
    assert parsed == Sample(clusters=12, rate=1e-3, metric="euclidean", exact=True, note="none")
    assert parse_parameters(Sample, {}) == Sample()
    with pytest.raises(ValidationError):
        parsed.rate = 2.0


@pytest.mark.parametrize("text", ["auto", "none", "None", ""])
def test_automatic_is_none_where_none_is_allowed(text):
    assert parse_parameters(Sample, {"clusters": text}).clusters is None


@pytest.mark.parametrize(
    ("values", "reason", "words"),
    [
        ({"cluster": "3"}, "UNKNOWN_PARAMETER", ["'cluster'", "did you mean 'clusters'", "metric"]),
        ({"zzzzqq": "3"}, "UNKNOWN_PARAMETER", ["'zzzzqq'", "Allowed are"]),
        ({"clusters": "1"}, "BAD_PARAMETER", ["'clusters'", "'1'", "at least 2 and at most 100, or auto"]),
        ({"clusters": "many"}, "BAD_PARAMETER", ["whole number"]),
        ({"rate": "0"}, "BAD_PARAMETER", ["above 0"]),
        ({"rate": "nan"}, "BAD_PARAMETER", ["'rate'"]),
        ({"rate": "auto"}, "BAD_PARAMETER", ["'rate'"]),
        ({"metric": "cosin"}, "BAD_PARAMETER", ["one of cosine, euclidean"]),
        ({"exact": "perhaps"}, "BAD_PARAMETER", ["true or false"]),
        ({"rate": "9" * 500 + "x"}, "BAD_PARAMETER", ["..."]),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(values, reason, words):
    with pytest.raises(InvalidArgumentError) as caught:
        parse_parameters(Sample, values)
    assert caught.value.reason == reason
    for word in words:
        assert word in caught.value.message


def test_values_that_do_not_fit_together():
    with pytest.raises(InvalidArgumentError, match="low must not be above high"):
        parse_parameters(Range, {"low": "5"})


def test_a_model_without_parameters_says_so():
    class Nothing(Parameters):
        pass

    with pytest.raises(InvalidArgumentError, match="has no parameters"):
        parse_parameters(Nothing, {"k": "1"})


def test_a_declaration_no_form_can_show_is_a_fault():
    class Listed(Parameters):
        sizes: list[int] = []  # noqa: RUF012 -- the wrong declaration is the point

    class Required(Parameters):
        size: int

    for model in (Listed, Required):
        with pytest.raises(TypeError):
            describe_parameters(model)


@given(
    clusters=st.none() | st.integers(2, 100),
    rate=st.floats(1e-300, 1e300),
    metric=st.sampled_from(["cosine", "euclidean"]),
    exact=st.booleans(),
    note=st.text().map(str.strip),
)
def test_text_and_values_parse_alike(**values):
    as_text = {key: "auto" if value is None else str(value) for key, value in values.items()}
    assert parse_parameters(Sample, as_text) == parse_parameters(Sample, values)
