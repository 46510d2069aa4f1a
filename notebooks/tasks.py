"""Background tasks of the file share."""

import datetime as dt

from celery import shared_task
from django.utils import timezone

from notebooks.models import TrashedFile
from workspaces import share

UPLOADS_KEPT = dt.timedelta(hours=1)


@shared_task(ignore_result=True)
def purge_trash() -> None:
    """Delete files that were in the trash for long enough, and leftovers of killed uploads. Safe to run twice."""
    for trashed in TrashedFile.objects.expired().select_related("workspace")[:1000]:
        trashed.purge()
    share.delete_unfinished((timezone.now() - UPLOADS_KEPT).timestamp())
