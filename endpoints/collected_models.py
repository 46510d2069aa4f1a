"""Rows that the entry scripts of services collect, until their day is over (endpoints/collected_rows.py)."""

from django.db import models


class CollectedRows(models.Model):
    endpoint = models.ForeignKey("endpoints.Endpoint", models.CASCADE, related_name="collected")
    at = models.DateTimeField()
    model = models.CharField(max_length=255)
    version = models.CharField(max_length=30)
    designation = models.CharField(max_length=100)
    request_id = models.CharField(max_length=100, blank=True)
    columns = models.JSONField(default=list)
    rows = models.JSONField(default=list)
    # Whether the file of the day has them.
    is_stored = models.BooleanField(default=False)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["is_stored", "at"], name="collected_rows_to_store")]

    def __str__(self):
        return f"{len(self.rows)} rows of {self.model}, {self.designation}"
