"""Datastores: their list, registering one, browsing, uploading, downloading and previews of files."""

import functools
import mimetypes

from django.contrib import messages
from django.http import Http404, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actors import actor_of_request
from assets.data import connections, rules, stores
from assets.data.models import Datastore
from assets.data.partial_uploads import MAX_PIECE, PartialUpload
from assets.data.share_files import is_in_share, open_files
from runs.api.datastores import find_datastore, respond_with_file
from runs.files import archives, previews, uploads
from runs.pages.access import find_workspace, is_allowed, require_permission
from runs.pages.data.datastore_forms import CONTAINERS, KINDS, DatastoreForm
from studio import numbers
from studio.errors import Conflict, Denied, Invalid, NotReady
from studio.formats import format_count
from studio.forms import attempt
from studio.list_parameters import accept_parameters
from studio.pagination import page_of
from studio.words import split_words

# Files of a folder on one page.
PAGE = 100
MAX_FILES = 1000
# Files of one archive.
MAX_ZIPPED = 10_000
TAIL = 64 * 1024


@require_safe
@accept_parameters("q")
def datastore_list(request, slug):
    workspace = find_workspace(request, slug)
    rows = Datastore.objects.of(workspace).select_related("created_by", "workspace").order_by("-is_default", "name")
    words = split_words(request.GET.get("q", ""))
    for word in words:
        rows = rows.filter(name__icontains=word)
    context = {
        "page": page_of(request, rows, size=50),
        "words": " ".join(words),
        "may_edit": is_allowed(request, "edit"),
        "tab": "datastores",
    }
    return render(request, "data/datastores.html", context)


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def datastore_new(request, slug):
    """Register a datastore of the kind `?kind=`."""
    workspace = find_workspace(request, slug, "edit")
    kind = request.GET.get("kind") or KINDS[0][0]
    if kind not in rules.SETTINGS:
        raise Invalid(f"{kind[:60]!r} is not a kind of datastore: {', '.join(rules.SETTINGS)}.", target="kind")
    form = DatastoreForm(request.POST or None, kind=kind)
    made = request.method == "POST" and attempt(form, lambda: _register(request, workspace, form))
    if made:
        messages.success(request, f"The datastore {made.name} was registered.")
        return redirect(made)
    context = {"form": form, "kind": kind, "kinds": KINDS}
    return render(request, "data/datastore_new.html", context)


def _register(request, workspace, form: DatastoreForm) -> Datastore:
    name, fields = form.cleaned_data["name"], form.read_fields()
    if Datastore.objects.of(workspace).filter(name__iexact=name).exists():
        raise Conflict(f"There is a datastore {name} already. Choose another name.", target="name")
    try:
        connections.test_connection(Datastore.build_unsaved(workspace, name, fields))
    except NotReady as error:
        raise Conflict(error.message) from error
    return Datastore.register(actor_of_request(request), workspace, name, fields)


@require_safe
def datastore_detail(request, slug, name):
    """`?folder=` is listed, `?path=` is shown."""
    workspace = find_workspace(request, slug)
    found = find_datastore(workspace, name)
    folder, path = request.GET.get("folder", "").strip("/"), request.GET.get("path", "")
    if path:
        rules.check_stored_path(path)
        folder = path.rpartition("/")[0]
    context = {
        "datastore": found,
        "folder": folder,
        "crumbs": _crumbs(folder),
        "may_edit": is_allowed(request, "edit"),
        "resource": _properties(found),
        "in_share": found.has_share and is_in_share(folder),
    }
    if found.is_database:
        return render(request, "data/datastore.html", context)
    try:
        files = open_files(found, request.user)
        context["page"] = page_of(request, files.list_folder(folder), size=PAGE)
        if path:
            context |= _preview(files, path)
    except (NotReady, Conflict, Invalid) as error:
        # The page shows the error, so that the datastore can be tested or removed.
        context["problem"] = error.message
    return render(request, "data/datastore.html", context)


def _crumbs(folder: str) -> list[tuple[str, str]]:
    parts = folder.split("/") if folder else []
    return [(part, "/".join(parts[: number + 1])) for number, part in enumerate(parts)]


def _properties(found: Datastore) -> list[tuple[str, str]]:
    given = found.settings
    names = [
        "folder",
        "file",
        "server_name",
        "database_name",
        "port",
        "account_name",
        "container",
        "endpoint",
        "region",
        "prefix",
    ]
    labels = {"container": CONTAINERS.get(found.kind, "Container")}
    shown = [
        (labels.get(name) or name.replace("_", " ").capitalize(), given[name]) for name in names if given.get(name)
    ]
    return [("Type", found.get_kind_display()), *shown, ("Credentials", found.credentials or "None")]


def _preview(files: stores.DatastoreFiles, path: str) -> dict:
    file = files.find(path)
    kind = mimetypes.guess_type(path)[0] or ""
    shown = previews.make_preview(path, kind, file.size or 0, lambda length: files.read(path, 0, length))
    if shown.kind in ("page", "pdf"):
        # Their frames need addresses of their own, which files of a datastore do not have.
        shown = previews.FilePreview("none", note="Download this file to open it.")
    tail = ""
    if shown.kind == "log":
        start = max(0, (file.size or 0) - TAIL)
        tail = files.read(path, start, (file.size or 0) - start).decode("utf-8", "replace")
    return {"file": file, "preview": shown, "tail": tail}


@require_safe
def datastore_file(request, slug, name):
    """The bytes of `?path=`."""
    found = find_datastore(find_workspace(request, slug), name)
    path = request.GET.get("path", "")
    response = respond_with_file(request, open_files(found, request.user), path)
    if "download" in request.GET:
        safe = response["Content-Disposition"].partition(";")[2]
        response["Content-Disposition"] = f"attachment;{safe}"
    return response


@require_safe
def datastore_zip(request, slug, name):
    """All files below `?folder=`, as one archive."""
    found = find_datastore(find_workspace(request, slug), name)
    folder = request.GET.get("folder", "").strip("/")
    files = open_files(found, request.user)
    listed = files.walk(f"{folder}/" if folder else "", MAX_ZIPPED)
    if not listed:
        raise Http404(f"The datastore {found.name} has no files in {folder[:200] or 'its root'}.")
    above = len(folder.rpartition("/")[0])
    content = (
        # A store of someone else may have names that lead out of a folder.
        (
            rules.check_stored_path(file.path)[above:].lstrip("/"),
            file.size or 0,
            functools.partial(files.stream, file, 0, file.size or 0),
        )
        for file in listed
    )
    return archives.respond_with_plain_zip(content, folder.rpartition("/")[2] or found.name)


@require_POST
def datastore_upload(request, slug, name):
    """Files of a form, into `folder`; `paths` are their places below it, in the order of the files."""
    found = find_datastore(find_workspace(request, slug), name)
    require_permission(request, "edit")
    files, paths = request.FILES.getlist("files"), request.POST.getlist("paths")
    folder = request.POST.get("folder", "").strip("/")
    if not files or len(files) > MAX_FILES:
        raise Invalid(f"Choose 1 to {MAX_FILES:,} files. The SDK uploads more.", target="files")
    targets = paths if len(paths) == len(files) else [file.name for file in files]
    store, overwrite = open_files(found, request.user), bool(request.POST.get("overwrite"))
    full = [rules.check_stored_path(f"{folder}/{target}" if folder else target) for target in targets]
    store.check_quota()
    skipped = 0
    for file, path in zip(files, full, strict=True):
        try:
            store.write(path, file.chunks(), overwrite)
        except Conflict as error:
            if error.code != "FileExists":
                raise
            skipped += 1
    done = len(files) - skipped
    text = f"{format_count(done, 'file')} uploaded"
    messages.success(request, f"{text}, {skipped} left because they are there already." if skipped else f"{text}.")
    return redirect(_address(found, folder))


@require_http_methods(["GET", "HEAD", "POST"])
def datastore_piece(request, slug, name):
    """A file `?path=` of `?size=` bytes, sent in pieces: a POST stores the one that begins at `?start=` and has the hash
    `?sha256=`, the last one the file; a GET says how much has arrived."""
    found = find_datastore(find_workspace(request, slug, "edit"), name)
    path = rules.check_stored_path(request.GET.get("path", ""))
    size, start = (numbers.parse_int(request.GET.get(key, "0"), key) for key in ("size", "start"))
    if not 0 <= size <= stores.MAX_FILE_BYTES:
        raise Invalid(f"size is {size}; write 0 to {stores.MAX_FILE_BYTES:,}.", target="size")
    stamp = request.GET.get("stamp", "")[:100]
    part = PartialUpload(actor_of_request(request), found.workspace, found.pk, path, size, stamp)
    files, overwrite = open_files(found, request.user), "overwrite" in request.GET
    if request.method != "POST":
        return JsonResponse({"arrived": part.arrived, "exists": not overwrite and files.exists(path)})
    files.check_quota()
    files.check_names([path])
    if not overwrite:
        files.check_free(path)
    chunks = uploads.read_chunks(request, MAX_PIECE)
    arrived = part.add_piece(start, chunks, request.GET.get("sha256", ""), size)[-1].end
    if arrived == size:
        files.write(path, part.read(size), overwrite)
        part.delete()
    return JsonResponse({"arrived": arrived, "exists": arrived == size})


def _address(found: Datastore, folder: str) -> str:
    address = found.get_absolute_url()
    return f"{address}?{urlencode({'folder': folder})}" if folder else address


@require_POST
def datastore_change(request, slug, name):
    """Make a datastore the default one, test or remove it, or delete a file of it; depending on the button's `act`."""
    found, actor = find_datastore(find_workspace(request, slug), name), actor_of_request(request)
    require_permission(request, "edit")
    act, path = request.POST.get("act", ""), request.POST.get("path", "")
    try:
        if act == "default":
            found.make_default(actor)
            messages.success(request, f"{found.name} is the default datastore now.")
        elif act == "test":
            connections.test_connection(found)
            messages.success(request, f"The datastore {found.name} answers.")
        elif act == "remove":
            found.remove(actor)
            messages.success(request, f"The datastore {found.name} was removed. Its files stay where they are.")
            return redirect(reverse("data:datastores", args=[slug]))
        elif act == "delete":
            open_files(found, request.user).delete(path)
            in_trash = found.has_share and is_in_share(path)
            messages.success(request, f"{path} was {'moved to the trash of Notebooks' if in_trash else 'deleted'}.")
    except (Conflict, Denied, NotReady) as error:
        messages.error(request, error.message)
    return redirect(_address(found, path.rpartition("/")[0]))
