"""Rows of the activity log reach ACTIVITY_WEBHOOK and ACTIVITY_SYSLOG, in order, signed, and none is lost meanwhile."""

import contextlib
import datetime as dt
import hashlib
import hmac
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.utils import timezone

from accounts import activity, activity_checks, activity_sending, tasks
from accounts.activity import Activity
from accounts.activity_stream import PendingActivity, Receiver, StreamState
from studio import env
from studio.signed_posts import SIGNATURE
from tests.html import html_of

SECRET = "a secret of the receiver"


@pytest.fixture
def webhook(settings):
    """The requests that a receiver on this machine gets, and its class, whose status can be changed."""
    got = []

    class Handler(BaseHTTPRequestHandler):
        status = 204

        def do_POST(self):
            got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(Handler.status)
            self.end_headers()

        def log_message(self, *args):
            """Silent."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    settings.ACTIVITY_WEBHOOK = f"http://127.0.0.1:{server.server_port}/secret-path"
    settings.ACTIVITY_WEBHOOK_SECRET = SECRET
    yield got, Handler
    server.shutdown()
    server.server_close()


def write_rows(workspace, *messages: str) -> None:
    with transaction.atomic():
        for message in messages:
            activity.record("workspace.edit", workspace, scope=workspace, message=message)


def messages_of(body: bytes) -> list[str]:
    return [json.loads(line)["message"] for line in body.splitlines()]


def test_the_webhook_gets_new_rows_in_order_and_signed(webhook, workspace, settings):
    got, _ = webhook
    write_rows(workspace, "first", "second")
    tasks.stream_activities()
    tasks.stream_activities()
    [(headers, body)] = got
    moment, _, signature = headers[SIGNATURE].removeprefix("t=").partition(",v1=")
    assert signature == hmac.new(SECRET.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert messages_of(body) == ["first", "second"] and not PendingActivity.objects.exists()
    # A line is what the download has, so its digest can be checked.
    assert body.decode() == "".join(row.to_json() + "\n" for row in Activity.objects.order_by("pk"))


def test_nothing_is_lost_or_doubled_while_the_receiver_is_away(webhook, workspace):
    got, handler = webhook
    handler.status = 503
    write_rows(workspace, "first")
    for failures in (1, 2):
        tasks.stream_activities()
        tasks.stream_activities()
        assert len(got) == failures, "a failure is followed by a pause"
        StreamState.objects.update(due_at=timezone.now())
    assert "1 row not yet at the webhook http://127.0.0.1" in activity_checks.check_stream().text
    write_rows(workspace, "second")
    handler.status = 200
    tasks.stream_activities()
    assert messages_of(got[-1][1]) == ["first", "second"]
    assert activity_checks.check_stream().state == "ok" and StreamState.objects.get().failures == 0


def test_a_rolled_back_action_is_not_sent_and_without_receivers_nothing_waits(webhook, workspace, settings):
    with contextlib.suppress(ZeroDivisionError), transaction.atomic():
        activity.record("workspace.edit", workspace, scope=workspace)
        raise ZeroDivisionError
    settings.ACTIVITY_WEBHOOK = ""
    write_rows(workspace, "first")
    assert not PendingActivity.objects.exists()


def test_another_worker_that_sends_is_not_disturbed(webhook, workspace):
    write_rows(workspace, "first")
    state = StreamState.of(Receiver.WEBHOOK)
    assert state.take() and not state.take() and not state.take(at_once=True)
    StreamState.objects.update(due_at=timezone.now() - dt.timedelta(seconds=1))
    assert activity_sending.send_pending(Receiver.WEBHOOK).answer == "It answered 204."


def test_syslog_gets_framed_messages_by_tcp(workspace, settings):
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.ACTIVITY_SYSLOG = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        write_rows(workspace, "first", "zweite Zeile: ä")
        tasks.stream_activities()
        with server.accept()[0] as connection:
            data = b"".join(iter(lambda: connection.recv(65536), b""))
    found = []
    while data:
        length, _, data = data.partition(b" ")
        found.append(data[: int(length)].decode())
        data = data[int(length) :]
    assert [json.loads(one.split(" ", 7)[7])["message"] for one in found] == ["first", "zweite Zeile: ä"]
    assert found[0].startswith("<109>1 20") and " lazuli-studio - workspace.edit - {" in found[0]
    write_rows(workspace, "third")
    tasks.stream_activities()
    assert StreamState.objects.get().answer.startswith("ConnectionRefusedError")


def test_syslog_by_datagrams_says_what_it_leaves_out(workspace, settings):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        settings.ACTIVITY_SYSLOG = f"udp://127.0.0.1:{server.getsockname()[1]}"
        write_rows(workspace, "ü" * 4000)
        tasks.stream_activities()
        said = json.loads(server.recv(65536).decode().split(" ", 7)[7])
    assert (said["message"], said["shortened"], said["verb"]) == ("", True, "workspace.edit")


def test_a_site_admin_sends_a_test_and_sees_the_answer(webhook, as_user, owner, alice):
    _, handler = webhook
    test, page = "/activity/test/", as_user(owner)
    assert as_user(alice).post(test, {"receiver": "webhook"}).status_code == 403
    assert page.get(test).status_code == 405
    assert page.post(test, {"receiver": "syslog"}).status_code == 400
    assert "The test has arrived. It answered 204." in html_of(page.post(test, {"receiver": "webhook"}, follow=True))
    handler.status = 500
    shown = html_of(page.post(test, {"receiver": "webhook"}, follow=True))
    assert "The test did not arrive. It answered 500." in shown and "Not sent" in shown
    assert "secret-path" not in shown and SECRET not in shown


def test_wrong_settings_stop_the_start(monkeypatch):
    for value in ("syslog.example.org", "tls://host", "tcp://host:x", "http://host:1", "tcp://:514"):
        monkeypatch.setenv("ACTIVITY_SYSLOG", value)
        with pytest.raises(ImproperlyConfigured, match=r"tls://host:port"):
            env.read_server("ACTIVITY_SYSLOG", ("tls", "tcp", "udp"))
    monkeypatch.setenv("ACTIVITY_WEBHOOK", "https://x.example/")
    with pytest.raises(ImproperlyConfigured, match="ACTIVITY_WEBHOOK needs it"):
        env.read_secret_of("ACTIVITY_WEBHOOK_SECRET", "ACTIVITY_WEBHOOK")
