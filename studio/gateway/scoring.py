"""Requests to services, at the studio's own host: whose key it is, who answers, and what of both heads passes.

What a service answers is content of its author: a browser must not take it for a page of the studio.
"""

import json

from studio.gateway.heads import BadHead, RequestHead, join_head, make_response, rewrite_response
from studio.gateway.hosts import SERVICE

PREFIX = "/api/v1/service/"
# Requests to one service that are under way at the same time; further ones are refused.
MAX_CALLS = 200
# What a service does not see: the studio's cookies, and the key.
HIDDEN = {"cookie", "authorization", "connection", "keep-alive", "proxy-authorization", "upgrade", "host"}
PASSED_KEYS = "bearer "


def parse_service(head: RequestHead) -> tuple[str, str, str]:
    """Workspace, name, and the path that the service sees. Raises BadHead."""
    match = SERVICE.fullmatch(head.target)
    if not match:
        raise BadHead("There is no service at this address: use /api/v1/service/WORKSPACE/NAME/score.", 404)
    query = f"?{head.query}" if head.query else ""
    return match[1], match[2], (match[3] or "/") + query


def read_key(head: RequestHead) -> str:
    given = head.get("authorization")
    return given[len(PASSED_KEYS) :].strip() if given.lower().startswith(PASSED_KEYS) else ""


def make_request(head: RequestHead, target: str, client: str) -> bytes:
    headers = [(name, value) for name, value in head.headers if name.lower() not in HIDDEN]
    headers += [("Host", "service"), ("X-Forwarded-For", client), ("Connection", "close")]
    return join_head(f"{head.method} {target} HTTP/1.1", headers)


def rewrite_answer(head: bytes) -> tuple[int, bytes]:
    status, rewritten = rewrite_response(head)
    first, *lines = rewritten.rstrip(b"\r\n").split(b"\r\n")
    taken = (b"set-cookie:", b"content-security-policy:", b"x-content-type-options:")
    kept = [line for line in lines if not line.lower().startswith(taken)]
    kept += [b"Content-Security-Policy: sandbox; default-src 'none'", b"X-Content-Type-Options: nosniff"]
    return status, b"\r\n".join([first, *kept]) + b"\r\n\r\n"


def refuse_call(status: int, words: str, message: str) -> bytes:
    headers = [("Content-Type", "application/json")]
    if status in (429, 503):
        headers.append(("Retry-After", "1"))
    if status == 401:
        headers.append(("WWW-Authenticate", "Bearer"))
    return make_response(f"{status} {words}", json.dumps({"message": message}), headers)
