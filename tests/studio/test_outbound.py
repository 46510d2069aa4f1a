"""What people name is opened at the address that was checked, and never in a private network."""

import http.server
import socket
import threading

import pytest

from studio import outbound
from studio.errors import Invalid

PUBLIC = "93.184.216.34"


def resolve_to(monkeypatch, *addresses):
    """Each look-up of any name answers the next list of addresses."""
    answers = list(addresses)

    def look_up(host, port, *args, **options):
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1", "240.0.0.1"),
        *("::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:10.0.0.1", "::127.0.0.1"),
        *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::"),
    ],
)
def test_a_private_address_is_refused_however_it_is_written(address):
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(Invalid, match="is in a private network") as refused:
        outbound.check_url(f"http://{host}:9/x", "url")
    assert refused.value.target == "url"
    with pytest.raises(outbound.NotPublic):
        outbound.pin_address(f"https://{host}/x")


@pytest.mark.parametrize("host", ["0x7f.1", "2130706433", "127.1", "0177.0.0.1", "localhost"])
def test_other_spellings_of_the_own_machine_are_resolved_first(host):
    with pytest.raises(outbound.NotPublic):
        outbound.find_address(host, 80)


def test_a_name_that_also_means_a_private_address_is_refused(monkeypatch):
    resolve_to(monkeypatch, [PUBLIC, "10.0.0.1"])
    with pytest.raises(outbound.NotPublic, match="private network"):
        outbound.find_address("evil.example", 80)


def test_the_address_that_was_checked_is_the_one_that_is_opened(monkeypatch):
    resolve_to(monkeypatch, [PUBLIC], ["127.0.0.1"])
    pinned = outbound.pin_address("https://data.example:8443/a.csv?x=1")
    assert pinned.url == f"https://{PUBLIC}:8443/a.csv?x=1"
    assert (pinned.headers, pinned.extensions) == ({"Host": "data.example:8443"}, {"sni_hostname": "data.example"})


@pytest.fixture
def listener():
    """A server of the own machine, and what it was asked for."""
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append((self.path, self.headers["Host"]))
            moves = self.path == "/moved"
            self.send_response(302 if moves else 200)
            self.send_header("Location" if moves else "Content-Length", "http://127.0.0.1:1/secret" if moves else "3")
            self.end_headers()
            if not moves:
                self.wfile.write(b"abc")

        def log_message(self, *args):
            """Nothing on the console."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, seen
    server.shutdown()
    server.server_close()


def test_a_host_that_is_allowed_is_read_and_leads_nowhere_else(listener, settings):
    port, seen = listener
    with pytest.raises(Invalid, match="private network"):
        outbound.read_head(f"http://127.0.0.1:{port}/a", 2, "url")
    assert seen == []
    settings.DATASTORE_HOSTS = [f"127.0.0.1:{port}"]
    assert outbound.read_head(f"http://127.0.0.1:{port}/a", 2, "url") == (b"ab", False)
    with pytest.raises(Invalid, match="private network"):
        outbound.read_head(f"http://127.0.0.1:{port}/moved", 2, "url")
