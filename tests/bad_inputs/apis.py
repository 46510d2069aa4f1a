"""The URLs of the tested APIs, and the messages of their errors."""

import contextlib
import json

from django.db import transaction

WORKSPACE_PATH = "/subscriptions/sub-1/resourceGroups/aml-resources/providers/Microsoft.MachineLearningServices/workspaces/aml-workspace"
H = f"/history/v1.0{WORKSPACE_PATH}"
ML = f"/mlflow/v1.0{WORKSPACE_PATH}/api/2.0/mlflow"


def error_text(answer) -> str:
    """The sentence of a refusal, in the format of the API that it came from."""
    body = json.loads(answer.content)
    return body["message"] if "error_code" in body else body["error"]["message"]


@contextlib.contextmanager
def as_if_never():
    """Roll back all changes of the block, so that every case has the same objects."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
