"""The file share of a workspace: a folder on disk with a home for each person and one shared folder.

Notebooks and compute instances use the same files. The name of a home stays taken after its account was removed, so
that nobody else gets its files.
"""

import pathlib
import re

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from accounts.models import User
from studio.errors import Conflict

USERS, SHARED = "Users", "shared"
MAX_NAME = 40
MAX_TRIES = 50


class Home(models.Model):
    workspace = models.ForeignKey("workspaces.Workspace", models.CASCADE, related_name="homes")
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    name = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(models.functions.Lower("name"), "workspace", name="one_home_of_a_name"),
            models.UniqueConstraint(fields=["workspace", "user"], name="one_home_of_a_person"),
        ]

    def __str__(self):
        return self.name

    @property
    def path(self) -> str:
        """In the share."""
        return f"{USERS}/{self.name}"

    @classmethod
    def of(cls, workspace, user: User) -> "Home":
        """The home of a person, created on first use."""
        found = cls.objects.filter(workspace=workspace, user=user).first()
        return found or cls._create(workspace, user)

    @classmethod
    def _create(cls, workspace, user: User) -> "Home":
        first = make_alias(user.username)
        for name in [first, *(f"{first}-{number}" for number in range(2, MAX_TRIES))]:
            if cls.objects.filter(workspace=workspace, name__iexact=name).exists():
                continue
            try:
                with transaction.atomic():
                    return cls.objects.create(workspace=workspace, user=user, name=name)
            except IntegrityError:
                # Another request made it, or took the name, at this moment.
                found = cls.objects.filter(workspace=workspace, user=user).first()
                if found:
                    return found
        raise Conflict(f"There are {MAX_TRIES} homes named {first} in this workspace.")


def make_alias(username: str) -> str:
    """The name of a home: the part of an e-mail address before the @, in characters that every file system accepts."""
    alias = re.sub(r"[^a-z0-9._-]+", "-", username.partition("@")[0].lower())[:MAX_NAME].strip("-.")
    return f"{alias}-home" if alias in ("", SHARED) else alias


def share_folder(workspace) -> pathlib.Path:
    """The folder of the workspace's share on this machine."""
    return settings.SHARES_DIR / workspace.workspace_id.hex
