"""The control worker: `python -m studio.control`. Celery's command line would load its shell, 5 MB that nothing else needs."""

import logging
import sys

from celery.utils.nodenames import host_format

from studio import tracing
from studio.celery import app


def main() -> int:
    tracing.start_tracing("control")
    worker = app.Worker(
        hostname=host_format("control@%h"),
        queues=["control"],
        pool="threads",
        concurrency=4,
        loglevel=logging.WARNING,
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    worker.start()
    return worker.exitcode or 0


if __name__ == "__main__":
    sys.exit(main())
