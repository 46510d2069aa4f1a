"""Read conda files and pip's requirement files in all common forms, with the files that they include."""

from __future__ import annotations

import codecs
import os
import re
from typing import Any, Iterator, List, Optional, Sequence, Tuple

from lazuli.environments.requirements import MAX_LINES
from lazuli.errors import UserErrorException

# Bytes of one file, and files that name each other.
MAX_BYTES, MAX_DEPTH = 262_144, 10
# The longer marks first: UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CODING = re.compile(rb"^[ \t]*#.*?coding[:=][ \t]*([-\w.]+)")
_ENCODINGS = re.compile(
    r"utf-(8|16|32)(-(le|be|sig))?|ascii|iso8859-\d+|cp\d+|mac-\w+|koi8-\w|big5\w*|gb\w+|euc\w+|shift_jis\w*"
)
_COMMENT = re.compile(r"(?:^|\s)#.*")
_OTHER_FILE = re.compile(r"(?P<option>-r|--requirement|-c|--constraint)[\s=]*(?P<path>\S.*)")


def read_text(path: str, what: str) -> str:
    """The text of a file in UTF-8, in UTF-16 or UTF-32 with its mark, or in the encoding that its first lines name.

    What comments have in another encoding does not matter. Raises UserErrorException, which begins with `what`.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserErrorException(f"{what} {path!r} cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise UserErrorException(f"{what} {path!r} is larger than {MAX_BYTES // 1024} KB.")
    encoding, content = _find_encoding(content, f"{what} {path!r}")
    try:
        text = _unify_line_ends(content.decode(encoding))
    except UnicodeDecodeError as error:
        text = _unify_line_ends(content.decode(encoding, "replace"))
        wrong = [number for number, line in enumerate(text.split("\n"), 1) if "\ufffd" in _COMMENT.sub("", line)]
        if wrong:
            raise UserErrorException(
                f"{what} {path!r} is not {encoding.upper()} in line {wrong[0]}. Save it as UTF-8, or name its encoding in "
                "its first line, such as `# -*- coding: latin-1 -*-`."
            ) from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise UserErrorException(f"{what} {path!r} has a NUL character in line {line}. Save it as UTF-8.")
    return text


def _unify_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _find_encoding(content: bytes, what: str) -> Tuple[str, bytes]:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return encoding, content[len(mark) :]
    for line in content.split(b"\n", 2)[:2]:
        match = _CODING.match(line)
        if match:
            name = match[1].decode("ascii", "replace")
            try:
                found = codecs.lookup(name).name
            except LookupError:
                found = ""
            if not _ENCODINGS.fullmatch(found):
                raise UserErrorException(f"{what} names the encoding {name!r}, which is not known. Save it as UTF-8.")
            return found, content
    return "utf-8", content


def read_requirements_file(path: str, above: Sequence[str] = ()) -> List[str]:
    """The lines of a pip requirements file without comments, with those of the files that it names by `-r` and `-c`.

    A line of a file that `-c` names stands after `-c`. Raises UserErrorException.
    """
    if not os.path.isfile(path):
        raise UserErrorException(f"The requirements file {path!r} does not exist{_named_in(above)}.")
    if os.path.realpath(path) in map(os.path.realpath, above):
        raise UserErrorException(f"The requirements file {path!r} names itself{_named_in(above)}.")
    if len(above) >= MAX_DEPTH:
        raise UserErrorException(f"More than {MAX_DEPTH} requirements files name each other, most recently {path!r}.")
    lines: List[str] = []
    for line in _join_lines(read_text(path, "The requirements file")):
        lines += expand_line(line, path, above)
        if len(lines) > MAX_LINES:
            raise UserErrorException(f"The requirements file {(*above, path)[0]!r} has more than {MAX_LINES} lines.")
    return lines


def _named_in(above: Sequence[str]) -> str:
    return f" ({above[-1]!r} names it)" if above else ""


def _join_lines(text: str) -> Iterator[str]:
    """Logical lines without comments: one that ends with a backslash continues in the next."""
    for line in re.sub(r"\\\n", " ", text).split("\n"):
        line = _COMMENT.sub("", line).strip()
        if line:
            yield line


def expand_line(line: str, path: str, above: Sequence[str] = ()) -> List[str]:
    """A line of the file `path`; for `-r other.txt` and `-c other.txt` the lines of the other file."""
    match = _OTHER_FILE.fullmatch(line.strip())
    if match is None or "://" in match["path"]:
        return [line]
    other = os.path.join(os.path.dirname(path), os.path.expanduser(match["path"].strip("'\" ")))
    is_constraint = match["option"] in ("-c", "--constraint")
    if is_constraint and not os.path.isfile(other) and re.search(r"[<>=]", match["path"]):
        return [line]
    lines = read_requirements_file(other, (*above, path))
    if not is_constraint:
        return lines
    return [each if each.startswith("-") else f"-c {each}" for each in lines]


def expand_dependencies(dependencies: Any, path: str) -> Any:
    """The dependencies of the conda file `path`, with the lines of the files that its `pip:` names by `-r` and `-c`."""
    if not isinstance(dependencies, list):
        return dependencies
    return [_expand_item(item, path) for item in dependencies]


def _expand_item(item: Any, path: str) -> Any:
    lines: Optional[List[Any]] = item.get("pip") if isinstance(item, dict) else None
    if not isinstance(lines, list):
        return item
    expanded = [expand_line(line, path) if isinstance(line, str) else [line] for line in lines]
    return {**item, "pip": [line for part in expanded for line in part]}
