"""The filter values of a long list, counted in the background."""

from django.db import models
from django.db.models import Q


class ListFacets(models.Model):
    """Names and values of all runs of an experiment or workspace, with their counts."""

    workspace = models.ForeignKey("workspaces.Workspace", models.CASCADE, related_name="+")
    experiment = models.ForeignKey("runs.Experiment", models.CASCADE, null=True, related_name="+")
    # The content is defined by runs/facet_counts.py; empty before the first count.
    content = models.JSONField(default=dict)
    counted_at = models.DateTimeField(null=True)
    # A page has shown them since this time; the task only counts these.
    is_wanted = models.BooleanField(default=True)

    class Meta:
        verbose_name_plural = "list facets"
        constraints = [
            models.UniqueConstraint(fields=["workspace"], condition=Q(experiment=None), name="facets_of_a_workspace"),
            models.UniqueConstraint(
                fields=["experiment"], condition=~Q(experiment=None), name="facets_of_an_experiment"
            ),
        ]

    def __str__(self):
        return str(self.experiment or self.workspace)
