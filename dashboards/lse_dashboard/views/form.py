"""The form of a method's parameters."""

from __future__ import annotations

from typing import Any

import panel_material_ui as pmui
from bokeh.models import CustomJSTickFormatter

from lse.client.resources import Method, Parameter
from lse.platform.errors import InvalidArgumentError
from lse_dashboard.views.look import compact

__all__ = ["ParameterForm"]


# A long form shows these many parameters, the rest on demand.
_SHOWN, _LONG = 5, 8
_AUTOMATIC = "automatic"


class ParameterForm:
    """Widgets for the parameters of one method at a time."""

    def __init__(self) -> None:
        self._widgets: dict[str, tuple[Parameter, Any]] = {}
        self._first = pmui.Column(margin=0, sizing_mode="stretch_width")
        self._rest = pmui.Column(margin=0, sizing_mode="stretch_width", visible=False)
        self._more = pmui.Button(
            **compact(variant="text", margin=(0, 0, 4, 0), visible=False, css_classes=["lse-more-parameters"])
        )
        self._more.on_click(lambda _: self._unfold(not self._rest.visible))
        self.panel = pmui.Column(
            self._first,
            self._more,
            self._rest,
            margin=0,
            sizing_mode="stretch_width",
            css_classes=["lse-parameters"],
        )

    def show(self, method: Method) -> None:
        """Show the parameters of a method with their defaults."""
        self._widgets = {parameter.key: (parameter, _widget(parameter)) for parameter in method.parameters}
        widgets = [widget for _, widget in self._widgets.values()]
        shown = _SHOWN if len(widgets) > _LONG else len(widgets)
        self._first.objects, self._rest.objects = widgets[:shown], widgets[shown:]
        self._more.visible = len(widgets) > shown
        self._unfold(False)

    def _unfold(self, unfold: bool) -> None:
        self._rest.visible = unfold
        self._more.label = "Fewer parameters" if unfold else f"{len(self._rest.objects)} more parameters"
        self._more.icon = "expand_less" if unfold else "expand_more"

    def settings(self) -> dict[str, str]:
        """What was changed from the defaults, as text.

        Raises
        ------
        InvalidArgumentError
            A number is none, or lies outside its bounds.
        """
        changed = {}
        for key, (parameter, widget) in self._widgets.items():
            text = _text(widget.value).strip()
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


def _widget(parameter: Parameter) -> Any:
    title = parameter.key.replace("_", " ").capitalize()
    options = compact(label=title, description=parameter.help or None, css_classes=[f"lse-parameter-{parameter.key}"])
    default = parameter.default
    if parameter.kind == "choice":
        # Without a default the data decide: no choice is that choice.
        choices = {choice: choice for choice in parameter.choices}
        return pmui.Select(options=choices if default else {_AUTOMATIC: "", **choices}, value=default, **options)
    if parameter.kind == "boolean" and not default:
        return pmui.Select(options={_AUTOMATIC: "", "yes": "true", "no": "false"}, value="", **options)
    if parameter.kind == "boolean":
        return pmui.Checkbox(value=default.lower() == "true", **options)
    if parameter.kind == "text":
        return pmui.TextInput(value=default, **options)
    return _number_widget(parameter, options)


def _number_widget(parameter: Parameter, options: dict[str, Any]) -> Any:
    default = parameter.default
    low, high = parameter.minimum, parameter.maximum
    if not default:
        # A text may be empty; a number input shows 0 where there is none.
        return pmui.TextInput(value="", placeholder=_range(low, high), **options)
    bounds = {name: limit for name, limit in (("start", low), ("end", high)) if limit is not None}
    options |= {"variant": "outlined", "format": _as_written()}
    if parameter.kind == "integer":
        whole = {name: int(limit) for name, limit in bounds.items()}
        return pmui.IntInput(value=int(float(default)), **whole, **options)
    return pmui.FloatInput(value=float(default), **bounds, **options)


def _as_written() -> CustomJSTickFormatter:
    """Numbers as they are; the usual format shows four decimals."""
    return CustomJSTickFormatter(code="return tick == null ? '' : String(tick)")


def _range(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"{_AUTOMATIC}, or {low:g} to {high:g}"
    return _AUTOMATIC if low is None else f"{_AUTOMATIC}, or from {low:g}"


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _number(parameter: Parameter, text: str) -> float:
    title = parameter.key.replace("_", " ").capitalize()
    try:
        value = float(text)
    except ValueError:
        raise InvalidArgumentError(f"{title} must be a number, not '{text}'.", reason="BAD_PARAMETER") from None
    if parameter.kind == "integer" and not value.is_integer():
        raise InvalidArgumentError(f"{title} must be a whole number.", reason="BAD_PARAMETER")
    low, high = parameter.minimum, parameter.maximum
    # NaN lies within no bounds.
    if not ((low is None or value >= low) and (high is None or value <= high)):
        limits = " and ".join(
            f"{word} {limit:g}" for word, limit in (("at least", low), ("at most", high)) if limit is not None
        )
        raise InvalidArgumentError(f"{title} must be {limits}.", reason="BAD_PARAMETER")
    return value
