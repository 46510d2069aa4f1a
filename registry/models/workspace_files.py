"""Files that MLflow's clients store outside of runs and models, under any path of the workspace's artifact root."""

from collections.abc import Sequence

from django.db import models, transaction
from django.utils import timezone

from studio import path_clashes, storage
from studio.errors import Conflict
from workspaces.models import Workspace


class WorkspaceFileQuerySet(models.QuerySet["WorkspaceFile"]):
    def below(self, folder: str):
        """All files below a folder; for the root all files."""
        # "0" follows "/": a range uses the index on every database.
        return self.filter(path__gt=f"{folder}/", path__lt=f"{folder}0") if folder else self

    def check_free(self, workspace: Workspace, paths: Sequence[str]) -> None:
        """Checks that no file has the path of a needed folder, and no folder the path of a file."""
        files = self.filter(workspace=workspace)
        above = {folder: path for path in paths for folder in path_clashes.list_folders(path)}
        file = path_clashes.find_file(files, list(above))
        if file is not None:
            raise Conflict(f"'{above[file]}' cannot be stored: '{file}' is a file.")
        folder = path_clashes.find_folder(files, paths)
        if folder is not None:
            raise Conflict(f"'{folder}' cannot be stored: '{folder}' is a folder.")

    def check_new(self, workspace: Workspace, paths: Sequence[str]) -> None:
        """The same, and refuses the path of a file."""
        self.check_free(workspace, paths)
        file = path_clashes.find_file(self.filter(workspace=workspace), paths)
        if file is not None:
            raise Conflict(f"There is a file '{file}' already.", code="path_conflict", target="path")

    def put(self, actor, workspace: Workspace, path: str, key: str, size: int) -> list[str]:
        """Make a stored object the file at this path; returns the keys of the replaced one."""
        with transaction.atomic():
            replaced = self.filter(workspace=workspace, path=path)
            keys = list(replaced.values_list("key", flat=True))
            replaced.delete()
            self.create(workspace=workspace, path=path, key=key, size=size, made_by_run=actor.run_id)
        return keys

    def remove(self, files: list["WorkspaceFile"]) -> list[str]:
        """Delete the rows and return the keys of their objects."""
        self.filter(pk__in=[file.pk for file in files]).delete()
        return [file.key for file in files]


class WorkspaceFile(models.Model):
    """A file of the workspace itself, stored as one object."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="artifact_files")
    path = models.CharField(max_length=1000)
    size = models.PositiveBigIntegerField()
    key = models.CharField(max_length=200, db_index=True)
    # The id of the run whose token created it; empty if a person did.
    made_by_run = models.CharField(max_length=256, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = WorkspaceFileQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "path"], name="one_workspace_file_of_a_path")]
        ordering = ["path"]

    def __str__(self):
        return self.path

    @classmethod
    def build(cls, workspace: Workspace, path: str, size: int, made_by_run: str) -> "WorkspaceFile":
        """A row that is not stored yet, with a new key for an object that is not either."""
        key = storage.make_key(cls.storage_area(workspace))
        return cls(workspace=workspace, path=path, size=size, key=key, made_by_run=made_by_run)

    @staticmethod
    def storage_area(workspace: Workspace) -> str:
        return f"{workspace.storage_area}/files"
