"""Readable output: each line names its process, in the colour of the process."""

import datetime as dt
import json
import os
import sys

COLOURS = {"redis": 35, "web": 36, "control": 32, "host": 34, "set-up": 37, "up": 1}
WIDTH = max(len(name) for name in COLOURS)


def _colourful() -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()


COLOURFUL = _colourful()


# Each line of the output is a JSON object, for programs that collect them.
IS_JSON = os.environ.get("LOG_FORMAT") == "json"


def make_json_line(name: str, line: str) -> str:
    """A line of a process as JSON, with the name of the process."""
    try:
        said = json.loads(line)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        moment = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        said = {"time": moment, "level": "INFO", "logger": name, "message": line}
    return json.dumps({"process": name, **said})


def _paint(text: str, colour: int) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m" if COLOURFUL else text


def print_line(name: str, line: str) -> None:
    """Never raises if the terminal is closed, which must not interrupt the stopping."""
    try:
        if IS_JSON:
            print(make_json_line(name, line), flush=True)
            return
        print(f"{_paint(f'{name:>{WIDTH}} │', COLOURS.get(name, 0))} {line}", flush=True)
    except OSError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for the rest of the process


def print_banner(lines: list[str]) -> None:
    blank = [] if IS_JSON else [""]
    for line in [*blank, *lines, *blank]:
        print_line("up", line if IS_JSON else _paint(line, 1))
