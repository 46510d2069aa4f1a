"""The address that counts as the client's."""

import pytest
from django.test import RequestFactory

from studio import networks
from studio.client_address import client_address


def address(remote, forwarded="", proxies=()):
    request = RequestFactory().get("/", REMOTE_ADDR=remote, headers={"X-Forwarded-For": forwarded} if forwarded else {})
    return client_address(request)


@pytest.fixture
def behind_a_proxy(settings):
    settings.TRUSTED_PROXIES = networks.parse_networks("TRUSTED_PROXIES", ["127.0.0.1", "10.0.0.0/8"])


@pytest.mark.parametrize(
    ("remote", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", "unknown"),
    ],
)
def test_the_address_that_speaks_to_us(remote, counted):
    assert address(remote) == counted


def test_headers_from_untrusted_clients_do_not_count():
    assert address("192.0.2.7", "198.51.100.1") == "192.0.2.7"


@pytest.mark.parametrize(
    ("remote", "forwarded", "counted"),
    [
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "198.51.100.1, 10.2.3.4", "198.51.100.1"),
        ("127.0.0.1", "198.51.100.1:5123", "198.51.100.1"),
        ("127.0.0.1", "[2001:db8:1:2::9]:80", "2001:db8:1:2::/64"),
        ("127.0.0.1", "nonsense, 10.2.3.4", "10.2.3.4"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("192.0.2.7", "198.51.100.1", "192.0.2.7"),
    ],
)
def test_trusted_proxies_name_the_client(behind_a_proxy, remote, forwarded, counted):
    assert address(remote, forwarded) == counted
