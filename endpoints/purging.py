"""Deletion of endpoints and their files by a purge: see studio/purging.py."""

from django.db.models import QuerySet

from endpoints.models import Endpoint, Revision
from studio import purging
from studio.purging import FOLDERS, STEPS, PurgeSelection, PurgeStep, StorageFolder, StoredFile


def delete_revisions(selection: PurgeSelection) -> list[StoredFile] | None:
    """Delete revisions, which are only deleted with the workspace."""
    if not selection.whole_workspace:
        return None
    found = list(Revision.objects.filter(endpoint__workspace=selection.workspace_id)[: purging.BATCH])
    Revision.objects.filter(pk__in=[revision.pk for revision in found]).delete()
    return [(revision.code_key, revision.code_size) for revision in found if revision.code_key] if found else None


def keys_of_code(keys: list[str], owners: set[int]) -> QuerySet:
    return Revision.objects.filter(code_key__in=keys).values_list("code_key", flat=True)


def stop_services(workspace) -> None:
    """Stop the services of a workspace that moves to the trash."""
    for endpoint in Endpoint.objects.filter(workspace=workspace):
        for revision in endpoint.revisions.all():
            revision.stop("The workspace was deleted.")


def register() -> None:
    STEPS.append(PurgeStep(5, delete_revisions))
    FOLDERS.append(StorageFolder("endpoints", keys_of_code))
