"""The text of `sys.exit("text")` in a log.

Python prints it like any other output, so the calls in the script's source say what to look for.
"""

from __future__ import annotations

import ast
import itertools
import os
import re
import textwrap
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

MAX_LINES = 10
# The lines at the end of a log in which a text is looked for.
SEARCHED_LINES = 40
MAX_LINE = 2000
MAX_FILES = 200
MAX_FILE_BYTES = 200_000
_EXITS = ("sys.exit", "exit", "quit", "SystemExit")
UNKNOWN = ("", "")
# Lines that Python and loggers print while the process ends.
_LATER_OUTPUT = re.compile(r"\S+:\d+: \w*Warning: |WARNING\b|Exception ignored |Error in atexit")
_FIRST_FRAME = re.compile(r'^\s*File "([^"]*)", line (\d+), in (.*)')
_PLACEHOLDER = re.compile(r"%[-#0 +]*[\d.*]*[a-zA-Z]|%\([^)]*\)[-#0 +]*[\d.]*[a-zA-Z]|\{[^{}]*\}")


class ExitCall(NamedTuple):
    path: str
    line: int
    # The constant parts of the text; between two of them can be anything.
    parts: Tuple[str, ...]

    @property
    def is_known(self) -> bool:
        return bool(re.search(r"\w", "".join(self.parts)))

    @property
    def is_joined(self) -> bool:
        return len(self.parts) > 1 and "\n" in "".join(self.parts)


def find_exit_text(lines: List[str], traceback: int, folder: str) -> Optional[str]:
    """The text with which the script ended by `sys.exit`; None if it did not, or if the source does not tell.

    `traceback` is the number of the line with which the last traceback begins, or -1.
    """
    calls = list(_find_calls(folder))
    after = lines[_find_end(lines, traceback) :]
    shown = [line[:MAX_LINE] for line in after[-SEARCHED_LINES:]]
    for start in range(len(shown) - 1, -1, -1):
        for call in calls:
            found = _match(shown[start:], call.parts) if call.is_known else None
            if found:
                return _join(found)
    unknown = [call for call in calls if not call.is_known]
    if traceback < 0:
        return _join(shown[-MAX_LINES:]) if any(call.is_joined for call in unknown) else None
    if any(_was_caught(lines[traceback:], call) for call in unknown):
        return _join(after) or None
    return None


def _find_end(lines: List[str], traceback: int) -> int:
    """The number of the line after a traceback and the first line of its error."""
    if traceback < 0:
        return 0
    rest = range(traceback + 1, len(lines))
    return next((number + 1 for number in rest if lines[number].strip() and not lines[number][0].isspace()), len(lines))


def _join(lines: List[str]) -> str:
    kept = list(itertools.takewhile(lambda line: not _LATER_OUTPUT.match(line), lines))
    return "\n".join(kept[:MAX_LINES]).strip()


def _match(lines: List[str], parts: Tuple[str, ...]) -> Optional[List[str]]:
    """The lines of a text with these parts that begins with the first of the lines."""
    text = "\n".join(lines)
    if not text.startswith(parts[0]):
        return None
    end = len(parts[0])
    for part in parts[1:]:
        found = text.find(part, end)
        if found < 0:
            return None
        end = found + len(part)
    if len(parts) > 1 and not parts[-1]:
        return lines
    return text[:end].split("\n") if text[end : end + 1] in ("", "\n") else None


def _was_caught(traceback: List[str], call: ExitCall) -> bool:
    """Whether the exception of a traceback was caught before this call: by its first frame, where it was printed."""
    frame = next((match for match in map(_FIRST_FRAME.match, traceback) if match), None)
    if frame is None or "runpy" in frame[1]:
        return False
    if frame[3] != "<module>":
        return True
    return os.path.basename(frame[1]) == os.path.basename(call.path) and _is_in_try(call.path, int(frame[2]), call.line)


def _is_in_try(path: str, line: int, exit_line: int) -> bool:
    """Whether a handler ends what is raised on this line of a module, before the call on another line."""
    for node in ast.walk(_parse(path) or ast.Module([], [])):
        if isinstance(node, ast.Try) and node.handlers and node.body[0].lineno <= line < node.handlers[0].lineno:
            raises = any(isinstance(inner, ast.Raise) for handler in node.handlers for inner in ast.walk(handler))
            return exit_line > line and not raises
    return False


def _find_calls(folder: str) -> Iterator[ExitCall]:
    """The calls that end Python with a text, in the Python files of the snapshot."""
    for path in _list_sources(folder):
        nodes = list(ast.walk(_parse(path) or ast.Module([], [])))
        assigned: Dict[str, List[ast.expr]] = {}
        for node in nodes:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                assigned.setdefault(node.targets[0].id, []).append(node.value)
        for node in nodes:
            if isinstance(node, ast.Call) and len(node.args) == 1 and _name(node.func) in _EXITS:
                for text in assigned.get(_name(node.args[0]), [node.args[0]]):
                    parts = _read_parts(text)
                    if parts is not None:
                        yield ExitCall(path, node.lineno, _strip(parts))


def _list_sources(folder: str) -> Iterator[str]:
    count = 0
    for where, _, names in os.walk(folder) if folder else []:
        for name in sorted(names):
            path = os.path.join(where, name)
            if name.endswith(".py") and os.path.isfile(path):
                count += 1
                if count > MAX_FILES:
                    return
                yield path


def _parse(path: str) -> Optional[ast.Module]:
    try:
        with open(path, "rb") as file:
            source = file.read(MAX_FILE_BYTES + 1)
        if len(source) > MAX_FILE_BYTES or not re.search(rb"exit|quit", source, re.IGNORECASE):
            return None
        return ast.parse(source)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        # Not for this version of Python, or not Python at all.
        return None


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _strip(parts: Tuple[str, ...]) -> Tuple[str, ...]:
    """Without empty lines at the ends."""
    stripped = (parts[0].lstrip("\n"), *parts[1:])
    return (*stripped[:-1], stripped[-1].rstrip("\n"))


def _read_parts(node: ast.expr) -> Optional[Tuple[str, ...]]:
    """The constant parts of a text, ("", "") if nothing is known of it; None for what is not a text, such as a number."""
    if isinstance(node, ast.Constant):
        return (node.value,) if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return _concatenate([_read_parts(value) or UNKNOWN for value in node.values])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _concatenate([_read_parts(node.left) or UNKNOWN, _read_parts(node.right) or UNKNOWN])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return _split_template(node.left)
    if isinstance(node, ast.Call):
        return _read_call(node)
    return UNKNOWN if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) else None


def _read_call(node: ast.Call) -> Optional[Tuple[str, ...]]:
    function = node.func.attr if isinstance(node.func, ast.Attribute) else _name(node.func)
    if isinstance(node.func, ast.Attribute) and function == "format":
        return _split_template(node.func.value)
    if isinstance(node.func, ast.Attribute) and function == "join":
        separator = _read_parts(node.func.value)
        return ("", *separator, "") if separator else UNKNOWN
    if function == "dedent" and node.args and isinstance(node.args[0], ast.Constant):
        return (textwrap.dedent(str(node.args[0].value)),)
    # What main() returns is rather a number.
    return UNKNOWN if function in ("str", "repr", "format_exc") else None


def _split_template(node: ast.expr) -> Tuple[str, ...]:
    parts = _read_parts(node) or UNKNOWN
    return tuple(_PLACEHOLDER.split(parts[0])) if len(parts) == 1 else parts


def _concatenate(texts: "List[Tuple[str, ...]]") -> Tuple[str, ...]:
    joined: Tuple[str, ...] = ("",)
    for parts in texts:
        joined = (*joined[:-1], joined[-1] + parts[0], *parts[1:])
    return joined
