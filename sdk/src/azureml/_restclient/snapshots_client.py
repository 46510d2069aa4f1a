"""The limits of snapshots, which scripts raise as Azure's documentation says: `snapshots_client.SNAPSHOT_MAX_SIZE_BYTES = …`."""

import sys
from types import ModuleType

from lazuli.runs import snapshots

from azureml import _absent


class _Limits(ModuleType):
    """Values set here apply to later snapshots."""

    @property
    def SNAPSHOT_MAX_SIZE_BYTES(self) -> int:
        return snapshots.MAX_BYTES

    @SNAPSHOT_MAX_SIZE_BYTES.setter
    def SNAPSHOT_MAX_SIZE_BYTES(self, size: int) -> None:
        snapshots.MAX_BYTES = int(size)

    @property
    def SNAPSHOT_MAX_FILES(self) -> int:
        return snapshots.MAX_FILES

    @SNAPSHOT_MAX_FILES.setter
    def SNAPSHOT_MAX_FILES(self, count: int) -> None:
        snapshots.MAX_FILES = int(count)


__getattr__ = _absent.find_missing(__name__)
sys.modules[__name__].__class__ = _Limits
