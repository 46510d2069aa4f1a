"""Constants of the run history."""

from typing import List

from azureml import _absent

__getattr__ = _absent.find_missing(__name__)


class RunStatus:
    """The states of a run."""

    NOT_STARTED = "NotStarted"
    STARTING = "Starting"
    PROVISIONING = "Provisioning"
    PREPARING = "Preparing"
    QUEUED = "Queued"
    RUNNING = "Running"
    FINALIZING = "Finalizing"
    CANCEL_REQUESTED = "CancelRequested"
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELED = "Canceled"
    UNAPPROVED = "Unapproved"
    NOT_RESPONDING = "NotResponding"
    PAUSING = "Pausing"
    PAUSED = "Paused"

    @classmethod
    def get_running_statuses(cls) -> List[str]:
        """All but the last states of a run."""
        ended = (cls.COMPLETED, cls.FAILED, cls.CANCELED)
        return [value for name, value in vars(cls).items() if name.isupper() and value not in ended]
