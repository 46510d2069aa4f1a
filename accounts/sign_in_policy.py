"""The sign-in policy of the site: one row."""

from django.db import models


class SignInPolicy(models.Model):
    class SecondFactor(models.TextChoices):
        NOBODY = "nobody", "Nobody"
        ADMINS = "admins", "Site admins"
        ALL = "all", "Everybody who has a password here"

    second_factor = models.CharField(
        "who needs a second factor", max_length=8, choices=SecondFactor, default=SecondFactor.NOBODY
    )

    class Meta:
        verbose_name = "sign-in policy"
        verbose_name_plural = "sign-in policies"

    def __str__(self):
        return "the sign-in policy"

    @classmethod
    def load(cls) -> "SignInPolicy":
        return cls.objects.filter(pk=1).first() or cls(pk=1)

    def requires_second_factor(self, user) -> bool:
        """Whether this person needs a second factor."""
        if self.second_factor == self.SecondFactor.ADMINS:
            return user.is_superuser
        return self.second_factor == self.SecondFactor.ALL
