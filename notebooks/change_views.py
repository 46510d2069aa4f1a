"""Changes of the file share: new, upload, save, move, copy, delete, restore, share. Each needs the permission
`edit`."""

import json
from collections.abc import Iterator
from urllib.parse import quote

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts.form_keys import process_once
from notebooks.access import ShareFiles, find_files_to_change
from notebooks.forms import MoveForm, NewForm, PathForm, TextForm, UploadForm
from notebooks.models import SharedFile, TrashedFile
from notebooks.views import MAX_EDITED, list_trashed
from studio.errors import Conflict, Invalid, TooLarge
from studio.formats import format_count
from studio.forms import attempt, cleaned_or_invalid
from workspaces.share import PIECE, ShareEntry

# A notebook of the newest format that every Jupyter opens.
EMPTY_NOTEBOOK = {
    "cells": [{"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": []}],
    "metadata": {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    },
    "nbformat": 4,
    "nbformat_minor": 4,
}


def address_of(files: ShareFiles, path: str) -> str:
    return f"{reverse('notebooks:files', args=[files.workspace.slug])}?path={quote(path, safe='')}"


@require_POST
def file_new(request, slug):
    files, new = find_files_to_change(request, slug), cleaned_or_invalid(NewForm(request.POST))
    name = new["name"]
    if new["kind"] == "notebook" and not name.endswith(".ipynb"):
        name += ".ipynb"
    path = f"{new['folder']}/{name}"
    share = files.to_change(path)
    if new["kind"] == "folder":
        share.make_new_folder(path)
    else:
        content = json.dumps(EMPTY_NOTEBOOK, indent=1).encode() if new["kind"] == "notebook" else b""
        share.write_file(path, [content])
    return redirect(address_of(files, path))


@require_POST
def files_upload(request, slug):
    """The form without JavaScript: files of one folder."""
    files, given = find_files_to_change(request, slug), cleaned_or_invalid(UploadForm(request.POST))
    uploads = request.FILES.getlist("files")
    if not uploads:
        raise Invalid("Choose at least one file.", target="files")
    left = files.space_left(given["folder"]) if files.to_change(given["folder"]) else 0
    for upload in uploads:
        path = f"{given['folder']}/{upload.name}"
        entry = files.to_change(path).write_file(path, upload.chunks(), replaces=given["replaces"], max_bytes=left)
        left -= entry.size
    messages.success(request, f"{format_count(len(uploads), 'file')} uploaded.")
    return redirect(address_of(files, given["folder"]))


@require_POST
def file_upload(request, slug):
    """Store the body of the request as the file `?path=`; missing folders are created. `?replaces` allows replacing a
    file."""
    files = find_files_to_change(request, slug)
    path = cleaned_or_invalid(PathForm(request.GET))["path"]
    entry = files.to_replace(path).write_file(
        path, _read_body(request), replaces="replaces" in request.GET, max_bytes=files.space_left(path)
    )
    return JsonResponse({"path": entry.path, "size": entry.size, "version": entry.version})


def _read_body(request) -> Iterator[bytes]:
    while piece := request.read(PIECE):
        yield piece


@require_http_methods(["GET", "HEAD", "POST"])
def file_edit(request, slug):
    """A text file in a form; it is saved only if nobody has changed it meanwhile."""
    files = find_files_to_change(request, slug)
    path = cleaned_or_invalid(PathForm(request.POST or request.GET))["path"]
    share, entry = files.to_replace(path), files.find(path)
    if request.method != "POST":
        before = _read_text(files, entry)
        form = TextForm(initial={"path": path, "version": entry.version, "text": before})
    else:
        form = TextForm(request.POST)

        def save() -> ShareEntry:
            text = form.cleaned_data["text"].replace("\r\n", "\n")
            return share.write_file(path, [text.encode()], version=form.cleaned_data["version"])

        if attempt(form, save):
            messages.success(request, f"{entry.name} was saved.")
            return redirect(address_of(files, path))
    status = 409 if form.errors else 200
    return render(request, "notebooks/edit.html", {"files": files, "entry": entry, "form": form}, status=status)


def _read_text(files: ShareFiles, entry: ShareEntry) -> str:
    if entry.size > MAX_EDITED:
        raise TooLarge(f"{entry.name} is larger than the {MAX_EDITED // 1024} KB that can be edited here.")
    data = files.share.read_start(entry.path, MAX_EDITED + 1)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Invalid(f"{entry.name} is not UTF-8 text, so it cannot be edited here.", target="path") from error
    if "\0" in text:
        raise Invalid(f"{entry.name} is not text, so it cannot be edited here.", target="path")
    return text


@require_POST
def file_move(request, slug):
    """Rename a file or folder, or move it to another folder."""
    files, given = find_files_to_change(request, slug), cleaned_or_invalid(MoveForm(request.POST))
    path, target = given["path"], f"{given['folder']}/{given['name']}"
    files.to_replace(path)
    files.to_replace(target).move(path, target)
    SharedFile.objects.follow_move(files.workspace, path, target)
    messages.success(request, f"{path} was renamed to {target}.")
    return redirect(address_of(files, target))


@require_POST
@process_once
def file_copy(request, slug):
    """Copy a file or folder, such as a sample, to the own home; or a file that was shared by a link (`secret`)."""
    files = find_files_to_change(request, slug)
    if request.POST.get("secret"):
        link = get_object_or_404(SharedFile, workspace=files.workspace, secret=request.POST["secret"])
        share, source, name = files.share, link.path, link.path.rpartition("/")[2]
    else:
        path = cleaned_or_invalid(PathForm(request.POST))["path"]
        share, source, name = files.to_read(path), files.disk_path(path), path.rpartition("/")[2]
    target = _free_name(files, f"{files.home.path}/{name}")
    entry = share.find(source)
    left = files.space_left(target)
    for file in list(share.walk(source)) if entry.is_folder else [entry]:
        chunks = share.stream(file.path, 0, file.size)
        left -= files.share.write_file(target + file.path.removeprefix(source), chunks, max_bytes=left).size
    messages.success(request, f"Copied to {target}.")
    return redirect(address_of(files, target))


def _free_name(files: ShareFiles, path: str) -> str:
    stem, dot, ending = path.rpartition(".") if "." in path.rpartition("/")[2] else (path, "", "")
    for name in [path, *(f"{stem} ({number}){dot}{ending}" for number in range(2, 100))]:
        if not files.share.exists(name):
            return name
    raise Conflict(f"There are already 99 copies of {path}.", target="path")


@require_POST
def file_delete(request, slug):
    files = find_files_to_change(request, slug)
    path = cleaned_or_invalid(PathForm(request.POST))["path"]
    files.to_replace(path)
    gone = TrashedFile.move_to_trash(files.workspace, request.user, path)
    undo = f"undo:{reverse('notebooks:trash_change', args=[slug, gone.pk])}?act=restore"
    messages.success(request, f"{path} was moved to the trash.", extra_tags=undo)
    return redirect(address_of(files, path.rpartition("/")[0]))


@require_POST
def trashed_change(request, slug, key):
    """Restore a file, or delete it permanently, depending on `act`."""
    files = find_files_to_change(request, slug)
    row = get_object_or_404(list_trashed(files), pk=key)
    files.to_replace(row.path)
    row.workspace = files.workspace
    act = request.POST.get("act") or request.GET.get("act", "")
    if act == "restore":
        row.restore()
        messages.success(request, f"{row.path} was restored.")
        return redirect(address_of(files, row.path))
    if act != "delete":
        raise Invalid(f"act: {act[:50]!r} is not possible; use restore or delete.", target="act")
    row.purge()
    messages.success(request, f"{row.path} was deleted permanently.")
    return redirect("notebooks:trash", slug)


@require_POST
def file_share(request, slug) -> HttpResponse:
    """Share a file by a link, or stop sharing, depending on `act`."""
    files = find_files_to_change(request, slug)
    path = cleaned_or_invalid(PathForm(request.POST))["path"]
    files.to_replace(path)
    if request.POST.get("act") == "stop":
        SharedFile.objects.filter(workspace=files.workspace, path=path).delete()
        messages.success(request, f"The link of {path} no longer works.")
    else:
        SharedFile.share(files.workspace, request.user, path)
        messages.success(request, "Everyone who can read this workspace can now open the file with its link.")
    return redirect(address_of(files, path))
