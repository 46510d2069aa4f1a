"""What a workspace lets go of by itself, as its Owners say. runs/deletion/retention.py carries it out."""

from django.db import models
from django.utils import timezone

from workspaces.models import User, Workspace


class RetentionRule(models.Model):
    class Takes(models.TextChoices):
        RUNS = "runs", "Jobs, to the trash"
        LOGS = "logs", "Logs of jobs, for ever"
        OUTPUTS = "outputs", "Outputs of jobs, for ever"

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="retention_rules")
    takes = models.CharField("lets go of", max_length=7, choices=Takes, default=Takes.RUNS)
    days = models.PositiveIntegerField("ended more than … days ago", default=90)
    # With * and ? as in file names.
    experiments = models.CharField("in experiments named", max_length=500, default="*")
    keep_tag = models.CharField("except with the tag", max_length=256, blank=True, default="keep")
    keep_starred = models.BooleanField("except with a star", default=True)
    is_on = models.BooleanField("on", default=False)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ran_at = models.DateTimeField(null=True, blank=True)
    took = models.PositiveIntegerField(default=0, help_text="Jobs that it reached the last time.")

    class Meta:
        ordering = ["pk"]

    def __str__(self):
        return f"{self.get_takes_display()}: more than {self.days} days after the end, in {self.experiments}"


class RetentionAct(models.Model):
    """What a rule did once, in words that stay when the rule is changed or gone."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="retention_acts")
    rule = models.CharField(max_length=600)
    at = models.DateTimeField(default=timezone.now, editable=False)
    runs = models.PositiveIntegerField(default=0)
    files = models.PositiveIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["-pk"]

    def __str__(self):
        return self.rule
