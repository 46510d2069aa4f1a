"""Background tasks of the file share."""

from celery import shared_task

from notebooks.models import TrashedFile


@shared_task(ignore_result=True)
def purge_trash() -> None:
    """Delete what has been in the trash of files for long enough. Safe to run twice."""
    for trashed in TrashedFile.objects.expired().select_related("workspace")[:1000]:
        trashed.purge()
