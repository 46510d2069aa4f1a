"""Reads long text files by ranges, so that a log of 100 MB needs little memory."""

from runs.files import artifacts
from runs.models import Artifact
from studio import storage

MAX_HITS = 500
MAX_LINE_LENGTH = 400
# How much a search reads before it returns with its position.
MAX_READ_BYTES = 256 * 1024 * 1024
# Beyond this, lines have no number.
MAX_COUNTED_BYTES = 1024 * 1024 * 1024


def read_tail(file: Artifact, length: int) -> str:
    """The end of the file, from the start of a line."""
    start = max(0, file.size - length)
    text = artifacts.read_bytes(file, start).decode("utf-8", "replace")
    return text.partition("\n")[2] if start and "\n" in text else text


def count_lines_before(file: Artifact, offset: int) -> int | None:
    """None if too many bytes precede."""
    if offset > MAX_COUNTED_BYTES:
        return None
    return sum(part.count(b"\n") for part in artifacts.read_artifact(file, 0, offset))


def search_log(file: Artifact, words: str, start: int = 0) -> dict:
    """`{"hits": [{"offset", "line", "text"}], "next"}`: lines that contain the words in any case; `next` continues the search."""
    wanted = words.lower().encode()
    hits: list[dict] = []
    before = count_lines_before(file, start)
    line = before or 0
    for offset, block in _iterate_blocks(file, start):
        line = _search_block(block, offset, line, wanted, hits)
        if len(hits) >= MAX_HITS or offset - start > MAX_READ_BYTES:
            last = hits[MAX_HITS - 1] if len(hits) >= MAX_HITS else None
            going_on = last["offset"] + len(last["text"].encode()) if last else offset + len(block)
            return {"hits": _hide_unknown_lines(hits[:MAX_HITS], before), "next": going_on}
    return {"hits": _hide_unknown_lines(hits, before), "next": None}


def _hide_unknown_lines(hits: list[dict], before: int | None) -> list[dict]:
    return hits if before is not None else [{**hit, "line": None} for hit in hits]


def _iterate_blocks(file: Artifact, start: int):
    """Parts that end at the end of a line."""
    rest = b""
    for part in artifacts.read_artifact(file, start):
        block = rest + part
        end = block.rfind(b"\n") + 1
        # A line longer than a block is cut instead of buffered.
        end = end or (len(block) if len(block) > 2 * storage.PART else 0)
        if end:
            yield start, block[:end]
        start, rest = start + end, block[end:]
    if rest:
        yield start, rest


def _search_block(block: bytes, offset: int, line: int, wanted: bytes, hits: list[dict]) -> int:
    """Adds the hits; returns the number of the line after the block."""
    lowered, counted, position = block.lower(), 0, 0
    while len(hits) < MAX_HITS:
        found = lowered.find(wanted, position)
        if found < 0:
            break
        begin = block.rfind(b"\n", 0, found) + 1
        end = block.find(b"\n", found)
        end = len(block) if end < 0 else end
        line += block.count(b"\n", counted, begin)
        counted, position = begin, end + 1
        text = block[begin : min(end, begin + MAX_LINE_LENGTH)].decode("utf-8", "replace")
        hits.append({"offset": offset + begin, "line": line + 1, "text": text})
    return line + block.count(b"\n", counted)
