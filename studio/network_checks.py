"""Checks of the doctor that connect to other addresses: the public URL and its proxy, certificate, names and mail.

They need no database, and run at the same time in threads.
"""

import contextlib
import datetime as dt
import http.client
import smtplib
import socket
import ssl
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from django.core import mail

from studio import networks, probes
from studio.findings import Finding, fail, passed, warn

SECONDS = 3
# More than nginx accepts unless it is told to.
BODY = b"0" * 2 * 1024**2
LAST_DAYS = 21
# A name that no application has.
UNUSED_NAME = "doctor-check"


def ask_studio(url: str, method: str = "GET", body: bytes = b"") -> httpx.Response:
    """A request to the probe of the studio; its answer tells what arrived of it."""
    headers = {"X-Studio-Doctor": probes.sign_question(), "Connection": "Upgrade", "Upgrade": "websocket"}
    trusted = ssl.create_default_context() if url.startswith("https:") else False
    with httpx.Client(timeout=SECONDS, trust_env=False, verify=trusted) as client:
        return client.request(method, f"{url}/healthz", headers=headers, content=body)


def check_public_address() -> Finding:
    what, url = "public address", settings.PUBLIC_URL
    try:
        answer = ask_studio(url)
        probes.read_arrival(answer.content)
    except httpx.HTTPError as error:
        return _explain_silence(what, url, error)
    except ValueError:
        text = f"{url} answered {answer.status_code}, but not as this studio."
        return fail(what, text, "Correct PUBLIC_URL, or the proxy: it must lead to this studio.")
    return passed(what, f"{url} leads to this studio.")


def _explain_silence(what: str, url: str, error: httpx.HTTPError) -> Finding:
    text = f"{url} cannot be reached from here: {str(error) or type(error).__name__}."
    if url != settings.LOCAL_URL:
        with contextlib.suppress(httpx.HTTPError):
            ask_studio(settings.LOCAL_URL)
            return fail(what, text, f"{settings.LOCAL_URL} answers. Correct PUBLIC_URL, the proxy or the name.")
    return warn(what, text, "Start the studio: make up.")


def check_proxy() -> Finding:
    """Whether a proxy passes on large bodies, the client's address and the upgrade to a web socket."""
    what = "proxy"
    if settings.PUBLIC_URL == settings.LOCAL_URL:
        return passed(what, "There is none.")
    try:
        answer = ask_studio(settings.PUBLIC_URL, "POST", BODY)
        if answer.status_code == http.client.REQUEST_ENTITY_TOO_LARGE:
            remedy = "Remove its limit, such as by `client_max_body_size 0;` in nginx: people upload large files."
            return fail(what, "It refuses bodies of 2 MB.", remedy)
        arrived = probes.read_arrival(answer.content)
    except (httpx.HTTPError, ValueError):
        return passed(what, "It is not checked, because the public address does not lead here.")
    return _check_headers(what, arrived)


def _check_headers(what: str, arrived: dict) -> Finding:
    address = networks.parse_address(arrived["address"])
    is_trusted = address is not None and networks.is_in(address, settings.TRUSTED_PROXIES)
    if arrived["forwardedFor"] and not is_trusted:
        text = f"The proxy at {arrived['address']} is not in TRUSTED_PROXIES: everyone behind it counts as one address."
        return warn(what, text, f"Set TRUSTED_PROXIES={arrived['address']}.")
    if is_trusted and not arrived["forwardedFor"]:
        text = "It sends no X-Forwarded-For: everyone counts as one address and shares its limits."
        return warn(what, text, "Let it add the address of the client to X-Forwarded-For.")
    if settings.APPLICATIONS and arrived["upgrade"] != "websocket":
        text = "It does not pass the header Upgrade: JupyterLab and terminals cannot open web sockets."
        return warn(what, text, "Let it pass Upgrade and Connection, with a read timeout of an hour.")
    return passed(what, "Large bodies, addresses of clients and web sockets arrive.")


def check_certificate() -> Finding:
    what = "certificate"
    if not settings.HTTPS:
        return passed(what, "PUBLIC_URL uses no TLS.")
    host, port = settings.PUBLIC_HOST, urlsplit(settings.PUBLIC_URL).port or 443
    try:
        with (
            socket.create_connection((host, port), SECONDS) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host) as secure,
        ):
            found = secure.getpeercert() or {}
    except ssl.SSLError as error:
        return fail(what, f"{host} does not have a valid one: {error.reason or error}.", "Renew it at the proxy.")
    except OSError as error:
        return warn(what, f"{host}:{port} cannot be reached: {error}.", "Look at the line of the public address.")
    return judge_days(what, _days_until(str(found["notAfter"])))


def _days_until(text: str) -> int:
    ends = dt.datetime.fromtimestamp(ssl.cert_time_to_seconds(text), dt.UTC)
    return (ends - dt.datetime.now(dt.UTC)).days


def judge_days(what: str, days: int) -> Finding:
    text = f"It ends in {days} days."
    return warn(what, text, "Renew it, and let it renew itself.") if days < LAST_DAYS else passed(what, text)


def check_applications() -> Finding:
    what, host = "applications", urlsplit(settings.APPS_URL).hostname or ""
    if not host:
        return passed(what, "APPS_URL is not set: applications such as JupyterLab cannot be opened.")
    if host.endswith(".localhost"):
        return passed(what, "Browsers of this machine find all names below localhost.")
    name = host.replace("*", UNUSED_NAME, 1)
    try:
        socket.getaddrinfo(name, None)
    except OSError as error:
        remedy = f"Add a DNS entry for {host} that leads to the proxy."
        return fail(what, f"The name {name} is not found: {error.strerror or error}.", remedy)
    return passed(what, f"All names of {host} are found.")


def check_mail() -> Finding:
    what = "mail"
    if not settings.EMAIL_HOST:
        return passed(what, "SMTP_URL is not set: no mail is sent, and links are copied.")
    connection = mail.get_connection(timeout=SECONDS)
    try:
        connection.open()
    except (OSError, smtplib.SMTPException) as error:
        return fail(what, f"{settings.EMAIL_HOST} refuses: {str(error)[:200]}", "Correct SMTP_URL.")
    finally:
        connection.close()
    return passed(what, f"{settings.EMAIL_HOST} accepts mail.")


CHECKS = [check_public_address, check_proxy, check_certificate, check_applications, check_mail]
