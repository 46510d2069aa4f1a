"""Send one request to the process of a service, for the page that tests it."""

import dataclasses
import http.client
import socket
import time

from endpoints import scaling
from endpoints.models import Endpoint
from studio.errors import NotReady

SECONDS, LOOK_SECONDS = 15.0, 0.2
MAX_ANSWER = 1024 * 1024


@dataclasses.dataclass(frozen=True)
class EndpointAnswer:
    status: int
    reason: str
    text: str
    milliseconds: float


def send_test(endpoint: Endpoint, body: str) -> EndpointAnswer:
    """Send a test request; raises NotReady if no replica answers in time."""
    kind, _, path = _find_address(endpoint).partition(":")
    if kind != "unix":
        raise NotReady("The service does not answer yet: see its state.")
    began = time.monotonic()
    connection = http.client.HTTPConnection("service", timeout=SECONDS)
    try:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(SECONDS)
        connection.sock.connect(path)
        connection.request("POST", "/score", body.encode(), {"Content-Type": "application/json", "Connection": "close"})
        answer = connection.getresponse()
        content = answer.read(MAX_ANSWER)
    except (OSError, http.client.HTTPException) as error:
        raise NotReady(f"The service has not answered within {SECONDS:g} seconds: {error}.") from error
    finally:
        connection.close()
    milliseconds = (time.monotonic() - began) * 1000
    return EndpointAnswer(answer.status, answer.reason, content.decode("utf-8", "replace"), milliseconds)


def _find_address(endpoint: Endpoint) -> str:
    """The address of one of its replicas; a replica is started if none is wanted."""
    if endpoint.current and not endpoint.current.wanted:
        scaling.wake_endpoint(endpoint)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            present = Endpoint.objects.with_state().get(pk=endpoint.pk)
            if present.current is None or present.current.addresses:
                endpoint = present
                break
            time.sleep(LOOK_SECONDS)
    return next(iter(endpoint.current.addresses), "") if endpoint.current else ""
