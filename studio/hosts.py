"""The host names that the studio accepts. A request for another host comes from a foreign page or proxy."""

import ipaddress
import re
import socket
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from studio.gateway.hosts import Applications

PATH = re.compile(r"(/[\w.~-]+)*", re.ASCII)
LOCAL = ["localhost", "127.0.0.1", "[::1]"]


def allowed_hosts(listens_on: str, public_host: str, extra: list[str]) -> list[str]:
    """Local names, the public one and those of the setting; also this machine's own if the network can reach it."""
    names = [*LOCAL, format_origin(public_host), *extra]
    if not is_loopback(listens_on):
        names += _own_names() if listens_on in ("0.0.0.0", "::") else [format_origin(listens_on)]
    return list(dict.fromkeys(name.lower() for name in names if name))


def host_of(public_url: str) -> str:
    try:
        host = urlsplit(public_url).hostname
    except ValueError:
        host = None
    if not host:
        raise ImproperlyConfigured(
            f"PUBLIC_URL={public_url!r}: write a whole address such as https://studio.example.org"
        )
    return host


def path_of(public_url: str) -> str:
    """The path under which a proxy serves the studio; empty if it has the host for itself."""
    parts = urlsplit(public_url)
    if parts.query or parts.fragment or not PATH.fullmatch(parts.path):
        raise ImproperlyConfigured(
            f"PUBLIC_URL={public_url!r}: after the host only a plain path may follow, as in https://example.org/studio"
        )
    return parts.path


def applications_of(apps_url: str) -> Applications | None:
    """The host names of applications; None where there are none, because only one name leads to the studio."""
    try:
        return Applications.parse(apps_url) if apps_url else None
    except ValueError as error:
        raise ImproperlyConfigured(f"APPS_URL={apps_url!r}: {error}") from error


def default_apps_url(public_url: str, public_host: str) -> str:
    """On a person's own machine browsers know all names below localhost; elsewhere APPS_URL names a domain."""
    parts = urlsplit(public_url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://*.localhost{port}" if is_loopback(public_host) else ""


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def format_origin(host: str) -> str:
    """Format a host as in a Host header: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _own_names() -> list[str]:
    # Imported only if others can reach the studio, to start faster.
    import psutil

    kinds = (socket.AF_INET, socket.AF_INET6)
    addresses = [a.address for found in psutil.net_if_addrs().values() for a in found if a.family in kinds]
    name = socket.gethostname()
    # Other machines of a home or office network use the second name.
    return [name, f"{name.partition('.')[0]}.local", *(format_origin(a.partition("%")[0]) for a in addresses)]
