"""A run as HTML with inline styles and SVG charts, which needs no script and stays visible in a saved notebook."""

from __future__ import annotations

import time
from html import escape
from typing import List, Optional, Tuple

from azureml.widgets._state import ENDED, Child, Series, State

WIDTH, HEIGHT, MARGIN = 260, 90, 4
MAX_POINTS = 300
MAX_CHARTS = 24
# Scrolling counts from the end, downwards from a negative number.
KEEP_SCROLL = """
setTimeout(function () {
  var kept = window.lazuliLogs = window.lazuliLogs || {};
  document.querySelectorAll('.lazuli-log').forEach(function (box) {
    var run = box.dataset.run, range = function () { return box.scrollHeight - box.clientHeight; };
    if (kept[run] !== undefined && !box.onscroll) box.scrollTop = kept[run] - range();
    box.onscroll = function () {
      if (box.scrollTop > -4) delete kept[run];
      else kept[run] = box.scrollTop + range();
    };
  });
}, 0);
"""
COLOURS = {"Completed": "#107c10", "Failed": "#c4314b", "Canceled": "#797775", "Running": "#0f6cbd"}


def render_html(state: State) -> str:
    link = _render_link(state.portal_url)
    facts = [
        ("Run", state.run_id),
        ("Target", state.target),
        ("Started", _format_time(state.started)),
        ("Duration", _format_duration(state)),
    ]
    lines = "".join(
        f"<span style='margin-right:16px'>{name}: {escape(str(value))}</span>" for name, value in facts if value
    )
    return (
        "<div style='font:13px/1.5 sans-serif;border:1px solid rgba(127,127,127,.4);border-radius:6px;padding:12px'>"
        f"<div><b>{escape(state.display_name)}</b> "
        f"{_render_badge(state.status)} {link}</div><div style='opacity:.75'>{lines}</div>{_render_moment(state)}"
        f"{_render_error(state)}{_render_charts(state.series)}{_render_children(state)}{_render_log(state)}</div>"
    )


def render_text(state: State) -> str:
    lines = [f"RunId: {state.run_id}", f"Status: {state.status}"]
    lines += [f"{series.name}: {series.values[-1]:g}" for series in state.series if series.values]
    lines += [f"Child run {child.display_name}: {child.status}" for child in state.children]
    if state.error:
        lines.append(f"Error: {state.error}")
    if state.portal_url:
        lines.append(f"Web View: {state.portal_url}")
    return "\n".join(lines)


def render_error(run_id: str, reason: str) -> str:
    return f"<div style='font:13px sans-serif'>The view of run {escape(run_id)} was stopped: {escape(reason)}</div>"


def _render_moment(state: State) -> str:
    """The time of the view, which stays as it is when the notebook is closed or its kernel ends."""
    if state.status in ENDED:
        return ""
    moment = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    return (
        f"<div style='opacity:.75'>As of {moment}. It is updated while the notebook's kernel runs; in a saved "
        "notebook, run the cell again.</div>"
    )


def render_script() -> str:
    """Keeps the place of a reader who has scrolled up in the log; a notebook that runs no scripts shows the log's end."""
    return f"<script>{KEEP_SCROLL}</script>"


def _render_badge(status: str) -> str:
    colour = COLOURS.get(status, "#8a6d00")
    return f"<span style='background:{colour};color:#fff;border-radius:9px;padding:1px 9px'>{escape(status)}</span>"


def _render_children(state: State) -> str:
    if not state.children:
        return ""
    lines = "".join(f"<li>{_render_child_name(child)} {_render_badge(child.status)}</li>" for child in state.children)
    more = "<div style='opacity:.75'>The studio shows all of them.</div>" if state.more_children else ""
    newest = f"The {len(state.children)} newest child runs" if state.more_children else "Child runs"
    return f"<div style='margin-top:8px'>{newest}<ul style='margin:0'>{lines}</ul>{more}</div>"


def _render_child_name(child: Child) -> str:
    name = escape(child.display_name)
    return (
        f'<a href="{escape(child.portal_url)}" target="_blank" rel="noopener">{name}</a>' if child.portal_url else name
    )


def _render_link(url: Optional[str]) -> str:
    return f'<a href="{escape(url)}" target="_blank" rel="noopener">View run details</a>' if url else ""


def _render_error(state: State) -> str:
    return f"<div style='color:#c4314b;white-space:pre-wrap'>{escape(state.error)}</div>" if state.error else ""


def _render_charts(series: List[Series]) -> str:
    drawn = [_render_chart(one) for one in series[:MAX_CHARTS] if one.values]
    more = len(series) - MAX_CHARTS
    note = f"<div style='opacity:.75'>{more} more metrics in the studio</div>" if more > 0 else ""
    return (
        f"<div style='display:flex;flex-wrap:wrap;gap:12px;margin-top:8px'>{''.join(drawn)}</div>{note}"
        if drawn
        else ""
    )


def _render_chart(series: Series) -> str:
    last = f"{series.values[-1]:g}"
    points = _scale_points(_downsample(series.values))
    if len(points) == 1:
        shape = f"<circle cx='{WIDTH / 2:g}' cy='{HEIGHT / 2:g}' r='3' fill='#0f6cbd'/>"
    else:
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        shape = f"<polyline points='{line}' fill='none' stroke='#0f6cbd' stroke-width='1.5'/>"
    name = escape(series.name)
    label = f"{name}: {len(series.values)} values; the last one is {last}"
    return (
        f"<div><div>{name} <b>{last}</b></div><svg role='img' aria-label='{label}' width='{WIDTH}' height='{HEIGHT}' "
        f"viewBox='0 0 {WIDTH} {HEIGHT}' style='border:1px solid rgba(127,127,127,.3)'>{shape}</svg></div>"
    )


def _downsample(values: List[float]) -> List[Tuple[float, float]]:
    """At most 300 points: the minimum and maximum of each interval, so that no peak is lost."""
    if len(values) <= MAX_POINTS:
        return [(float(x), value) for x, value in enumerate(values)]
    points_per_part = len(values) / (MAX_POINTS / 2)
    kept: List[Tuple[float, float]] = []
    for i in range(MAX_POINTS // 2):
        part = range(int(i * points_per_part), int((i + 1) * points_per_part))
        ends = {min(part, key=values.__getitem__), max(part, key=values.__getitem__)}
        kept.extend((float(x), values[x]) for x in sorted(ends))
    return kept


def _scale_points(points: List[Tuple[float, float]]) -> List[Tuple[float, float]]:
    low, high = min(y for _, y in points), max(y for _, y in points)
    span, right = (high - low) or 1.0, points[-1][0] or 1.0
    flat = high == low
    return [
        (
            MARGIN + (WIDTH - 2 * MARGIN) * x / right,
            HEIGHT / 2 if flat else HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * (y - low) / span,
        )
        for x, y in points
    ]


def _render_log(state: State) -> str:
    if not state.log:
        return ""
    return (
        f"<div style='margin-top:8px;opacity:.75'>{escape(state.log_name)}</div>"
        # The last lines are at hand: a box that is filled from below is scrolled to its end.
        f"<div class='lazuli-log' data-run='{escape(state.run_id)}' tabindex='0' "
        "style='display:flex;flex-direction:column-reverse;"
        "max-height:240px;overflow:auto;background:rgba(127,127,127,.12)'>"
        f"<pre style='margin:0;padding:8px;background:none'>{escape(state.log)}</pre></div>"
    )


def _format_time(moment: Optional[str]) -> Optional[str]:
    return moment[:19].replace("T", " ") + " UTC" if moment else None


def _format_duration(state: State) -> Optional[str]:
    if state.duration is None:
        return None
    minutes, seconds = divmod(int(state.duration), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
