"""What the one client does about failures, tokens and bodies."""

from __future__ import annotations

import io
import os

import httpx
import pytest
from azureml.core import Workspace
from azureml.core.authentication import AzureMLTokenAuthentication
from azureml.exceptions import AuthenticationException, AzureMLException, ServiceException, UserErrorException
from lazuli import client, errors
from lazuli.client import Client


class Server:
    """Answers with what it was given, in turn, and keeps what it was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []
        self.bodies = []
        self.slept = []

    def __call__(self, request):
        self.requests.append(request)
        self.bodies.append(request.read())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, credential="secret", **options):
        return Client(
            "http://studio", credential, transport=httpx.MockTransport(self), sleep=self.slept.append, **options
        )


def ok(body=None):
    return httpx.Response(200, json=body or {})


def error(status, code="Oops", message="It is wrong.", **headers):
    return httpx.Response(status, json={"error": {"code": code, "message": message}}, headers=headers)


def test_sends_token_and_user_agent():
    server = Server(ok({"a": 1}))
    assert server.client().get("/x", name="n", left_out=None) == {"a": 1}
    request = server.requests[0]
    assert request.headers["Authorization"] == "Bearer secret"
    assert request.headers["User-Agent"].startswith("lazuli-sdk/")
    assert str(request.url) == "http://studio/x?name=n"


def test_token_stays_at_home():
    server = Server(ok())
    server.client().request("GET", "http://elsewhere/file?sig=1")
    assert "Authorization" not in server.requests[0].headers
    assert str(server.requests[0].url) == "http://elsewhere/file?sig=1"


def test_the_credential_is_called_each_time():
    server, tokens = Server(ok()), iter(["one", "two"])
    client = server.client(lambda: next(tokens))
    client.get("/a")
    client.get("/b")
    assert [request.headers["Authorization"] for request in server.requests] == ["Bearer one", "Bearer two"]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_requests_to_a_busy_server_are_repeated(status):
    server = Server(error(status), error(status), ok({"done": True}))
    assert server.client().get("/x") == {"done": True}
    assert len(server.slept) == 2 and server.slept[1] > server.slept[0] / 2


def test_retry_after_is_honoured():
    server = Server(error(429, **{"Retry-After": "3"}), ok())
    server.client().get("/x")
    assert server.slept == [3.0]


def test_post_is_repeated_only_if_it_may_be():
    server = Server(error(503), ok())
    with pytest.raises(ServiceException):
        server.client().request("POST", "/x", json={})
    server = Server(error(503), ok())
    assert server.client().request("POST", "/x", json={}, repeatable=True).status_code == 200


def test_a_server_that_says_when_to_come_again_has_changed_nothing_so_a_post_is_repeated():
    server = Server(error(503, **{"Retry-After": "2"}), ok())
    assert server.client().request("POST", "/x", json={}).status_code == 200
    assert server.slept == [2.0]


def test_a_full_disk_is_an_error_in_the_servers_words_at_once():
    body = {"error": {"code": "InsufficientStorage", "message": "The disk of the studio is full."}}
    server = Server(httpx.Response(507, json=body))
    with pytest.raises(ServiceException, match="The disk of the studio is full") as caught:
        server.client().get("/x")
    assert (caught.value.status_code, caught.value.code, server.slept) == (507, "InsufficientStorage", [])


def test_post_is_repeated_if_the_connection_never_stood():
    server = Server(httpx.ConnectError("refused"), ok())
    assert server.client().request("POST", "/x", json={}).status_code == 200


def test_post_that_broke_off_is_not_repeated():
    server = Server(httpx.ReadError("broken"), ok())
    with pytest.raises(errors.Unreachable):
        server.client().request("POST", "/x", json={})


def test_gives_up_with_a_message():
    server = Server(httpx.ConnectError("refused"))
    with pytest.raises(errors.Unreachable, match="http://studio does not answer") as caught:
        server.client(attempts=3).get("/x")
    assert len(server.requests) == 3
    assert isinstance(caught.value, ConnectionError) and isinstance(caught.value, AzureMLException)


def test_a_script_in_a_job_waits_longer_for_its_server(monkeypatch):
    server = Server(*[httpx.ConnectError("refused")] * 30, ok())
    monkeypatch.setattr(client, "default_transport", httpx.MockTransport(server))
    monkeypatch.setattr(client, "_random_pause", lambda attempt: 0)
    auth = AzureMLTokenAuthentication("token", None, "http://studio")
    given = {"_disable_service_check": True, "_workspace_id": "x", "_url": "http://studio"}
    assert Workspace("s", "g", "w", auth, **given)._client.request("GET", "/x").status_code == 200


def test_file_is_sent_again_from_where_it_stood():
    file = io.BytesIO(b"skip-body")
    file.seek(5)
    server = Server(error(503), ok())
    server.client().request("PUT", "/x", content=file)
    assert server.bodies == [b"body", b"body"]


def test_generator_is_sent_once():
    server = Server(error(503), ok())
    with pytest.raises(ServiceException):
        server.client().request("PUT", "/x", content=(part for part in [b"a", b"b"]))
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "kind", "also"),
    [
        (400, errors.Refused, UserErrorException),
        (401, errors.Unauthorized, AuthenticationException),
        (403, errors.Forbidden, UserErrorException),
        (404, errors.NotFound, UserErrorException),
        (409, errors.Conflict, UserErrorException),
        (500, ServiceException, Exception),
    ],
)
def test_each_status_is_its_error(status, kind, also):
    with pytest.raises(kind) as caught:
        Server(error(status)).client().get("/x")
    assert isinstance(caught.value, ServiceException) and isinstance(caught.value, also)
    assert (caught.value.status_code, caught.value.code, caught.value.message) == (status, "Oops", "It is wrong.")


def test_mlflow_and_html_errors_are_read_too():
    mlflow = httpx.Response(400, json={"error_code": "INVALID_PARAMETER_VALUE", "message": "No."})
    with pytest.raises(ServiceException) as caught:
        Server(mlflow).client().get("/x")
    assert (caught.value.code, caught.value.message) == ("INVALID_PARAMETER_VALUE", "No.")
    with pytest.raises(ServiceException, match="GET http://studio/x answered 500"):
        Server(httpx.Response(500, text="<html>")).client().get("/x")


def test_ok_says_what_is_no_error():
    assert Server(error(404)).client().request("GET", "/x", ok=(200, 404)).status_code == 404


def test_items_follow_next_links():
    pages = [ok({"value": [1, 2], "nextLink": "http://studio/x?page=2"}), ok({"value": [3]})]
    server = Server(*pages)
    assert list(server.client().items("/x", {"top": 2})) == [1, 2, 3]
    assert [request.url.query for request in server.requests] == [b"top=2", b"page=2"]


@pytest.mark.parametrize("link", ["https://studio.example.org/x?page=2", "http://studio/x?page=2", "/x?page=2"])
def test_the_next_page_is_requested_from_the_clients_own_url(link):
    server = Server(ok({"value": [1], "nextLink": link}), ok({"value": [2]}))
    assert list(server.client().items("/x")) == [1, 2]
    assert str(server.requests[1].url) == "http://studio/x?page=2"
    assert server.requests[1].headers["Authorization"] == server.requests[0].headers["Authorization"]


def test_stream_is_read_by_the_caller():
    response = Server(httpx.Response(200, content=b"12345")).client().request("GET", "/x", stream=True)
    assert b"".join(response.iter_bytes(2)) == b"12345"


def test_stream_still_raises_with_the_servers_words():
    with pytest.raises(errors.NotFound, match="It is wrong"):
        Server(error(404)).client().request("GET", "/x", stream=True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_has_connections_of_its_own():
    client = Server(ok()).client()
    client.get("/x")
    pool = client._get_pool()
    child = os.fork()
    if child == 0:
        os._exit(0 if client._get_pool() is not pool else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert client._get_pool() is pool


def test_error_text_has_its_four_parts():
    text = str(UserErrorException("Too big."))
    assert text.startswith("UserErrorException:\n\tMessage: Too big.\n\tInnerException None\n\tErrorResponse")
    assert '"code": "UserError"' in text and '"message": "Too big."' in text
