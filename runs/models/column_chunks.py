"""The values of columns of long lists, so that their means need not be read run by run."""

import datetime as dt

from django.db import models
from django.utils import timezone

from studio.uncompressed import Uncompressed

KEPT = dt.timedelta(days=7)
# The bytes of all of them together.
MAX_BYTES = 500_000_000


class ColumnChunkQuerySet(models.QuerySet):
    def prune(self) -> None:
        """Delete those that are old, and the oldest ones if all are too large."""
        border, size = timezone.now() - KEPT, 0
        for stored_at, bytes_of_one in self.order_by("-stored_at").values_list("stored_at", "size").iterator():
            size += bytes_of_one
            if size > MAX_BYTES:
                border = max(border, stored_at)
                break
        self.filter(stored_at__lte=border).delete()


class ColumnChunk(models.Model):
    """The values of a column of up to 65,536 runs, with the revision at which each was read."""

    workspace = models.ForeignKey("workspaces.Workspace", models.CASCADE, related_name="+")
    # Such as metric-loss: runs/pages/lists/columns.py.
    column = models.CharField(max_length=270)
    # The keys of its runs, divided by 65,536.
    number = models.PositiveIntegerField()
    # Its format: runs/pages/lists/run_values.py.
    content = models.BinaryField()
    size = models.PositiveIntegerField()
    stored_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects = ColumnChunkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "column", "number"], name="one_chunk_of_a_column"),
            Uncompressed("content", name="column_chunks_as_they_are"),
        ]

    def __str__(self):
        return f"{self.column} {self.number}"
