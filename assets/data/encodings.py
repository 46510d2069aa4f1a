"""Whether the files of a table are text of the encoding that it names, all of them to their end."""

import codecs

from lazuli.data.definitions import ENCODINGS

TEXTS = ("read_delimited", "read_json_lines")
# An encoding in which all bytes are characters.
ANY_BYTES = "latin1"


class EncodingCheck:
    """Finds the first byte of a file that is not of its encoding, while the file is read for something else."""

    def __init__(self, path: str, encoding: str):
        self._path, self._encoding, self._codec = path, encoding, ENCODINGS[encoding]
        self._decoder = codecs.getincrementaldecoder(self._codec)()
        self._line, self.problem = 1, ""

    def add(self, block: bytes, is_last: bool = False) -> None:
        if self.problem or self._encoding == ANY_BYTES:
            return
        try:
            self._line += self._decoder.decode(block, is_last).count("\n")
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(self._codec, "ignore")
            where = f"{self._path}, line {self._line + before.count(chr(10)):,}"
            self.problem = f"{where}: byte {error.object[error.start]:#04x} is not {self._encoding}."
        except UnicodeError:
            self.problem = f"{self._path}, line 1: the text does not begin with the mark of {self._encoding}."


def start_check(definition: dict, path: str) -> EncodingCheck:
    """A check for a file of a table of text; one that finds nothing for other data."""
    reader = definition["steps"][0] if definition["kind"] == "tabular" else {}
    is_text = reader.get("type") in TEXTS
    return EncodingCheck(path, reader.get("encoding", "utf8") if is_text else ANY_BYTES)
