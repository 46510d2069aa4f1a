"""Objects of this app that are handed over when a person leaves: shared views of lists. Jobs keep their author."""

from accounts.handover import Holding
from accounts.models import User
from runs.models import SavedView


def _views_of(person: User):
    return SavedView.objects.filter(owner=person, shared=True)


def _give_views(rows, person: User, heir: User) -> None:
    for view in list(rows):
        taken = SavedView.objects.of_list(view.workspace_id, view.experiment_id).filter(owner=heir, name=view.name)
        if taken.exists():
            view.name = f"{view.name[:80]} ({person.username[:15]})"
        view.owner = heir
        view.save(update_fields=["owner", "name"])


SHARED_VIEWS = Holding("shared views", _views_of, _give_views)
