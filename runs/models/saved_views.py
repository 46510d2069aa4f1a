"""Layouts, named views, stars and colours of people for lists of runs."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

MAX_VIEWS = 200


class SavedViewQuerySet(models.QuerySet):
    def of_list(self, workspace, experiment):
        """Views of the list of all jobs, or of the page of an experiment."""
        return self.filter(workspace=workspace, experiment=experiment)

    def offered_to(self, user):
        """A person's own views and shared ones."""
        return self.exclude(name="").filter(Q(owner=user) | Q(shared=True)).select_related("owner").order_by("name")

    def find_layout(self, user):
        """The layout that a list has for a person: their own, else that of everybody."""
        return self.filter(Q(owner=user) | Q(owner=None), name="").order_by(F("owner").desc(nulls_last=True)).first()


class SavedView(models.Model):
    """A saved view of a list. Without a name it is the owner's default layout; without an owner, that of everybody."""

    workspace = models.ForeignKey("workspaces.Workspace", models.CASCADE, related_name="saved_views")
    experiment = models.ForeignKey("runs.Experiment", models.CASCADE, null=True, related_name="saved_views")
    owner = models.ForeignKey("accounts.User", models.CASCADE, null=True, related_name="saved_views")
    name = models.CharField(max_length=100, blank=True)
    # The query string of the list.
    query = models.TextField(max_length=3500)
    shared = models.BooleanField(default=False)
    updated_at = models.DateTimeField(default=timezone.now)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "owner", "name"], condition=Q(experiment=None), name="one_view_of_all_jobs"
            ),
            models.UniqueConstraint(
                fields=["workspace", "owner", "name", "experiment"],
                condition=~Q(experiment=None),
                name="one_view_of_an_experiment",
            ),
            models.UniqueConstraint(
                fields=["workspace"], condition=Q(experiment=None, owner=None), name="one_layout_of_all_jobs"
            ),
            models.UniqueConstraint(
                fields=["experiment"], condition=~Q(experiment=None) & Q(owner=None), name="one_layout_of_an_experiment"
            ),
        ]
        ordering = ["name"]

    def __str__(self):
        return self.name


class Star(models.Model):
    """A run that a person has starred."""

    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="stars")
    run = models.ForeignKey("runs.Run", models.CASCADE, related_name="stars")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "run"], name="one_star_of_a_person")]

    def __str__(self):
        return f"{self.user} {self.run}"


class RunColour(models.Model):
    """The colour that a person has given a run, as an index of runs/charts/colours.py."""

    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="+")
    run = models.ForeignKey("runs.Run", models.CASCADE, related_name="+")
    colour = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "run"], name="one_colour_of_a_person")]

    def __str__(self):
        return f"{self.user} {self.run} {self.colour}"


class TagEdit(models.Model):
    """A tag that was set on many runs or removed from them, with the old values for undo."""

    workspace = models.ForeignKey("workspaces.Workspace", models.CASCADE, related_name="+")
    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    name = models.CharField(max_length=256)
    value = models.TextField(blank=True)
    # Then the tag was taken away from the runs.
    is_removal = models.BooleanField(default=False)
    # Each step of a bulk act has one.
    act = models.ForeignKey("runs.BulkAct", models.CASCADE, null=True, related_name="tag_edits")
    # [[run, the old value or null]]
    before = models.JSONField()

    def __str__(self):
        return self.name
