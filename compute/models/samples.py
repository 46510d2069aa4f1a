"""Measurements of machines and work by their agents: every five seconds at first, coarser with age."""

from django.db import models
from django.db.models import Q

from compute.models.hosts import Host
from compute.models.work import Work


class Samples(models.Model):
    """A span of samples of one machine, or of one unit of work on one machine."""

    host = models.ForeignKey(Host, models.CASCADE, null=True, related_name="samples")
    work = models.ForeignKey(Work, models.CASCADE, null=True, related_name="samples")
    # The node of the work.
    node = models.ForeignKey("compute.Node", models.SET_NULL, null=True, related_name="samples")
    # Seconds between its samples.
    seconds = models.PositiveSmallIntegerField()
    begins_at = models.DateTimeField()
    # {"t": seconds after the beginning, "cpu": […], …}: one column for each quantity; `cpu_max` where it is a mean.
    columns = models.JSONField()

    class Meta:
        verbose_name_plural = "samples"
        constraints = [
            models.CheckConstraint(
                condition=Q(host=None, work__isnull=False) | Q(host__isnull=False, work=None), name="samples_of_one"
            ),
        ]
        indexes = [
            models.Index(fields=["host", "begins_at"], name="samples_of_host"),
            models.Index(fields=["work", "begins_at"], name="samples_of_work"),
            models.Index(fields=["seconds", "begins_at"], name="samples_by_age"),
        ]

    def __str__(self):
        return f"samples of {self.host or self.work} from {self.begins_at:%H:%M}"
