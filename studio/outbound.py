"""Connections to addresses of users: only public ones, and those that a site admin allows with DATASTORE_HOSTS and
WEBHOOK_NETWORKS.

The connection uses the checked address, because the name of a host may resolve to another one a moment later.
"""

import socket
import time
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

import httpx
from django.conf import settings

from studio.errors import Invalid
from studio.networks import is_in, is_public, parse_address

MAX_REDIRECTS = 5
TIMEOUT_SECONDS = 10


class NotPublic(Exception):
    """The host has no address, or a private one; the message says which."""


class Pinned(NamedTuple):
    """A request to the address that was checked."""

    url: str
    headers: dict[str, str]
    extensions: dict[str, str]


def find_address(host: str, port: int, allowed=()) -> str:
    """The first address of a host. Raises NotPublic if one of them is private and not in the `allowed` networks."""
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, port, proto=socket.IPPROTO_TCP)}
    except (OSError, UnicodeError) as error:
        raise NotPublic(f"The host {host[:200]} could not be found.") from error
    for text in found:
        address = parse_address(text)
        if address is None or not (is_public(address) or is_in(address, allowed)):
            raise NotPublic(f"{host[:200]} is in a private network.")
    return min(found)


def pin_address(url: str, allowed=()) -> Pinned:
    """Raises NotPublic."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    address = find_address(host, parts.port or (443 if parts.scheme == "https" else 80), allowed)
    netloc = f"[{address}]" if ":" in address else address
    target = parts._replace(netloc=netloc if parts.port is None else f"{netloc}:{parts.port}").geturl()
    return Pinned(target, {"Host": parts.netloc.rpartition("@")[2]}, {"sni_hostname": host})


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
    if not _is_named(host, port):
        _pin(url, target)
    return url


def _is_named(host: str, port: int | None) -> bool:
    named = {host.lower(), f"{host.lower()}:{port}"}
    return bool(named & {word.lower() for word in settings.DATASTORE_HOSTS})


def find_host(host: str, port: int, target: str) -> str:
    """The address of a host, or an empty text if a site admin allows it by name. Raises Invalid if it is private."""
    if _is_named(host, port):
        return ""
    try:
        return find_address(host, port)
    except NotPublic as error:
        raise _not_allowed(error, target) from error


def _not_allowed(error: NotPublic, target: str) -> Invalid:
    return Invalid(f"{error} A site admin can allow a host by DATASTORE_HOSTS.", target=target)


def _pin(url: str, target: str) -> Pinned:
    try:
        return pin_address(url)
    except NotPublic as error:
        raise _not_allowed(error, target) from error


def read_head(url: str, length: int, target: str) -> tuple[bytes, bool]:
    """The first bytes of a web file, and whether they are all of it. Each address on the way is checked."""
    for _ in range(MAX_REDIRECTS):
        parts = urlsplit(check_url(url, target))
        pinned = Pinned(url, {}, {}) if _is_named(parts.hostname or "", parts.port) else _pin(url, target)
        try:
            with (
                httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as client,
                client.stream("GET", pinned.url, headers=pinned.headers, extensions=pinned.extensions) as answer,
            ):
                if answer.is_redirect:
                    url = urljoin(url, answer.headers["Location"])
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
