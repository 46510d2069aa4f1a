"""The Notebooks page: the tree of the file share, previews, downloads, and the trash."""

import mimetypes

from django.http import Http404
from django.shortcuts import get_object_or_404, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from notebooks.access import SAMPLES, ShareFiles, find_files
from notebooks.forms import PathForm
from notebooks.models import SharedFile, TrashedFile
from runs.files import archives, previews, ranges
from runs.pages import file_tree
from studio.errors import Invalid
from studio.forms import cleaned_or_invalid
from studio.pagination import page_of
from workspaces.file_share import share_folder
from workspaces.share import Share, ShareEntry

# Kinds that the browser would load by the URL of the file and must not show as a page of this site.
SOURCE_ONLY = {"page", "pdf", "log"}
MAX_EDITED = 512 * 1024


@require_safe
def notebooks(request, slug):
    """`?path=` selects a file or a folder, by default the home."""
    files = find_files(request, slug)
    path = cleaned_or_invalid(PathForm(request.GET))["path"] if request.GET.get("path") else files.home.path
    entry = files.find(path)
    folder = path if entry.is_folder else entry.folder
    context = describe_entry(files, entry) | {
        "roots": [build_tree(files, root, label, path) for root, label in files.roots],
        "folder": folder,
        "crumbs": list_crumbs(files, path),
        "tree_width": file_tree.read_width(request),
    }
    return render(request, "notebooks/notebooks.html", context)


def describe_entry(files: ShareFiles, entry: ShareEntry) -> dict:
    """A file with its preview, or a folder with its content."""
    own = files.root_of(entry.path) != SAMPLES
    context = {
        "files": files,
        "entry": entry,
        "may_change": own and files.may_edit,
        "is_top": entry.path in dict(files.roots),
        "is_sample": not own,
    }
    if entry.is_folder:
        entries, left_out = files.list_folder(entry.path)
        return context | {"entries": entries, "left_out": left_out}
    link = SharedFile.objects.filter(workspace=files.workspace, path=entry.path).first() if own else None
    preview = make_preview(files.to_read(entry.path), entry, files.disk_path(entry.path))
    may_edit_text = context["may_change"] and preview.kind in ("code", "prose", "table") and entry.size <= MAX_EDITED
    return context | {"preview": preview, "link": link, "may_edit_text": may_edit_text}


def make_preview(share: Share, entry: ShareEntry, disk_path: str) -> previews.FilePreview:
    if entry.is_special:
        return previews.FilePreview("none", note="This is a link, a pipe or a device. The studio does not open it.")

    def read(length: int) -> bytes:
        return share.read_start(disk_path, length)

    preview = previews.make_preview(entry.path, type_of(entry.name), entry.size, read)
    return previews.preview_code(entry.path, entry.size, read) if preview.kind in SOURCE_ONLY else preview


def type_of(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def build_tree(files: ShareFiles, root: str, label: str, chosen: str) -> dict:
    """A top folder; of the folders on the way to the selected path all entries, of others none until they are opened."""

    def branch(path: str, name: str) -> dict:
        is_open = chosen == path or chosen.startswith(f"{path}/")
        node = {"path": path, "name": name, "is_open": is_open, "is_chosen": chosen == path, "folders": [], "files": []}
        if is_open:
            entries, node["left_out"] = files.list_folder(path)
            node["folders"] = [branch(entry.path, entry.name) for entry in entries if entry.is_folder]
            node["files"] = [(entry, entry.path == chosen) for entry in entries if not entry.is_folder]
        return node

    return branch(root, label)


def list_crumbs(files: ShareFiles, path: str) -> list[dict]:
    root = files.root_of(path)
    crumbs = [{"name": dict(files.roots)[root], "path": root}]
    for part in path.removeprefix(root).strip("/").split("/") if path != root else []:
        crumbs.append({"name": part, "path": f"{crumbs[-1]['path']}/{part}"})
    return crumbs


@require_safe
def file_content(request, slug):
    """The bytes of a file or a range of them; `?download` makes it an attachment."""
    files = find_files(request, slug)
    path = cleaned_or_invalid(PathForm(request.GET))["path"]
    return respond_with_file(request, files.to_read(path), files.find(path), files.disk_path(path))


def respond_with_file(request, share: Share, entry: ShareEntry, disk_path: str):
    if entry.is_folder or entry.is_special:
        raise Invalid(f"{entry.path} is not a file.", target="path")
    response = ranges.respond_with_range(
        request, entry.size, entry.version, lambda start, length: share.stream(disk_path, start, length)
    )
    if response.status_code in (200, 206):
        ranges.set_safe_headers(response, type_of(entry.name), entry.name)
        if "download" in request.GET:
            response.headers["Content-Disposition"] = content_disposition_header(True, entry.name)
    return response


@require_safe
def folder_zip(request, slug):
    files = find_files(request, slug)
    path = cleaned_or_invalid(PathForm(request.GET))["path"]
    share, top = files.to_read(path), files.disk_path(path)
    if not files.find(path).is_folder:
        raise Invalid(f"{path} is not a folder.", target="path")
    start = len(top) + 1
    inside = (
        (entry.path[start:], entry.size, share.stream(entry.path, 0, entry.size)) for entry in list(share.walk(top))
    )
    return archives.respond_with_zip(inside, path.rpartition("/")[2])


@require_safe
def trashed(request, slug):
    files = find_files(request, slug)
    page = page_of(request, list_trashed(files).select_related("deleted_by"), size=50)
    return render(request, "notebooks/trash.html", {"files": files, "page": page})


def list_trashed(files: ShareFiles):
    """Deleted files of the own home and of the shared folder."""
    rows = TrashedFile.objects.filter(workspace=files.workspace)
    return rows.filter(path__startswith=f"{files.home.path}/") | rows.filter(path__startswith=f"{files.shared}/")


@require_safe
def shared(request, slug, secret):
    """A file that somebody shared by its link, as it is now."""
    files, link, entry = _find_shared(request, slug, secret)
    preview = make_preview(files.share, entry, entry.path)
    return render(request, "notebooks/shared.html", {"files": files, "link": link, "entry": entry, "preview": preview})


@require_safe
def shared_content(request, slug, secret):
    files, _, entry = _find_shared(request, slug, secret)
    return respond_with_file(request, files.share, entry, entry.path)


def _find_shared(request, slug, secret) -> tuple[ShareFiles, SharedFile, ShareEntry]:
    files = find_files(request, slug)
    link = get_object_or_404(SharedFile.objects.select_related("shared_by"), workspace=files.workspace, secret=secret)
    link.workspace = files.workspace
    entry = Share(share_folder(files.workspace)).find(link.path)
    if entry.is_folder or entry.is_special:
        raise Http404(f"{link.path} is no longer a file.")
    return files, link, entry
