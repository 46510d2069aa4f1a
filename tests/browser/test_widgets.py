"""The view of a run in a notebook, as a browser shows it."""

import pytest
from azureml.widgets import _page

from tests.sdk.test_widgets_page import state

pytestmark = pytest.mark.browser
REPLACE = """html => { const cell = document.getElementById('cell'); cell.innerHTML = html;
  for (const old of cell.querySelectorAll('script')) {
    const script = document.createElement('script'); script.textContent = old.textContent; old.replaceWith(script); } }"""
TOP_LINE = """() => { const box = document.querySelector('.lazuli-log'); const text = box.querySelector('pre');
  return Math.round((box.getBoundingClientRect().top - text.getBoundingClientRect().top - 8) /
    (text.getBoundingClientRect().height / text.textContent.split('\\n').length)); }"""


def test_the_log_is_at_its_end_and_the_readers_place_is_kept(chromium):
    page = chromium.new_page()
    page.set_content("<div id='cell'></div>")

    def draw(lines: int) -> None:
        log = "\n".join(f"line {number}" for number in range(lines))
        page.evaluate(REPLACE, _page.render_html(state(log=log)) + _page.render_script())
        page.wait_for_timeout(50)

    scrolled = "document.querySelector('.lazuli-log').scrollTop"
    draw(200)
    assert page.evaluate(scrolled) == 0 and page.evaluate(TOP_LINE) > 150
    page.evaluate(f"{scrolled} = -2000")
    page.wait_for_timeout(50)
    line = page.evaluate(TOP_LINE)
    assert 0 < line < 150
    draw(220)
    assert abs(page.evaluate(TOP_LINE) - line) <= 1
    # Back at the end, the reader follows the log again.
    page.evaluate(f"{scrolled} = 0")
    page.wait_for_timeout(50)
    draw(240)
    assert page.evaluate(scrolled) == 0 and page.evaluate(TOP_LINE) > 190
    page.close()
