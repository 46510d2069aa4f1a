"""Tags and parameters of runs: a row each, so that indexes can filter and sort lists. The values that they may
have: runs/rules.py."""

from django.db import models

from studio.search.db_functions import AsNumber, ValueStart


class RunTagQuerySet(models.QuerySet):
    def store(self, rows: list["RunTag"]):
        """Set these tags; an existing tag gets the new value."""
        self.bulk_create(
            rows,  # type: ignore[arg-type]  # the stubs do not learn the model here
            update_conflicts=True,
            unique_fields=["run", "name"],
            update_fields=["value"],
        )


class RunTag(models.Model):
    run = models.ForeignKey("runs.Run", models.CASCADE, related_name="tag_rows", db_index=False)
    name = models.CharField(max_length=256)
    value = models.TextField(blank=True)

    objects = RunTagQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="one_tag_of_a_name")]
        indexes = [
            models.Index("name", ValueStart("value"), "run", name="tags_by_value"),
            models.Index("name", AsNumber("value"), "run", name="tags_by_number"),
        ]
        ordering = ["name"]

    def __str__(self):
        return f"{self.name} : {self.value}"


class RunParameter(models.Model):
    """A parameter, which can be written only once."""

    run = models.ForeignKey("runs.Run", models.CASCADE, related_name="parameter_rows", db_index=False)
    name = models.CharField(max_length=256)
    value = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="one_parameter_of_a_name")]
        indexes = [
            models.Index("name", ValueStart("value"), "run", name="parameters_by_value"),
            models.Index("name", AsNumber("value"), "run", name="parameters_by_number"),
        ]
        ordering = ["name"]

    def __str__(self):
        return f"{self.name} : {self.value}"
