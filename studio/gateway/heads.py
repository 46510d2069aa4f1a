"""The head of a request and of a response: parsed strictly, and rewritten for the other side.

A connection to an application carries one request, so that its body cannot hide a second one; a connection to a service
carries several (studio/gateway/service_calls.py), with strictly read bodies.
"""

import dataclasses
import re

MAX_HEAD = 64 * 1024
END = b"\r\n\r\n"
REQUEST_LINE = re.compile(rb"([A-Z]{1,20}) (/[\x21-\x7e\x80-\xff]*) HTTP/1\.1")
HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*((?:[\x20-\x7e\x80-\xff\t]*[\x21-\x7e\x80-\xff])?)[ \t]*")
# No body is longer, and int() takes no more than 4,300 digits.
LENGTH = re.compile(r"\d{1,15}", re.ASCII)
STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: .*)?")
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
# Headers for a single connection, and those that the gateway replaces.
NOT_FORWARDED = {
    *("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect"),
    *("authorization", "cookie", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"),
}
# Cookies of the studio and of the gateway, which applications cannot see or set.
RESERVED = re.compile(r"(?:__Host-|__Secure-)?(?:sessionid|csrftoken|lazuli-app(?:-frame)?)", re.IGNORECASE)


class BadHead(Exception):
    """The message is for the client; `status` is 400 or another 4xx."""

    def __init__(self, message: str, status: int = 400):
        super().__init__(message)
        self.status = status


@dataclasses.dataclass
class RequestHead:
    method: str
    target: str
    headers: list[tuple[str, str]]

    def get(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    @property
    def is_upgrade(self) -> bool:
        return self.get("upgrade").lower() == "websocket" and "upgrade" in self.get("connection").lower()

    @property
    def is_navigation(self) -> bool:
        """Whether a person opens an address, so that the answer may lead to another page."""
        return self.method == "GET" and not self.is_upgrade and "text/html" in self.get("accept")

    @property
    def body_length(self) -> int:
        return int(self.get("content-length") or 0)

    @property
    def cookies(self) -> list[tuple[str, str]]:
        pairs = (each.strip().partition("=") for each in self.get("cookie").split(";"))
        return [(name.strip(), value) for name, separator, value in pairs if separator]

    def comes_from(self, origin: str) -> bool:
        """Whether a page of this origin sends it. The token of the application is added here, so it is checked here."""
        if self.method in SAFE_METHODS and not self.is_upgrade:
            return True
        if self.get("origin"):
            return self.get("origin").lower() == origin
        return not self.is_upgrade and self.get("sec-fetch-site") == "same-origin"

    def for_upstream(self, token: str, origin: str, client: str) -> bytes:
        headers = [(name, value) for name, value in self.headers if name.lower() not in NOT_FORWARDED]
        kept = "; ".join(f"{name}={value}" for name, value in self.cookies if not RESERVED.fullmatch(name))
        scheme, _, host = origin.partition("://")
        headers += [("Cookie", kept)] if kept else []
        headers += [("Authorization", f"token {token}"), ("X-Forwarded-For", client)]
        headers += [("X-Forwarded-Proto", scheme), ("X-Forwarded-Host", host)]
        headers += (
            [("Connection", "Upgrade"), ("Upgrade", "websocket")] if self.is_upgrade else [("Connection", "close")]
        )
        return join_head(f"{self.method} {self.target} HTTP/1.1", headers)


def parse_request(head: bytes, takes_chunks: bool = False) -> RequestHead:
    """Parse the head of a request. Raises BadHead for anything ambiguous."""
    first, *lines = head.split(b"\r\n")
    line = REQUEST_LINE.fullmatch(first)
    if not line:
        raise BadHead("The first line is not one of an HTTP/1.1 request.")
    found = RequestHead(line[1].decode(), line[2].decode("latin-1"), parse_headers(lines))
    names = [name.lower() for name, _ in found.headers]
    if names.count("host") != 1 or names.count("content-length") > 1 or names.count("cookie") > 1:
        raise BadHead("The request needs one Host and at most one Content-Length and Cookie.")
    if "transfer-encoding" in names:
        if not takes_chunks:
            raise BadHead("Send the length of the body as Content-Length.", 411)
        if found.get("transfer-encoding").lower() != "chunked" or names.count("transfer-encoding") > 1:
            raise BadHead("The only Transfer-Encoding that is read is chunked.", 501)
        if "content-length" in names:
            raise BadHead("Send the body either with a Content-Length or chunked.")
    if not LENGTH.fullmatch(found.get("content-length") or "0"):
        raise BadHead("Content-Length is not a number.")
    return found


def parse_headers(lines: list[bytes]) -> list[tuple[str, str]]:
    found = []
    for line in lines:
        match = HEADER.fullmatch(line)
        if not match:
            raise BadHead("A line of the head is not a header.")
        found.append((match[1].decode("latin-1"), match[2].decode("latin-1")))
    return found


def rewrite_response(head: bytes) -> tuple[int, bytes]:
    """The status of an application's answer, and its head for the browser."""
    first, *lines = head.split(b"\r\n")
    status = STATUS_LINE.fullmatch(first)
    if not status:
        raise BadHead("The application did not answer in HTTP.", 502)
    number = int(status[1])
    headers = []
    for name, value in parse_headers(lines):
        is_own = name.lower() in ("connection", "keep-alive") and number != 101
        is_reserved = name.lower() == "set-cookie" and RESERVED.fullmatch(value.partition("=")[0].strip())
        if not is_own and not is_reserved:
            headers.append((name, value))
    if number != 101:
        headers.append(("Connection", "close"))
    return number, join_head(first.decode("latin-1"), headers)


def join_head(first: str, headers: list[tuple[str, str]]) -> bytes:
    lines = [first, *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join(lines).encode("latin-1") + END


def make_response(status: str, body: str, headers: list[tuple[str, str]], keeps: bool = False) -> bytes:
    """A response of the gateway itself."""
    content = body.encode()
    return (
        join_head(
            f"HTTP/1.1 {status}",
            [
                *headers,
                ("Content-Length", str(len(content))),
                ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
                ("X-Content-Type-Options", "nosniff"),
                ("Referrer-Policy", "no-referrer"),
                ("Cache-Control", "no-store"),
                ("Connection", "keep-alive" if keeps else "close"),
            ],
        )
        + content
    )
