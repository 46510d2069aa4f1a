"""Trusted addresses and networks, and the address that counts as one client."""

import ipaddress

from django.core.exceptions import ImproperlyConfigured

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LOOPBACK = ("127.0.0.0/8", "::1")
NAT64, IPV4_COMPATIBLE = ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("::/96")
# One client with IPv6 has 2^64 addresses.
PREFIX = 64


def parse_networks(name: str, words: list[str]) -> list[Network]:
    """Networks from the words of a setting, such as 127.0.0.1 or 10.0.0.0/8."""
    try:
        return [ipaddress.ip_network(word, strict=False) for word in words]
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{name}={','.join(words)!r}: write addresses or networks with commas, such as 127.0.0.1,10.0.0.0/8"
        ) from error


def parse_address(text: str) -> Address | None:
    """An IPv4 address that is written as one of IPv6 is an IPv4 address; None for any other text."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_in(address: Address, networks) -> bool:
    return any(address in network for network in networks)


def is_public(address: Address) -> bool:
    """Whether the address, and the IPv4 address that it may contain, are public."""
    if isinstance(address, ipaddress.IPv6Address):
        # Addresses of tunnels (6to4) and translators (NAT64): the packet goes to an IPv4 address. The last is an old notation.
        inner = address.sixtofour
        if is_in(address, [NAT64, IPV4_COMPATIBLE]):
            inner = ipaddress.IPv4Address(int(address) % 2**32)
        if inner is not None and not is_public(inner):
            return False
    return address.is_global and not address.is_multicast


def client_network(address: Address) -> str:
    """The network that counts as one client: an address of IPv4, or a network of IPv6."""
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, PREFIX), strict=False))
