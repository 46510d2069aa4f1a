"""`RunDetails(run).show()`: status, log and charts of a run, live below the cell."""

from __future__ import annotations

import threading
import time
import uuid
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

from lazuli.console import print_text

from azureml.exceptions import AzureMLException, ServiceException
from azureml.widgets import _page, _state
from azureml.widgets._state import ENDED

if TYPE_CHECKING:
    from azureml.core.run import Run

MIN_PAUSE_SECONDS = 2.0
# A run with many points is read less often, so that the view takes at most a tenth of the time.
PAUSE_FACTOR = 9.0
REDRAW_SECONDS = 30.0


class RunDetails:
    """A view of one run. `show()` returns immediately; the view is updated until the run has ended."""

    def __init__(self, run_instance: Run):
        self._run = run_instance
        self._settings: Optional[Dict[str, Any]] = None

    def show(self, render_lib: Any = None, widget_settings: Optional[Dict[str, Any]] = None) -> None:
        """Show the run below the cell, or in a terminal print its status and address.

        `render_lib` may be a function that takes the HTML, for notebooks that display it in their own way; it is called
        once, with the current state.
        """
        self._settings = widget_settings
        state = _state.fetch_state(self._run)
        if callable(render_lib):
            render_lib(_page.render_html(state))
        elif _in_notebook():
            self._show_live(state)
        else:
            print_text(_page.render_text(state))

    def get_widget_data(self, widget_settings: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """The content of the view, as a dict."""
        state = _state.fetch_state(self._run)
        return {
            "status": state.status,
            "workbench_run_details_uri": state.portal_url,
            "run_id": state.run_id,
            "run_properties": {
                "run_id": state.run_id,
                "status": state.status,
                "created_utc": state.created,
                "start_utc": state.started,
                "end_utc": state.ended,
                "run_duration": state.duration,
                "tags": state.tags,
                "properties": state.properties,
            },
            "child_runs": [
                {
                    "run_id": child.run_id,
                    "name": child.display_name,
                    "status": child.status,
                    "created_time": child.created,
                    "start_time": child.started,
                    "end_time": child.ended,
                }
                for child in state.children
            ],
            "children_metrics": {},
            "run_metrics": [{"name": series.name, "data": series.values} for series in state.series],
            "run_logs": state.log,
            "graph": {},
            "widget_settings": widget_settings or self._settings or {},
        }

    def _show_live(self, state: _state.State) -> None:
        from IPython.display import HTML, display, update_display  # optional: notebooks have it

        display_id = f"lazuli-run-{uuid.uuid4().hex}"
        is_live = state.status not in ENDED
        html = _page.render_html(state) + (_page.render_script() if is_live else "")
        display(HTML(html), display_id=display_id)

        def draw(html: str) -> None:
            update_display(HTML(html + _page.render_script()), display_id=display_id)

        if is_live:
            follower = threading.Thread(
                target=_update_until_ended, args=(self._run, draw), name=display_id, daemon=True
            )
            follower.start()


def _update_until_ended(run: Run, draw: Callable[[str], None], sleep: Callable[[float], None] = time.sleep) -> None:
    """Redraw the view of the run until the run has ended."""
    shown: Optional[_state.State] = None
    drawn_at = duration = 0.0
    while True:
        sleep(max(MIN_PAUSE_SECONDS, duration * PAUSE_FACTOR))
        started = time.monotonic()
        try:
            state = _state.fetch_state(run)
        except (AzureMLException, ServiceException) as error:
            draw(_page.render_error(run.id, error.message))
            return
        duration = time.monotonic() - started
        # Sometimes without a change too: the view shows its time.
        if state != shown or started - drawn_at > REDRAW_SECONDS:
            draw(_page.render_html(state))
            shown, drawn_at = state, started
        if state.status in ENDED:
            return


def _in_notebook() -> bool:
    try:
        from IPython import get_ipython  # optional: notebooks have it
    except ImportError:
        return False
    return getattr(get_ipython(), "kernel", None) is not None
