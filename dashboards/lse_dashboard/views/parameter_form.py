"""The form of a method's parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import panel as pn
import panel_material_ui as pmui
from bokeh.models import CustomJSTickFormatter

from lse.client.resources import Parameter
from lse.errors import InvalidArgumentError
from lse.values import parameter_text
from lse_dashboard import wording
from lse_dashboard.views.appearance import compact
from lse_dashboard.views.text_field import TextField

__all__ = ["ParameterForm", "setting_text"]

_WORDS = wording.Parameters

# A long form shows these many parameters, the rest on demand.
_SHOWN, _LONG = 5, 8
# So many choices are short words, which fit into half the width.
_FEW = 4
# A longer name is cut where it has half the width.
_SHORT = 14
# Two numbers fit beside each other, and a long form becomes half as long.
_HALF = [":host { width: calc(50% - 4px) !important; }"]
# An empty field says who fills it: the label stays above and leaves the room to the placeholder.
_LABEL_ABOVE = {
    "& .MuiInputLabel-root": {"transform": "translate(14px, -9px) scale(0.75)", "maxWidth": "calc(133% - 32px)"},
    "& .MuiOutlinedInput-notchedOutline legend": {"maxWidth": "100%"},
    "& label + .MuiInputBase-formControl.MuiInputBase-root .MuiInputBase-input::placeholder": {
        "opacity": "0.6 !important",
        "fontStyle": "italic",
    },
}

# As high as the fields of numbers beside it.
_AS_HIGH = {"& .MuiSelect-select": {"paddingTop": "7px", "paddingBottom": "7px"}}


class ParameterForm:
    """Widgets for the parameters of one method at a time."""

    def __init__(self) -> None:
        self._widgets: dict[str, tuple[Parameter, Any]] = {}
        self._shown: Sequence[Parameter] = ()
        self._later: Sequence[Parameter] = ()
        self._unset = _WORDS.AUTOMATIC
        self._first = pn.FlexBox(gap="0 8px", margin=0, sizing_mode="stretch_width")
        self._rest = pn.FlexBox(gap="0 8px", margin=0, sizing_mode="stretch_width", visible=False)
        self._more = pmui.Button(
            **compact(variant="text", margin=(0, 0, 4, 0), visible=False, css_classes=["lse-more-parameters"])
        )
        self._more.on_click(lambda _: self._unfold(not self._rest.visible))
        self.panel = pmui.Column(
            self._first, self._more, self._rest, margin=0, sizing_mode="stretch_width", css_classes=["lse-parameters"]
        )

    def show(self, parameters: Sequence[Parameter], *, unset: str = _WORDS.AUTOMATIC) -> None:
        """Show parameters with their defaults; `unset` says who decides where there is none.

        Where they are shown already, what was typed stays.
        """
        if (parameters, unset) == (self._shown, self._unset):
            return
        self._shown, self._unset = parameters, unset
        shown = _SHOWN if len(parameters) > _LONG else len(parameters)
        self._widgets = {}
        self._later = parameters[shown:]
        self._first.objects, self._rest.objects = self._made(parameters[:shown]), []
        self._more.visible = bool(self._later)
        self._unfold(False)

    def _made(self, parameters: Sequence[Parameter]) -> list[Any]:
        new = {parameter.key: (parameter, _widget(parameter, self._unset)) for parameter in parameters}
        self._widgets |= new
        return [widget for _, widget in new.values()]

    def _unfold(self, unfold: bool) -> None:
        if unfold and not self._rest.objects:
            # Widgets take their time to appear: those that nobody asks to see are not made.
            self._rest.objects = self._made(self._later)
        self._rest.visible = unfold
        self._more.label = _WORDS.FEWER if unfold else _WORDS.MORE.format(count=len(self._later))
        self._more.icon = "expand_less" if unfold else "expand_more"

    def parameters(self) -> dict[str, str]:
        """What was changed from the defaults, as text.

        Raises
        ------
        InvalidArgumentError
            A number is none, or lies outside its bounds.
        """
        changed = {}
        for key, (parameter, widget) in self._widgets.items():
            text = parameter_text(widget.value).strip()
            if text == parameter.default or (text == "" and parameter.kind != "text"):
                continue
            if parameter.kind in {"integer", "number"}:
                number = _number(parameter, text)
                if parameter.default and float(parameter.default) == number:
                    continue
                if parameter.kind == "integer":
                    text = str(int(number))
            changed[key] = text
        return changed


def _widget(parameter: Parameter, unset: str) -> Any:
    options = compact(
        label=parameter.key,
        description=_description(parameter),
        css_classes=[f"lse-parameter-{parameter.key}"],
        margin=(6, 0),
    )
    default = parameter.default
    if not (parameter.kind == "text" or len(parameter.choices) > _FEW or len(parameter.key) > _SHORT):
        options["stylesheets"] = _HALF
    if parameter.kind == "choice":
        # Without a default the data decide: no choice is that choice.
        choices = {choice: choice for choice in parameter.choices}
        return pmui.Select(
            options=choices if default else {unset: "", **choices}, value=default, sx=_AS_HIGH, **options
        )
    if parameter.kind == "boolean" and not default:
        answers = {unset: "", wording.YES: "true", wording.NO: "false"}
        return pmui.Select(options=answers, value="", sx=_AS_HIGH, **options)
    if parameter.kind == "boolean":
        return pmui.Checkbox(value=default.lower() == "true", **options)
    if parameter.kind == "text":
        return TextField(value=default, **options)
    return _number_widget(parameter, unset, options)


def _number_widget(parameter: Parameter, unset: str, options: dict[str, Any]) -> Any:
    default = parameter.default
    if not default:
        # A text may be empty; a number input shows 0 where there is none.
        return TextField(value="", placeholder=unset, sx=_LABEL_ABOVE, **options)
    bounds = {
        name: limit for name, limit in (("start", parameter.minimum), ("end", parameter.maximum)) if limit is not None
    }
    options |= {"variant": "outlined", "format": _as_written()}
    if parameter.kind == "integer":
        whole = {name: int(limit) for name, limit in bounds.items()}
        return pmui.IntInput(value=int(float(default)), **whole, **options)
    return pmui.FloatInput(value=float(default), **bounds, **options)


def setting_text(value: object) -> str:
    """What a person reads for the value of a parameter that is in force."""
    return _WORDS.SET_AT_START if value is None else parameter_text(value)


def _description(parameter: Parameter) -> str | None:
    """What the parameter means and within which bounds it lies."""
    low, high = parameter.minimum, parameter.maximum
    bounds = ""
    if low is not None:
        bounds = (_WORDS.AT_LEAST if high is None else _WORDS.BETWEEN).format(low=low, high=high)
    return " ".join(part for part in (parameter.help, bounds) if part) or None


def _as_written() -> CustomJSTickFormatter:
    """Numbers as they are; the usual format shows four decimals."""
    return CustomJSTickFormatter(code="return tick == null ? '' : String(tick)")


def _number(parameter: Parameter, text: str) -> float:
    title, low, high = parameter.key, parameter.minimum, parameter.maximum
    try:
        value = float(text)
    except ValueError:
        raise _refusal(_WORDS.NOT_A_NUMBER.format(title=title, text=text)) from None
    if parameter.kind == "integer" and not value.is_integer():
        raise _refusal(_WORDS.NOT_WHOLE.format(title=title))
    # NaN lies within no bounds.
    if not ((low is None or value >= low) and (high is None or value <= high)):
        sentence = _WORDS.TOO_LARGE if low is None else _WORDS.TOO_SMALL if high is None else _WORDS.OUTSIDE
        raise _refusal(sentence.format(title=title, low=low, high=high))
    return value


def _refusal(sentence: str) -> InvalidArgumentError:
    return InvalidArgumentError(sentence, reason="PARAMETER_INVALID")
