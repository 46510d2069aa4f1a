"""Deletion of a workspace's file share by a purge (studio/purging.py)."""

import shutil

from studio.purging import STEPS, PurgeSelection, PurgeStep, StoredFile
from workspaces.file_share import share_folder
from workspaces.models import Workspace


def delete_share(selection: PurgeSelection) -> list[StoredFile] | None:
    """Delete the share with the whole workspace; the trash of jobs contains nothing of it."""
    workspace = Workspace.objects.filter(pk=selection.workspace_id).first() if selection.whole_workspace else None
    folder = share_folder(workspace) if workspace else None
    if folder is None or not folder.exists():
        return None
    shutil.rmtree(folder)
    return []


def register() -> None:
    STEPS.append(PurgeStep(5, delete_share))
