"""An OpenID Connect provider as a process of its own."""

import contextlib
import socket
import subprocess
import sys
import time

import httpx
import pytest


@contextlib.contextmanager
def running_provider():
    """Its address, which is also its issuer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://localhost:{port}"
    command = [sys.executable, "-m", "oidc_provider_mock", "-H", "localhost", "-p", str(port), "--require-nonce"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(address)
        yield address
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(address: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            httpx.get(f"{address}/.well-known/openid-configuration")
            return
        except httpx.ConnectError:
            time.sleep(0.1)
    pytest.fail("The provider did not start within a minute.")


def set_claims(issuer: str, sub: str, **claims) -> None:
    httpx.put(f"{issuer}/users/{sub}", json=claims).raise_for_status()
