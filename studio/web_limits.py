"""What one client, one address, and all of them together may hold of a process of the web server."""

import dataclasses
import ipaddress

from django.core.exceptions import ImproperlyConfigured

from studio import env


@dataclasses.dataclass(frozen=True)
class Limits:
    header_seconds: int
    body_seconds: int
    idle_seconds: int
    connections: int
    address_connections: int
    uploads: int
    address_uploads: int
    trusted: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]

    def party_of(self, address: str) -> str | None:
        """Whose share a connection takes: an IPv4 address or an IPv6 network of 64 bits; None has no limit."""
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            # A unix socket.
            return None
        if found.version == 6 and found.ipv4_mapped:
            found = found.ipv4_mapped
        if any(found in network for network in self.trusted):
            return None
        return str(found) if found.version == 4 else str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))


def read_limits() -> Limits:
    return Limits(
        header_seconds=env.read_int("WEB_HEADER_SECONDS", 10, min_value=1, max_value=300),
        body_seconds=env.read_int("WEB_BODY_SECONDS", 30, min_value=1, max_value=600),
        idle_seconds=env.read_int("WEB_IDLE_SECONDS", 20, min_value=1, max_value=600),
        connections=env.read_int("WEB_CONNECTIONS", 2000, min_value=100, max_value=100_000),
        address_connections=env.read_int("WEB_ADDRESS_CONNECTIONS", 400, min_value=1, max_value=100_000),
        uploads=env.read_int("WEB_UPLOADS", 8, min_value=1, max_value=256),
        address_uploads=env.read_int("WEB_ADDRESS_UPLOADS", 4, min_value=1, max_value=256),
        trusted=tuple(_network(word) for word in env.read_list("WEB_TRUSTED_ADDRESSES", "127.0.0.0/8,::1")),
    )


def _network(word: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(word)
    except ValueError as error:
        raise ImproperlyConfigured(
            f"WEB_TRUSTED_ADDRESSES: {word!r} is not an address: write such as 10.0.0.5 or 10.0.0.0/24, with commas between"
        ) from error
