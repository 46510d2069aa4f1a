"""Heads and bodies of requests to services and of their answers: what is read, limited and left out.

Responses are content of the service's author: a browser must not treat them as a page of the studio.
"""

import dataclasses
import http
import json

from studio.gateway.bodies import MAX_BODY, Body, ChunkedBody, EndlessBody, LengthBody, describe_limit
from studio.gateway.heads import LENGTH, STATUS_LINE, BadHead, RequestHead, join_head, make_response, parse_headers
from studio.gateway.hosts import SERVICE
from studio.gateway.replicas import MAX_WAITING

PREFIX = "/api/v1/service/"
TOO_MANY = f"{MAX_WAITING} requests to this service wait for a turn already. Try again in a moment."
# Headers that services do not get: the studio's cookies, and the key.
HIDDEN = {
    *("cookie", "authorization", "connection", "keep-alive", "proxy-authorization", "upgrade", "host", "expect", "te"),
    *(
        "trailer",
        "transfer-encoding",
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-real-ip",
    ),
}
# Response headers that the gateway sets itself or removes.
REPLACED = {
    *("connection", "keep-alive", "transfer-encoding", "trailer", "upgrade", "set-cookie"),
    *("content-security-policy", "x-content-type-options"),
}
PASSED_KEYS = "bearer "


def parse_service(head: RequestHead) -> tuple[str, str, str]:
    """Workspace, name, and the path that the service sees. Raises BadHead."""
    if not head.target.startswith(PREFIX):
        raise BadHead("This connection is used for a service; send other requests on another one.", 421)
    match = SERVICE.fullmatch(head.target)
    if not match:
        raise BadHead("There is no service at this address: use /api/v1/service/WORKSPACE/NAME/score.", 404)
    query = f"?{head.query}" if head.query else ""
    return match[1], match[2], (match[3] or "/") + query


def read_key(head: RequestHead) -> str:
    given = head.get("authorization")
    return given[len(PASSED_KEYS) :].strip() if given.lower().startswith(PASSED_KEYS) else ""


def wants_close(head: RequestHead) -> bool:
    """Whether the connection ends after the response: the next request of a proxy may not be for a service."""
    tokens = [token.strip().lower() for token in head.get("connection").split(",")]
    return "close" in tokens or any(head.get(name) for name in ("via", "forwarded", "x-forwarded-for"))


def make_body(head: RequestHead) -> Body:
    """The body of a request. Raises BadHead if it is too large."""
    if head.get("transfer-encoding"):
        return ChunkedBody(MAX_BODY)
    if head.body_length > MAX_BODY:
        raise BadHead(describe_limit(MAX_BODY), 413)
    return LengthBody(head.body_length)


def make_request(head: RequestHead, target: str, client: str, body: Body) -> bytes:
    headers = [(name, value) for name, value in head.headers if name.lower() not in HIDDEN]
    headers += [("Host", "service"), ("X-Forwarded-For", client)]
    headers += [("Transfer-Encoding", "chunked")] if body.is_chunked else []
    return join_head(f"{head.method} {target} HTTP/1.1", headers)


@dataclasses.dataclass
class ReplicaAnswer:
    """The answer of a replica: its head, and how its body is delimited."""

    first: str
    status: int
    headers: list[tuple[str, str]]
    body: Body
    # Whether the replica takes another request on its connection.
    keeps: bool

    @classmethod
    def parse(cls, head: bytes, method: str) -> "ReplicaAnswer":
        """Raises BadHead."""
        first, *lines = head.split(b"\r\n")
        status = STATUS_LINE.fullmatch(first)
        if not status or status[1] == b"101":
            raise BadHead("The replica did not answer in HTTP.", 502)
        headers = parse_headers(lines)
        names = [name.lower() for name, _ in headers]
        found = {name.lower(): value for name, value in headers}
        body: Body
        if method == "HEAD" or status[1] in (b"204", b"304") or status[1].startswith(b"1"):
            body = LengthBody(0)
        elif "transfer-encoding" in found:
            if found["transfer-encoding"].lower() != "chunked" or "content-length" in found:
                raise BadHead("The length of the replica's answer is ambiguous.", 502)
            body = ChunkedBody()
        elif "content-length" in found:
            if names.count("content-length") > 1 or not LENGTH.fullmatch(found["content-length"]):
                raise BadHead("The replica's answer has no length that can be read.", 502)
            body = LengthBody(int(found["content-length"]))
        else:
            body = EndlessBody()
        keeps = first.startswith(b"HTTP/1.1") and found.get("connection", "").lower() != "close"
        return cls(first.decode("latin-1"), int(status[1]), headers, body, keeps and not isinstance(body, EndlessBody))

    def make_head(self, keeps: bool) -> bytes:
        headers = [(name, value) for name, value in self.headers if name.lower() not in REPLACED]
        headers += [("Content-Security-Policy", "sandbox; default-src 'none'"), ("X-Content-Type-Options", "nosniff")]
        headers += [("Transfer-Encoding", "chunked")] if self.body.is_chunked else []
        headers += [("Connection", "keep-alive" if keeps else "close")]
        return join_head(self.first, headers)


def refuse_call(status: int, message: str, keeps: bool) -> bytes:
    headers = [("Content-Type", "application/json")]
    if status in (429, 503):
        headers.append(("Retry-After", "1"))
    if status == 401:
        headers.append(("WWW-Authenticate", "Bearer"))
    body = json.dumps({"message": message})
    return make_response(f"{status} {http.HTTPStatus(status).phrase}", body, headers, keeps)
