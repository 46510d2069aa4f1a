"""Limits on the requests of a token, a session or an address; beyond them 429 with `Retry-After`.

A process counts in memory. For senders of many requests it shares the count through Redis after each tenth of the
limit: so several web processes and machines agree to about a tenth, and a usual request costs two dictionary look-ups.
Without Redis, each process enforces the limit by itself.
"""

import functools
import hashlib
import logging
import math
import time

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from studio.client_address import client_address
from studio.errors import TooMany
from studio.middleware import is_api, outage_page

logger = logging.getLogger(__name__)
# Limits are a number per second, over this many seconds, so that a short burst is allowed.
WINDOW = 10
# This machine, as `client_address` names it.
LOOPBACK = {"127.0.0.1", "::"}
SHARES = 10
TIMEOUT_SECONDS, PAUSE_SECONDS = 0.05, 10.0
SLOW_DOWN = (
    "Too many requests from this {sender}: {limit:,} a second are allowed, over {window} seconds. Wait {seconds} s."
)


class Counts:
    """The counts of one process, in the current window."""

    def __init__(self):
        self.window, self.own, self.others = 0, {}, {}
        self.away_until = 0.0
        self.reported: set[str] = set()

    def add(self, key: str, limit: int, number: int = 1) -> int:
        """Count a request; returns how many seconds to wait, 0 if it is within the limit. `number` 0 only looks."""
        now = time.time()
        window = int(now // WINDOW)
        if window != self.window:
            self.window, self.own, self.others, self.reported = window, {}, {}, set()
        own = self.own.get(key, 0) + number
        if number:
            self.own[key] = own
            if own % max(limit // SHARES, 1) == 0:
                self._share(key, limit)
        if own + self.others.get(key, 0) <= limit:
            return 0
        return math.ceil((window + 1) * WINDOW - now) or 1

    def is_first_excess(self, who: str) -> bool:
        """Whether nobody was told in this window, so that the log has one line and not thousands."""
        if who in self.reported:
            return False
        self.reported.add(who)
        return True

    def _share(self, key: str, limit: int) -> None:
        """Add what was counted since the last time to the number of all processes."""
        if time.monotonic() < self.away_until:
            return
        name = f"rate:{self.window}:{hashlib.sha256(key.encode()).hexdigest()[:32]}"
        try:
            total = add_to_all(name, max(limit // SHARES, 1))
        except (_redis().RedisError, OSError) as error:
            self.away_until = time.monotonic() + PAUSE_SECONDS
            logger.info("Redis does not answer; each process counts requests for its own rate limits: %s", error)
            return
        self.others[key] = max(total - self.own[key], 0)


def add_to_all(name: str, number: int) -> int:
    """The new number of all processes."""
    added, _ = _connect().pipeline().incrby(name, number).expire(name, 2 * WINDOW).execute()
    return added


@functools.cache
def _connect():
    return _redis().Redis.from_url(
        settings.REDIS_URL, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
    )


def _redis():
    # Imported for the first sender of many requests, because it takes memory.
    import redis

    return redis


class RateLimits:
    counts = Counts()

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        secret = request.META.get("HTTP_AUTHORIZATION") or request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        if secret:
            sender, limit = "token or session", settings.TOKEN_REQUESTS
            wait = self.counts.add(secret, limit * WINDOW)
        else:
            sender, limit = "address", settings.ADDRESS_REQUESTS
            wait = self._count_address(request)
        if wait:
            return _refuse(request, wait, sender, limit)
        response = self.get_response(request)
        if secret and response.status_code == 401 and (wait := self._count_address(request)):
            # Attempts to guess a token.
            return _refuse(request, wait, "address", settings.ADDRESS_REQUESTS)
        return response

    def _count_address(self, request) -> int:
        address = client_address(request)
        # This machine: without a token, these are requests of its own user, or of an untrusted proxy.
        if address.partition("/")[0] in LOOPBACK:
            return 0
        return self.counts.add(address, settings.ADDRESS_REQUESTS * WINDOW)


def _refuse(request: HttpRequest, seconds: int, sender: str, limit: int) -> HttpResponse:
    address = client_address(request)
    if RateLimits.counts.is_first_excess(f"{sender} {address}"):
        logger.warning("Requests from %s are refused: more than %d a second of one %s.", address, limit, sender)
    error = TooMany(SLOW_DOWN.format(sender=sender, limit=limit, window=WINDOW, seconds=seconds), code="rate_limited")
    error.retry_after = seconds
    if not is_api(request):
        return outage_page(error)
    # Imported here, because it loads the API, and so this module's settings.
    from studio.error_handlers import render_error

    return render_error(request, error)
