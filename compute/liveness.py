"""Whether a missing heartbeat means that a node or host is lost.

Heartbeats arrive through the web server, which stores them. While it is down, while the database accepts no writes (it
is locked, or its disk is full), or while this process is suspended, none can arrive, so nothing counts as lost: after
such a pause, nodes and hosts first get time to send one.
"""

import datetime as dt
import time
import urllib.error
import urllib.request

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import F, Max
from django.utils import timezone

from compute.models import Host, Node

# The function is called every 5 seconds; a longer pause means that this process was suspended.
PAUSE_SECONDS = 12
# Hosts and nodes send heartbeats more often than this.
RECENTLY = dt.timedelta(seconds=10)
PATIENCE_SECONDS = 3

# Measured by the wall clock, because a machine may have been asleep; 0 before the first call.
_last = 0.0
_grace_until = 0.0


def is_silence_meaningful() -> bool:
    """Whether a missing heartbeat means a loss. Called every few seconds by the tasks that end nodes and runs."""
    global _last, _grace_until
    if not is_web_reachable() or not is_database_writable():
        return False
    now = time.time()
    if now - _last > PAUSE_SECONDS:
        _grace_until = now + settings.NODE_LEASE_SECONDS / 2
    _last = now
    return now >= _grace_until


def is_database_writable() -> bool:
    """Try to store something, like a heartbeat. The time for that counts as a pause."""
    try:
        Host.objects.update(name=F("name"))
    except (InterfaceError, OperationalError):
        return False
    return True


def is_web_reachable() -> bool:
    """A heartbeat arrived recently, or the web server answers (the last host may have died)."""
    newest = [rows.aggregate(at=Max("heartbeat_at"))["at"] for rows in (Host.objects, Node.objects.present())]
    return any(at and timezone.now() - at < RECENTLY for at in newest) or web_answers()


def web_answers() -> bool:
    # Without a proxy, which would not find the server.
    opened = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
    try:
        opened(f"{settings.LOCAL_URL}/favicon.ico", timeout=PATIENCE_SECONDS).close()
    except urllib.error.HTTPError as error:
        error.close()
        return error.code < 500
    except OSError:
        return False
    return True
