"""How gunicorn serves the studio: its settings that are code, and what a connection does between two requests."""

import gc
import os
import select
import socket

from gunicorn.http import message
from gunicorn.http.body import LengthReader
from gunicorn.workers.gthread import ThreadWorker

# One address may name a thousand runs, as MLflow's does. gunicorn takes this setting for no more than its own most, and a
# line without a limit would let a stranger fill the memory.
limit_request_line = message.MAX_REQUEST_LINE = 64 * 1024
# A script that logs sends its next request a few milliseconds after an answer.
STAY_MS = 5
# Reads of a body from this size on go straight to the socket.
LARGE = 64 * 1024
# A pipe that the supervisor closes when the database is ready; the variable says which.
GATE = "STUDIO_GATE"


class Worker(ThreadWorker):
    """A connection stays with its thread for a moment after an answer, unless others wait for a thread.

    The way through the main thread and back takes as long as storing a point does.
    """

    def handle_request(self, req, conn):
        if type(req.body.reader) is LengthReader and not self.cfg.is_ssl:
            req.body.reader = BodyReader(req.body.reader.unreader, req.body.reader.length)
        return super().handle_request(req, conn)

    def handle(self, conn):
        kept = super().handle(conn)
        while kept is True and self._may_stay(conn):
            kept = super().handle(conn)
        return kept

    def _may_stay(self, conn) -> bool:
        # What has been read ahead is gunicorn's own business, as is HTTP/2.
        if not self.alive or conn.is_http2 or conn.parser.unreader.buf.getvalue() or self.tpool._work_queue.qsize():
            return False
        next_one = select.poll()
        next_one.register(conn.sock, select.POLLIN)
        return bool(next_one.poll(STAY_MS))


class BodyReader(LengthReader):
    """A body of known length. gunicorn itself takes it from the socket piece by piece and copies each piece some four times."""

    def read(self, size):
        size = min(size, self.length)
        if size < LARGE:
            return super().read(size)
        ahead = self.unreader.take_buffered()
        if len(ahead) >= size:
            self.unreader.unread(ahead)
            return super().read(size)
        # It gives less only at a signal, and then `Body` asks again, or when the client has gone.
        data = ahead + self.unreader.sock.recv(size - len(ahead), socket.MSG_WAITALL)
        self.length -= len(data)
        return data


def when_ready(server) -> None:
    """In the main process, before it forks: all pages are loaded once and shared by the workers, then the set-up awaited."""
    from django.urls import reverse

    reverse("admin:index")
    gc.collect()
    # Collections do not touch what is shared, so that it stays shared.
    gc.freeze()
    if GATE in os.environ:
        os.read(int(os.environ[GATE]), 1)
