"""The loss of a training, epoch by epoch."""

from __future__ import annotations

from typing import Any

from bokeh.models import ColumnDataSource, HoverTool
from bokeh.plotting import figure

from lse_dashboard.data.courses import LOSSES
from lse_dashboard.plots.palette import BACKGROUND

__all__ = ["loss_plot"]

_COLOURS = ("#5aa9f7", "#f2a154")
_QUIET, _LINE = "#8b98a9", "#243040"


def loss_plot(source: ColumnDataSource) -> Any:
    """Figure of the curves of a source with the columns of `lse_dashboard.data.courses.loss_curves`."""
    plot: Any = figure(
        height=240,
        sizing_mode="stretch_width",
        toolbar_location=None,
        tools="",  # type: ignore[call-arg]
        background_fill_color=BACKGROUND,
        border_fill_color=BACKGROUND,
        outline_line_color=None,
        min_border_right=16,
    )
    plot.xaxis.axis_label, plot.yaxis.axis_label = "epoch", "loss"
    drawn: list[Any] = []
    for (key, title), colour in zip(LOSSES.items(), _COLOURS, strict=True):
        line = plot.line("epoch", key, source=source, color=colour, line_width=2, legend_label=title)
        dots = plot.scatter("epoch", key, source=source, color=colour, size=4, legend_label=title)
        drawn += [line, dots]
    hover = [("epoch", "@epoch{0}"), *((title, f"@{key}{{0.00000}}") for key, title in LOSSES.items())]
    plot.add_tools(HoverTool(tooltips=hover, renderers=drawn[1::2], mode="vline"))
    for axis in (plot.xaxis, plot.yaxis):
        axis.update(
            axis_line_color=_LINE,
            major_tick_line_color=_LINE,
            minor_tick_line_color=None,
            major_label_text_color=_QUIET,
            axis_label_text_color=_QUIET,
            axis_label_text_font_style="normal",
        )
    plot.grid.grid_line_color = _LINE
    plot.legend.update(
        background_fill_alpha=0.6,
        background_fill_color=BACKGROUND,
        border_line_color=None,
        label_text_color="#dde4ed",
        label_text_font_size="11px",
        orientation="horizontal",
        location="top_right",
    )
    return plot
