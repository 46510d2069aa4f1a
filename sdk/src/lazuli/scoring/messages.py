"""A request and an answer of the scoring server, as an entry script sees them (`rawhttp`)."""

from __future__ import annotations

import email.parser
import email.policy
import io
import json
from typing import Any, Callable, Dict, Iterator, List, Optional, Union
from urllib.parse import parse_qs, urlsplit

RAW_MARK = "_lazuli_rawhttp"


class Headers(Dict[str, str]):
    """Names in any case."""

    def __setitem__(self, name: str, value: str) -> None:
        super().__setitem__(name.title(), value)

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.title())

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).title())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.title(), default)


class UploadedFile(io.BytesIO):
    """A file of a multipart body."""

    def __init__(self, content: bytes, filename: str, content_type: str):
        super().__init__(content)
        self.filename, self.content_type = filename, content_type


class Request:
    def __init__(self, method: str, target: str, headers: Headers, body: bytes, is_old: bool = False):
        # Whether it is HTTP/1.0, which has no chunks.
        self.is_old = is_old
        parts = urlsplit(target)
        self.method, self.full_path, self.path = method, target, parts.path
        self.query_string = parts.query
        self.args = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        self.headers = headers
        self.data = body
        self._parts: Optional[List[Any]] = None

    def get_data(self, cache: bool = True, as_text: bool = False, parse_form_data: bool = False) -> Any:
        return self.data.decode() if as_text else self.data

    def get_json(self, force: bool = False, silent: bool = False) -> Any:
        return json.loads(self.data)

    @property
    def json(self) -> Any:
        return self.get_json()

    @property
    def files(self) -> Dict[str, UploadedFile]:
        found = {}
        for part in self._multipart():
            if part.get_filename() is not None:
                content = part.get_payload(decode=True) or b""
                name = part.get_param("name", header="content-disposition")
                found[str(name)] = UploadedFile(content, part.get_filename(), part.get_content_type())
        return found

    @property
    def form(self) -> Dict[str, str]:
        content_type = self.headers.get("content-type", "")
        if content_type.startswith("application/x-www-form-urlencoded"):
            return {name: values[0] for name, values in parse_qs(self.data.decode()).items()}
        fields = [part for part in self._multipart() if part.get_filename() is None]
        return {str(p.get_param("name", header="content-disposition")): _text_of(p) for p in fields}

    def _multipart(self) -> List[Any]:
        if self._parts is None:
            content_type = self.headers.get("content-type", "")
            self._parts = []
            if content_type.startswith("multipart/form-data"):
                head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1")
                parsed = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + self.data)
                self._parts = list(parsed.iter_parts())
        return self._parts


def _text_of(part: Any) -> str:
    return (part.get_payload(decode=True) or b"").decode()


class Response:
    """`json_str` says that the message is JSON already. An iterator of texts or bytes is sent piece by piece."""

    def __init__(self, message: Any, status_code: int = 200, json_str: bool = False, run_function_failed: bool = False):
        self.status_code = int(status_code)
        self.run_function_failed = run_function_failed
        self.headers = Headers()
        self.data = b""
        self.pieces: Optional[Iterator[Any]] = None
        if isinstance(message, Iterator):
            self.pieces, kind = message, "text/plain; charset=utf-8"
        elif isinstance(message, bytes):
            self.data, kind = message, "application/octet-stream"
        elif isinstance(message, str) and json_str:
            self.data, kind = message.encode(), "application/json"
        else:
            self.data, kind = json.dumps(message).encode(), "application/json"
        self.headers["Content-Type"] = kind

    def get_data(self, as_text: bool = False) -> Union[bytes, str]:
        return self.data.decode() if as_text else self.data


def rawhttp(function: Callable[..., Any]) -> Callable[..., Any]:
    """`run` gets the whole request, and may return a response."""
    setattr(function, RAW_MARK, True)
    return function
