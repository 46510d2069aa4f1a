"""Lines of the log: for people, or by LOG_FORMAT=json one JSON object each. Both include the id of the request."""

import datetime as dt
import json
import logging

from studio.request_context import current_request


def request_id_of(record: logging.LogRecord) -> str:
    """Empty outside of requests. Django gives the request to the lines that it writes itself."""
    request = getattr(record, "request", None) or current_request()
    return getattr(request, "id", "")


class Text(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:
        found = request_id_of(record)
        return f"{record.levelname} {record.name}: {record.message}" + (f" [request {found}]" if found else "")


class Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds")
        line = {"time": moment, "level": record.levelname, "logger": record.name, "message": record.getMessage()}
        if found := request_id_of(record):
            line["requestId"] = found
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)
