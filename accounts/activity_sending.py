"""Sends rows of the activity log to ACTIVITY_WEBHOOK, signed, and to ACTIVITY_SYSLOG, as RFC 5424 describes them.

These addresses come from the operator, not from users, so they may be in a private network.
"""

import json
import socket
import ssl
from urllib.parse import SplitResult, urlsplit

import httpx
from django.conf import settings

from accounts.activity import Activity
from accounts.activity_stream import PendingActivity, Receiver, StreamState
from studio.formats import format_count, utc_time
from studio.signed_posts import sign_post

TIMEOUT_SECONDS = 10
# Rows of one request, and requests of one turn.
AT_ONCE, REQUESTS = 200, 5
# Facility "log audit" with the severities of notices and warnings.
NOTICE, WARNING = 13 * 8 + 5, 13 * 8 + 4
# What receivers accept in one datagram.
MAX_DATAGRAM = 8192


class NotSent(Exception):
    """The receiver does not have the rows; the message says why."""


def send_pending(receiver: Receiver, at_once: bool = False) -> StreamState | None:
    """Send what waits, and store how it went; None if nothing waits, or another worker or a pause holds it."""
    if not PendingActivity.objects.filter(receiver=receiver).exists():
        return None
    state = StreamState.of(receiver)
    if not state.take(at_once):
        return None
    try:
        answer = _send_batches(receiver)
    except NotSent as error:
        state.record_failure(str(error))
    else:
        state.record_success(answer)
    return state


def _send_batches(receiver: Receiver) -> str:
    send = post_rows if receiver == Receiver.WEBHOOK else write_rows
    waiting, answer = PendingActivity.objects.filter(receiver=receiver).select_related("activity"), ""
    for _ in range(REQUESTS):
        batch = list(waiting.order_by("pk")[:AT_ONCE])
        if not batch:
            break
        answer = send([one.activity for one in batch])
        PendingActivity.objects.filter(pk__in=[one.pk for one in batch]).delete()
    return answer


def post_rows(rows: list[Activity]) -> str:
    body = "".join(f"{row.to_json()}\n" for row in rows).encode()
    headers = {"Content-Type": "application/jsonl", **sign_post(body, settings.ACTIVITY_WEBHOOK_SECRET)}
    try:
        with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False, verify=ssl.create_default_context()) as client:
            answer = client.post(settings.ACTIVITY_WEBHOOK, content=body, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotSent(f"{type(error).__name__}: {error}") from error
    if not answer.is_success:
        raise NotSent(f"It answered {answer.status_code}.")
    return f"It answered {answer.status_code}."


def write_rows(rows: list[Activity]) -> str:
    url = urlsplit(settings.ACTIVITY_SYSLOG)
    try:
        _write_datagrams(url, rows) if url.scheme == "udp" else _write_stream(url, rows)
    except OSError as error:
        raise NotSent(f"{type(error).__name__}: {error}") from error
    return f"{format_count(len(rows), 'row')} written."


def _write_datagrams(url: SplitResult, rows: list[Activity]) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(url.hostname, url.port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as connection:
        for row in rows:
            message = format_message(row)
            connection.sendto(message if len(message) <= MAX_DATAGRAM else format_message(row, short=True), address)


def _write_stream(url: SplitResult, rows: list[Activity]) -> None:
    with socket.create_connection((url.hostname, url.port), TIMEOUT_SECONDS) as plain:
        if url.scheme == "tls":
            with ssl.create_default_context().wrap_socket(plain, server_hostname=url.hostname) as encrypted:
                encrypted.sendall(_frame(rows))
        else:
            plain.sendall(_frame(rows))


def _frame(rows: list[Activity]) -> bytes:
    """With the length before each message, as RFC 6587 and RFC 5425 describe it."""
    messages = [format_message(row) for row in rows]
    return b"".join(b"%d %s" % (len(message), message) for message in messages)


def format_message(row: Activity, short: bool = False) -> bytes:
    """A message of RFC 5424; `short` leaves out the parts without a limit of their length, and says so."""
    priority = NOTICE if row.outcome == Activity.Outcome.DONE else WARNING
    header = f"<{priority}>1 {utc_time(row.at)} {settings.PUBLIC_HOST or '-'} lazuli-studio - {row.verb[:32]} - "
    text = row.to_json()
    if short:
        text = json.dumps(json.loads(text) | {"message": "", "changes": {}, "shortened": True})
    return (header + text).encode()
