"""Readable output: each line names its process, in the colour of the process."""

import os
import sys

COLOURS = {"redis": 35, "web": 36, "control": 32, "host": 34, "set-up": 37, "up": 1}
WIDTH = max(len(name) for name in COLOURS)


def _colourful() -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()


COLOURFUL = _colourful()


def _paint(text: str, colour: int) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m" if COLOURFUL else text


def print_line(name: str, line: str) -> None:
    """Never raises if the terminal is closed, which must not interrupt the stopping."""
    try:
        print(f"{_paint(f'{name:>{WIDTH}} │', COLOURS.get(name, 0))} {line}", flush=True)
    except OSError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for the rest of the process


def print_banner(lines: list[str]) -> None:
    print_line("up", "")
    for line in lines:
        print_line("up", _paint(line, 1))
    print_line("up", "")
