"""Models that people have starred."""

from django.db import models


class ModelStar(models.Model):
    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="+")
    model = models.ForeignKey("registry.Model", models.CASCADE, related_name="stars")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "model"], name="one_star_of_a_model")]

    def __str__(self):
        return f"{self.user} {self.model}"
