"""The sums of the groups of a long list, so that another process or day need not read all of its runs again."""

import datetime as dt

from django.db import models
from django.utils import timezone

KEPT = dt.timedelta(days=7)
# So many are kept, each of 400 kB at most; a list has one for each of its metrics, and one more.
MAX_LISTS = 2_400


class ListSumsQuerySet(models.QuerySet):
    def prune(self) -> None:
        """Delete those that are old or too many."""
        newest = self.order_by("-stored_at").values_list("stored_at", flat=True)
        border = max([timezone.now() - KEPT, *newest[MAX_LISTS : MAX_LISTS + 1]])
        self.filter(stored_at__lte=border).delete()


class ListSums(models.Model):
    """The sums of a metric by group and block of runs; each block has the state of its runs, which shows whether it is still valid."""

    workspace = models.ForeignKey("workspaces.Workspace", models.CASCADE, related_name="+")
    # A digest of the statement that selects the runs, and of the metric.
    key = models.CharField(max_length=64, unique=True)
    # Its format: runs/pages/lists/stored_sums.py.
    content = models.BinaryField()
    stored_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects = ListSumsQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "list sums"

    def __str__(self):
        return self.key
