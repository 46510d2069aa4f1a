"""The rule by which the traffic of an endpoint goes back by itself (endpoints/traffic_guards.py)."""

from django.db import models


class TrafficGuard(models.Model):
    endpoint = models.OneToOneField("endpoints.Endpoint", models.CASCADE, related_name="guard")
    # How much worse than the other versions a version with more traffic may be: points of percent that fail, and
    # percent of the latency p95.
    failures = models.PositiveSmallIntegerField(null=True, blank=True)
    p95 = models.PositiveSmallIntegerField(null=True, blank=True)
    # A version is judged from so many requests on.
    requests = models.PositiveIntegerField(default=50)
    # What each version gets of 100 requests, as last seen, and before the change that is watched.
    shares = models.JSONField(default=dict)
    before = models.JSONField(default=dict, blank=True)
    # The versions that got more by the change, and when it was seen.
    watched = models.JSONField(default=list, blank=True)
    since = models.DateTimeField(null=True, blank=True)

    def __str__(self):
        return f"Guard of {self.endpoint.name}"
