"""Sections of a documentation page that a measurement writes."""

import os
import pathlib
import re
import time


def measured() -> str:
    """When and on which machine; the load tells what the figures are worth."""
    return (
        f"Measured on {time.strftime('%-d %B %Y')} on {os.cpu_count()} cores with a load of {os.getloadavg()[0]:.0f}."
    )


def write_section(path: pathlib.Path, title: str, text: str) -> None:
    """Replace what is below this heading of the second level, up to the next one."""
    pattern = re.compile(rf"(?ms)^## {re.escape(title)}\n.*?(?=^## |\Z)")
    page = path.read_text()
    if not pattern.search(page):
        raise ValueError(f"{path} has no section {title!r}.")
    path.write_text(pattern.sub(lambda found: f"## {title}\n\n{text}\n\n", page).rstrip() + "\n")
