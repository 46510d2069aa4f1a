"""Tasks of the control worker: make the backups that are requested or due, and check them."""

from celery import shared_task
from django.conf import settings

from backups import checking, making
from backups.models import TASK, Backup


@shared_task(name=TASK, ignore_result=True)
def make_due_backups() -> None:
    """Once a minute. One that waits may be made by another process at the same moment: `start` decides."""
    Backup.objects.end_interrupted()
    own = Backup.objects.filter(parent=str(settings.BACKUP_DIR))
    due = making.next_due(own.first())
    if due and due <= making.timezone.now() and not Backup.objects.filter(state__in=Backup.OPEN).exists():
        Backup.queue()
    waiting = Backup.objects.filter(state=Backup.State.QUEUED).first()
    if waiting and waiting.start():
        making.make_backup(waiting, settings.BACKUP_PASSPHRASE)
        if waiting.state == Backup.State.COMPLETED:
            checking.check_and_note(waiting, settings.BACKUP_PASSPHRASE)
