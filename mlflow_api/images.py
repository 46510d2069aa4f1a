"""Images of MLflow's `log_image(key=…, step=…)`: its client uploads files with these values in the name, which become
points."""

import logging
import re
import uuid

from runs import metrics
from runs.models import Run
from studio.errors import Conflict, Invalid

logger = logging.getLogger(__name__)
# A small copy beside it, `….webp`, is for MLflow's own page. Older clients write % where newer ones write +, and # for a slash where those write ~.
NAME = re.compile(
    r"images/(?P<key>[^/]+?)(?P<mark>[%+])step(?P=mark)(?P<step>-?\d{1,18})"
    r"(?P=mark)timestamp(?P=mark)(?P<time>\d{1,14})(?P=mark)[\w-]+\.png"
)


def log_image_point(run: Run, path: str) -> None:
    """Call it after a file is stored; other files are ignored."""
    match = NAME.fullmatch(path)
    if match is None:
        return
    key = re.sub("[#~]", "/", match["key"])
    point = {"name": key, "kind": "image", "step": int(match["step"]), "time": int(match["time"]), "value": path}
    try:
        # The file name is unique, so that a repeated upload is one point.
        metrics.store_batch(run, str(uuid.uuid5(uuid.NAMESPACE_URL, path)), [point])
    except (Conflict, Invalid) as error:
        # A metric of another kind may have this name. The image is among the run's files all the same.
        logger.info("%s of run %s is not a point of a metric: %s", path, run.run_id, error.message)
