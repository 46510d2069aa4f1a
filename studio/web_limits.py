"""Limits for connections of a web server process: per client, per address, and in total."""

import dataclasses

from studio import env, networks


@dataclasses.dataclass(frozen=True)
class WebLimits:
    header_seconds: int
    body_seconds: int
    idle_seconds: int
    connections: int
    address_connections: int
    uploads: int
    address_uploads: int
    trusted: tuple[networks.Network, ...]

    def party_of(self, address: str) -> str | None:
        """The party that a connection counts for: an IPv4 address or an IPv6 /64 network; None has no limit."""
        found = networks.parse_address(address)
        # A unix socket has no address.
        if found is None or networks.is_in(found, self.trusted):
            return None
        return networks.client_network(found)


def read_limits() -> WebLimits:
    return WebLimits(
        header_seconds=env.read_int("WEB_HEADER_SECONDS", 10, min_value=1, max_value=300),
        body_seconds=env.read_int("WEB_BODY_SECONDS", 30, min_value=1, max_value=600),
        idle_seconds=env.read_int("WEB_IDLE_SECONDS", 20, min_value=1, max_value=600),
        connections=env.read_int("WEB_CONNECTIONS", 2000, min_value=100, max_value=100_000),
        address_connections=env.read_int("WEB_ADDRESS_CONNECTIONS", 400, min_value=1, max_value=100_000),
        uploads=env.read_int("WEB_UPLOADS", 8, min_value=1, max_value=256),
        address_uploads=env.read_int("WEB_ADDRESS_UPLOADS", 4, min_value=1, max_value=256),
        trusted=_read_trusted(),
    )


def _read_trusted() -> tuple[networks.Network, ...]:
    """The proxies before the studio, for all people come from theirs, and this machine, unless nobody at all is trusted."""
    words = env.read_list("TRUSTED_PROXIES", ",".join(networks.LOOPBACK))
    return tuple(networks.parse_networks("TRUSTED_PROXIES", [*words, *networks.LOOPBACK] if words else []))
