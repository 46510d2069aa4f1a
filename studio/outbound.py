"""Which hosts the studio calls for a person: public ones, and those of private networks that DATASTORE_HOSTS names."""

import ipaddress
import socket
import time
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from studio.errors import Invalid
from studio.networks import parse_address

MAX_REDIRECTS = 5
TIMEOUT_SECONDS = 10


def check_url(url: str, target: str) -> str:
    """The address itself; Invalid if it is no web address, or leads into a private network without permission."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Invalid(f"{url[:200]!r} is not a web address: {error}.", target=target) from error
    if parts.scheme not in ("http", "https") or not host:
        raise Invalid(f"{url[:200]!r}: write an address that begins with https:// or http://.", target=target)
    if parts.username or parts.password:
        raise Invalid("Write the address without a user name and password.", target=target)
    named = {host.lower(), f"{host.lower()}:{port}"}
    if not named & {word.lower() for word in settings.DATASTORE_HOSTS}:
        _refuse_private(host, port or 443, target)
    return url


def _refuse_private(host: str, port: int, target: str) -> None:
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, port, proto=socket.IPPROTO_TCP)}
    except (OSError, UnicodeError) as error:
        raise Invalid(f"The host {host[:200]} could not be found.", target=target) from error
    for text in found:
        address = parse_address(text)
        if address is None or not ipaddress.ip_address(address).is_global:
            raise Invalid(
                f"{host[:200]} is in a private network. A site admin can allow it by DATASTORE_HOSTS.", target=target
            )


def read_head(url: str, length: int, target: str) -> tuple[bytes, bool]:
    """The first bytes of a web file, and whether they are all of it. Each address on the way is checked."""
    for _ in range(MAX_REDIRECTS):
        check_url(url, target)
        try:
            with httpx.stream("GET", url, timeout=TIMEOUT_SECONDS, follow_redirects=False) as answer:
                if answer.is_redirect:
                    url = str(answer.next_request.url) if answer.next_request else ""
                    continue
                if answer.status_code != 200:
                    raise Invalid(f"{url[:200]} answered {answer.status_code} {answer.reason_phrase}.", target=target)
                return _read(answer, length)
        except httpx.HTTPError as error:
            raise Invalid(f"{url[:200]} cannot be read: {type(error).__name__}.", target=target) from error
    raise Invalid(f"{url[:200]} redirects more than {MAX_REDIRECTS} times.", target=target)


def _read(answer: httpx.Response, length: int) -> tuple[bytes, bool]:
    data, deadline = b"", time.monotonic() + 2 * TIMEOUT_SECONDS
    for part in answer.iter_bytes():
        data += part
        if len(data) > length or time.monotonic() > deadline:
            return data[:length], False
    return data, True
