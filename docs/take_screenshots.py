"""Take the pictures of the README and of these pages from a running studio.

    python docs/take_screenshots.py SIGN_IN_LINK RUN_PAGE

RUN_PAGE is a path such as /ws/aml-workspace/runs/handwritten-digits_…/metrics/.
"""

import pathlib
import sys
from urllib.parse import urljoin

from playwright.sync_api import sync_playwright

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from deploy.test_tools import find_browser  # noqa: E402 - found only from the repository's root

PICTURES = ROOT / "docs" / "img"


def main(link: str, run_page: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.goto(link)
        for scheme, name in (("light", "run.png"), ("dark", "run-dark.png")):
            page.emulate_media(color_scheme=scheme)
            page.goto(urljoin(link, run_page))
            page.locator(".js-plotly-plot .scatterlayer").first.wait_for()
            # The typeface and the last chart arrive a moment after the first.
            page.wait_for_timeout(1500)
            page.screenshot(path=PICTURES / name)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
