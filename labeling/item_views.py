"""The items of a labeling project: labeling the next one, the list of all, review of one, and its image."""

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.actors import actor_of_request
from assets.data import share_files
from labeling.forms import ItemsForm
from labeling.models import LabelAnswer, LabelingItem, LabelingProject
from labeling.views import build_context, find_project, find_project_to_label
from runs.api.datastores import find_datastore, respond_with_file
from runs.pages.access import require_permission
from studio import numbers
from studio.errors import Conflict, Invalid
from studio.forms import cleaned_or_invalid
from studio.list_parameters import accept_parameters
from studio.pagination import page_of

PAGE = 50
# The labels that have a key.
KEYS = 9


def find_item(project: LabelingProject, number: int | None) -> LabelingItem:
    found = project.items.select_related("decided_by").filter(number=number or 0).first()
    if found is None:
        raise Http404(f"{project.name} has no item {number}.")
    found.project = project
    return found


def list_choices(project: LabelingProject, chosen: str | None) -> list[dict]:
    return [
        {"label": label, "key": number if number <= KEYS else "", "is_chosen": label == chosen}
        for number, label in enumerate(project.labels, 1)
    ]


@require_http_methods(["GET", "HEAD", "POST"])
def item_label(request, slug, name):
    """The next item, or one that the person has labeled (`?item=`); a POST labels it, or skips it without a label."""
    project = find_project_to_label(request, slug, name)
    if request.method == "POST":
        item = find_item(project, numbers.int_or_none(request.POST.get("item", "")))
        try:
            item.add_answer(request.user, request.POST.get("label", ""))
        except Conflict as error:
            messages.info(request, error.message)
        return redirect("labeling:label", slug, name)
    mine = LabelAnswer.objects.filter(person=request.user, item__project=project).select_related("item")
    number = request.GET.get("item", "")
    item = find_item(project, numbers.int_or_none(number)) if number else project.find_next_item(request.user)
    answer = mine.filter(item=item).first() if item else None
    earlier = mine.filter(created_at__lt=answer.created_at) if answer else mine
    more = {
        "item": item,
        "choices": list_choices(project, answer and answer.label),
        "is_skipped": answer is not None and not answer.label,
        "previous": earlier.order_by("-created_at").first(),
        "own_count": mine.count(),
        "states": project.count_states(),
        "address": reverse("labeling:label", args=[slug, name]),
    }
    return render(request, "labeling/label.html", build_context(request, project, "label", **more))


@require_safe
@accept_parameters(*ItemsForm.base_fields)
def item_list(request, slug, name):
    """`?state=` and `?label=` filter."""
    project = find_project(request, slug, name)
    form = ItemsForm(request.GET, labels=project.labels)
    given = cleaned_or_invalid(form)
    rows = project.items.order_by("number").filter(**{key: value for key, value in given.items() if value})
    is_image = project.kind == LabelingProject.Kind.IMAGE
    page = page_of(request, rows, size=PAGE)
    more = {"page": page, "form": form, "is_image": is_image, "is_filtered": any(given.values())}
    return render(request, "labeling/items.html", build_context(request, project, "items", **more))


@require_http_methods(["GET", "HEAD", "POST"])
def item_review(request, slug, name, number):
    """An item with the labels of all people; a POST decides on its label, or returns it to the queue."""
    project = find_project(request, slug, name)
    item = find_item(project, number)
    if request.method == "POST":
        require_permission(request, "edit")
        _review(request, item)
        waiting = project.items.filter(state=LabelingItem.State.REVIEW, number__gt=number).order_by("number").first()
        return redirect("labeling:item", slug, name, waiting.number if waiting else number)
    more = {
        "item": item,
        "answers": item.answers.select_related("person"),
        "choices": list_choices(project, item.label or None),
        "previous": project.items.filter(number__lt=number).order_by("-number").first(),
        "following": project.items.filter(number__gt=number).order_by("number").first(),
    }
    return render(request, "labeling/item.html", build_context(request, project, "items", **more))


def _review(request, item: LabelingItem) -> None:
    act = request.POST.get("act", "")
    if act == "return":
        item.return_to_queue(actor_of_request(request))
        messages.success(request, f"Item {item.number} is in the queue again.")
    elif act == "decide":
        label = request.POST.get("label", "")
        item.decide(actor_of_request(request), label)
        text = f"has the label {label} now" if label else "is left out now"
        messages.success(request, f"Item {item.number} {text}.")
    else:
        raise Invalid(f"act: {act[:50]!r} is not possible; use decide or return.", target="act")


@require_safe
def item_file(request, slug, name, number):
    """The image of an item, as it is in its datastore now."""
    project = find_project(request, slug, name)
    item = find_item(project, number)
    if not item.path:
        raise Http404(f"Item {number} of {project.name} is a text.")
    files = share_files.open_files(find_datastore(project.workspace, item.datastore))
    return respond_with_file(request, files, item.path)
