"""Parameter models: described for forms, parsed from text, refused with a sentence that helps."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AliasChoices, Field, ValidationError, model_validator

from lse.errors import InvalidArgumentError
from lse.parameters import Parameters, parameters_schema, parse_parameters, present_names


class Sample(Parameters):
    clusters: int | None = Field(
        None, ge=2, le=100, validation_alias=AliasChoices("clusters", "groups"), description="Number of clusters."
    )
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


def test_the_schema_gives_all_that_a_form_needs():
    properties = parameters_schema(Sample)["properties"]
    assert list(properties) == ["clusters", "rate", "metric", "exact", "note"]
    assert properties["clusters"]["anyOf"] == [{"type": "integer", "minimum": 2, "maximum": 100}, {"type": "null"}]
    assert properties["clusters"]["description"] == "Number of clusters."
    assert (properties["rate"]["default"], properties["rate"]["exclusiveMinimum"]) == (0.1, 0)
    assert properties["metric"]["enum"] == ["cosine", "euclidean"]
    assert (properties["exact"]["type"], properties["exact"]["default"]) == ("boolean", False)
    assert (properties["note"]["type"], properties["note"]["default"]) == ("string", "")


def test_a_methods_own_parameters_come_first():
    class More(Sample):
        depth: int = 3

    assert list(parameters_schema(More)["properties"])[:2] == ["depth", "clusters"]


def test_an_earlier_name_is_accepted_and_the_answer_has_todays():
    assert parse_parameters(Sample, {"groups": "3"}).model_dump()["clusters"] == 3
    assert present_names(Sample, {"groups": "3", "other": 1}) == {"clusters": "3", "other": 1}
    with pytest.raises(InvalidArgumentError, match="given twice, as 'groups' and as 'clusters'"):
        parse_parameters(Sample, {"groups": "3", "clusters": "3"})
    with pytest.raises(InvalidArgumentError, match="did you mean 'clusters'"):
        parse_parameters(Sample, {"group": "3"})


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
        ({"cluster": "3"}, "PARAMETER_UNKNOWN", ["'cluster'", "did you mean 'clusters'", "metric"]),
        ({"zzzzqq": "3"}, "PARAMETER_UNKNOWN", ["'zzzzqq'", "Allowed are"]),
        ({"clusters": "1"}, "PARAMETER_INVALID", ["'clusters'", "'1'", "from 2 to 100, or auto"]),
        ({"clusters": "many"}, "PARAMETER_INVALID", ["whole number"]),
        ({"rate": "0"}, "PARAMETER_INVALID", ["above 0"]),
        ({"rate": "nan"}, "PARAMETER_INVALID", ["'rate'"]),
        ({"rate": "auto"}, "PARAMETER_INVALID", ["'rate'"]),
        ({"metric": "cosin"}, "PARAMETER_INVALID", ["one of cosine, euclidean"]),
        ({"exact": "perhaps"}, "PARAMETER_INVALID", ["true or false"]),
        ({"rate": "9" * 500 + "x"}, "PARAMETER_INVALID", ["..."]),
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

    with pytest.raises(InvalidArgumentError, match="none are allowed"):
        parse_parameters(Nothing, {"k": "1"})


def test_a_declaration_no_form_can_show_is_a_fault():
    class Listed(Parameters):
        sizes: list[int] = []  # noqa: RUF012 -- the wrong declaration is the point

    class Required(Parameters):
        size: int

    for model in (Listed, Required):
        with pytest.raises(TypeError):
            parameters_schema(model)


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
