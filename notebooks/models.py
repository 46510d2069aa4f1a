"""Data about files of a share that is not on disk: the trash, and links."""

import secrets
import uuid

from django.db import models, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from studio import trash_days
from studio.errors import Conflict
from workspaces.file_share import share_folder
from workspaces.models import Workspace
from workspaces.share import Share

TRASH = "trash"


class TrashedFileQuerySet(models.QuerySet):
    def expired(self):
        return self.filter(deleted_at__lt=trash_days.expired_before())


class TrashedFile(models.Model):
    """A file or folder that was deleted: it is stored next to the share, under its key, until it is restored or deleted
    permanently."""

    key = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="trashed_files")
    path = models.CharField(max_length=1000)
    is_folder = models.BooleanField()
    size = models.PositiveBigIntegerField()
    deleted_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    deleted_at = models.DateTimeField(default=timezone.now)

    objects = TrashedFileQuerySet.as_manager()

    class Meta:
        ordering = ["-deleted_at"]

    def __str__(self):
        return self.path

    @property
    def days_left(self) -> int:
        return trash_days.days_left(self.deleted_at)

    @property
    def _stored_path(self) -> str:
        return f"{TRASH}/{self.key.hex}"

    @classmethod
    def move_to_trash(cls, workspace: Workspace, user: User, path: str) -> "TrashedFile":
        share = Share(share_folder(workspace))
        entry = share.find(path)
        size = share.measure(path) if entry.is_folder else entry.size
        trashed = cls(workspace=workspace, path=path, is_folder=entry.is_folder, size=size, deleted_by=user)
        with transaction.atomic():
            trashed.save(force_insert=True)
            # The link does not apply to another file with the same name.
            SharedFile.objects.below(workspace, path).delete()
            share.move(path, trashed._stored_path)
        return trashed

    def restore(self) -> None:
        """Move it back to its original path."""
        share = Share(share_folder(self.workspace))
        with transaction.atomic():
            number, _ = TrashedFile.objects.filter(pk=self.pk).delete()
            if not number:
                raise Conflict(f"{self.path} has already been restored or deleted.")
            share.move(self._stored_path, self.path)

    def purge(self) -> None:
        """Delete it permanently; first the file, so that a killed task finds the row again."""
        Share(share_folder(self.workspace)).remove(self._stored_path)
        TrashedFile.objects.filter(pk=self.pk).delete()


class SharedFileQuerySet(models.QuerySet):
    def below(self, workspace: Workspace, path: str):
        """The links of a file, or of all files below a folder."""
        return self.filter(models.Q(path=path) | models.Q(path__startswith=f"{path}/"), workspace=workspace)

    def follow_move(self, workspace: Workspace, path: str, target: str) -> None:
        """Update the links of moved files."""
        self.below(workspace, target).delete()
        for link in self.below(workspace, path):
            self.filter(pk=link.pk).update(path=target + link.path.removeprefix(path))


class SharedFile(models.Model):
    """A file that everybody who may read the workspace can open by its link."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="shared_files")
    path = models.CharField(max_length=1000)
    secret = models.CharField(max_length=43, unique=True)
    shared_by = models.ForeignKey(User, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = SharedFileQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "path"], name="one_link_of_a_file")]

    def __str__(self):
        return self.path

    def get_absolute_url(self):
        return reverse("notebooks:shared", args=[self.workspace.slug, self.secret])

    @classmethod
    def share(cls, workspace: Workspace, user: User, path: str) -> "SharedFile":
        """The link of the file; a new one if it has none."""
        Share(share_folder(workspace)).open_file(path).close()
        new = {"secret": secrets.token_urlsafe(24), "shared_by": user}
        return cls.objects.get_or_create(workspace=workspace, path=path, defaults=new)[0]
