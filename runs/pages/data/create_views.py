"""Creating a data asset: name and files, then settings or a query, preview and schema. Only the last step registers
something."""

import datetime as dt
import uuid

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from accounts.actors import actor_of_request
from assets import tasks
from assets.data import datasets, previews, rules
from assets.data.misfits import check_version
from assets.data.models import Datastore
from assets.data.share_files import open_files
from assets.data.work import DataWork
from compute import notifications
from runs.api.datastores import find_datastore
from runs.pages.access import find_workspace
from runs.pages.data.forms import COLUMN_TYPES, BasicsForm, QueryForm, SettingsForm
from studio import outbound
from studio.errors import Invalid
from studio.formats import digest_json
from studio.forms import attempt
from studio.wizard import list_steps

MAX_FILES, SHOWN_ROWS = 1000, 10
LABELS = ["Name and files", "Settings and schema"]
QUERY_LABELS = ["Name and database", "Query and schema"]
# The parameters of the URL from the first step to the second.
HANDED = ("name", "kind", "description", "datastore", "path", "url")


@require_http_methods(["GET", "HEAD", "POST"])
def data_new(request, slug):
    workspace = find_workspace(request, slug, "edit")
    rows = list(Datastore.objects.of(workspace).order_by("-is_default", "name"))
    given = {name: request.GET[name] for name in HANDED if request.GET.get(name)}
    form = BasicsForm(request.POST or None, initial=given, datastores=rows)
    if request.method == "POST":
        found = attempt(form, lambda: _find_files(request, workspace, form.cleaned_data))
        if found:
            query = {**{name: form.cleaned_data.get(name) for name in HANDED}, **found}
            is_query = any(row.is_database for row in rows if row.name == form.cleaned_data["datastore"])
            address = reverse("data:query" if is_query else "data:settings", args=[slug])
            return redirect(f"{address}?{urlencode({name: value for name, value in query.items() if value})}")
    # The scripts of the page upload into this folder before the form is sent.
    context = {"form": form, "folder": _name_folder(), "steps": list_steps(LABELS, 0)}
    return render(request, "data/new.html", context)


def _name_folder() -> str:
    return f"UI/{dt.datetime.now(dt.UTC):%Y-%m-%d}_{uuid.uuid4().hex[:8]}"


def _find_files(request, workspace, data: dict) -> dict:
    """Store the uploaded files; return the path or URL."""
    files, paths = request.FILES.getlist("files"), request.POST.getlist("paths")
    chosen = [bool(files), bool(data["path"]), bool(data["url"])]
    store = find_datastore(workspace, data["datastore"])
    if store.is_database:
        return _check_query_basics(store, data, any(chosen))
    if sum(chosen) != 1:
        raise Invalid("Choose files to upload, or write a path, or a web address: one of the three.", target="path")
    if data["url"]:
        outbound.check_url(data["url"], "url")
        return {"url": data["url"], "path": ""}
    if data["path"]:
        return {"path": data["path"].strip("/")}
    if len(files) > MAX_FILES:
        raise Invalid(f"Choose at most {MAX_FILES:,} files; the SDK uploads more.", target="path")
    folder = _name_folder()
    targets = paths if len(paths) == len(files) else [file.name for file in files]
    full = [rules.check_stored_path(f"{folder}/{target}") for target in targets]
    target_store = open_files(store, request.user)
    target_store.check_quota()
    for file, path in zip(files, full, strict=True):
        target_store.write(path, file.chunks())
    return {"path": full[0] if len(full) == 1 else folder}


def _check_query_basics(store: Datastore, data: dict, has_files: bool) -> dict:
    if has_files:
        text = f"{store.name} is a database and has no files. Choose another datastore, or no file, path or address."
        raise Invalid(text, target="datastore")
    if data["kind"] != "tabular":
        raise Invalid(f"{store.name} is a database: a query is a table. Choose Tabular.", target="kind")
    return {"datastore": store.name}


@require_http_methods(["GET", "HEAD", "POST"])
def data_settings(request, slug):
    """A GET shows the preview of its settings; a POST registers."""
    workspace = find_workspace(request, slug, "edit")
    given = {name: request.GET.get(name, "") for name in HANDED}
    rules.DATA_NAME.check(given["name"])
    path = {"url": given["url"]} if given["url"] else {"datastore": given["datastore"], "path": given["path"]}
    is_table = given["kind"] != "file"
    form = SettingsForm(request.GET if "file_format" in request.GET else _guess(given))
    definition: dict = {"kind": "file", "paths": [path], "steps": []}
    problem, preview = "", None
    if is_table:
        try:
            preview = _read_table(workspace, path, form)
            problem, definition = preview.problem, preview.definition
        except Invalid as error:
            problem = error.message
    schema = _schema(request, preview) if preview and not problem else []
    misfits, schema_problem = None, ""
    if request.method == "POST" and not problem:
        chosen, schema_problem = _choose(workspace, definition, schema)
        problem = (not schema and schema_problem) or previews.check_files(workspace, chosen)
        misfits = None if problem or schema_problem else _find_misfits(request, workspace, chosen)
        if not problem and not schema_problem and not misfits:
            return _show_made(request, _register(request, workspace, given, chosen))
    context = {
        "given": given,
        "form": form,
        "problem": problem,
        "schema": schema,
        "types": COLUMN_TYPES,
        "steps": list_steps(LABELS, 1),
        "is_table": is_table,
        "here": request.get_full_path(),
        "preview": preview,
        "misfits": misfits,
        "schema_problem": schema_problem,
        **({} if is_table else _list_files(workspace, definition)),
    }
    return render(request, "data/settings.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def data_query(request, slug):
    """A POST runs the query and shows its first rows; with `act=create` it also registers, and with `seen` although
    values will be missing."""
    workspace = find_workspace(request, slug, "edit")
    given = {name: request.GET.get(name, "") for name in ("name", "description", "datastore")}
    rules.DATA_NAME.check(given["name"])
    store = find_datastore(workspace, given["datastore"])
    if not store.is_database:
        raise Invalid(f"{store.name} is not a database; a query needs one.", target="datastore")
    form, preview, schema, misfits = QueryForm(request.POST or None), None, [], None
    if request.method == "POST":
        preview = attempt(form, lambda: _run_query(request, workspace, store, form))
    if preview and not preview.problem:
        schema = _query_schema(request, preview)
        is_create = request.POST.get("act") == "create" or "seen" in request.POST
        chosen = attempt(form, lambda: _choose_columns(request, workspace, preview, schema)) if is_create else None
        misfits = _find_misfits(request, workspace, chosen) if chosen else None
        made = chosen and not misfits and attempt(form, lambda: _register(request, workspace, given, chosen))
        if made:
            return _show_made(request, made)
    context = {
        "given": given,
        "store": store,
        "form": form,
        "preview": preview,
        "columns": digest_json(preview.columns) if preview else "",
        "schema": schema,
        "types": COLUMN_TYPES,
        "steps": list_steps(QUERY_LABELS, 1),
        "misfits": misfits,
    }
    return render(request, "data/query.html", context)


def _run_query(request, workspace, store: Datastore, form: QueryForm) -> previews.TablePreview:
    path = {"datastore": store.name, "path": ""}
    definition = {"kind": "tabular", "paths": [path], "steps": [form.read_step()]}
    datasets.check_dataset(workspace, definition)
    datasets.check_query_allowed(actor_of_request(request), workspace, definition)
    return previews.read_preview(workspace, definition)


def _is_shown(request, preview: previews.TablePreview) -> bool:
    """Whether the form was sent with the schema of these columns."""
    return request.POST.get("columns") == digest_json(preview.columns)


def _choose_columns(request, workspace, preview: previews.TablePreview, schema: list[dict]) -> dict:
    if not _is_shown(request, preview):
        raise Invalid("The query now has other columns. Check the schema below, then create.")
    return datasets.check_dataset(workspace, _add_schema(preview.definition, schema))


def _query_schema(request, preview: previews.TablePreview) -> list[dict]:
    """The columns of the query with the types of the database; the form says which are included, and other types."""
    is_shown = _is_shown(request, preview)
    columns = enumerate(preview.columns)
    return [_describe_column(request, number, name, {"type": kind}, is_shown) for number, (name, kind) in columns]


def _list_files(workspace, definition: dict) -> dict:
    try:
        return {"sources": previews.list_sources(workspace, definition)[:50]}
    except previews.PROBLEMS as error:
        return {"problem": error.message}


def _guess(given: dict) -> dict:
    """The settings by the ending of the path."""
    ending = (given["url"] or given["path"]).rsplit(".", 1)[-1].lower()
    formats = {"parquet": "read_parquet", "jsonl": "read_json_lines", "ndjson": "read_json_lines"}
    found = {"file_format": formats.get(ending, "read_delimited"), "encoding": "utf8", "header": "3"}
    return {**found, "separator": "\t" if ending == "tsv" else ","}


def _read_table(workspace, path: dict, form: SettingsForm) -> previews.TablePreview:
    if not form.is_valid():
        name, errors = next(iter(form.errors.items()))
        raise Invalid(f"{name}: {errors[0]}", target=name)
    definition: dict = {"kind": "tabular", "paths": [path], "steps": [form.read_step()]}
    datasets.check_dataset(workspace, definition)
    is_text = form.cleaned_data["file_format"] == "read_delimited"
    preview = previews.read_preview(workspace, definition, infer=is_text)
    # The schema and the button follow below.
    preview.rows = preview.rows[:SHOWN_ROWS]
    return preview


def _schema(request, preview: previews.TablePreview) -> list[dict]:
    """The columns with their types, for text those that were inferred; a POST says which are included, and other
    types."""
    types = preview.definition["steps"][0].get("column_types")
    types = types or {name: {"type": kind} for name, kind in preview.columns}
    is_sent, columns = request.method == "POST", enumerate(types.items())
    return [_describe_column(request, number, name, kind, is_sent) for number, (name, kind) in columns]


def _describe_column(request, number: int, name: str, kind: dict, is_sent: bool) -> dict:
    """A column of the schema, as the form says if it was sent."""
    given = request.POST if is_sent else {}
    return {
        "number": number,
        "name": name,
        "kind": kind,
        "type": given.get(f"type_{number}", kind["type"]),
        "format": given.get(f"format_{number}", "").strip(),
        "included": not is_sent or f"include_{number}" in given,
    }


def _choose(workspace, definition: dict, schema: list[dict]) -> tuple[dict, str]:
    """The definition with the schema, or what is wrong with that."""
    try:
        return datasets.check_dataset(workspace, _add_schema(definition, schema)), ""
    except Invalid as error:
        return definition, error.message


def _find_misfits(request, workspace, definition: dict) -> previews.Misfits | None:
    """The values to show before the table is registered with these types; None if there are none, or they were shown."""
    if not previews.has_types(definition) or request.POST.get("seen") == digest_json(definition):
        return None
    found = previews.read_misfits(workspace, definition)
    return found if found.count or found.problem else None


def _add_schema(definition: dict, schema: list[dict]) -> dict:
    """The definition with the chosen types and columns."""
    if schema:
        reader = definition["steps"][0]
        types, is_text = {}, reader["type"] == "read_delimited"
        for column in schema:
            formats = {"formats": [column["format"]]} if column["format"] and column["type"] == "datetime" else {}
            same = column["type"] == column["kind"]["type"] and not formats
            # Other readers have types of their own; only different ones are written down.
            if not same or is_text:
                types[column["name"]] = column["kind"] if same else {"type": column["type"], **formats}
        steps = [{**reader, "column_types": types} if types else reader]
        kept = [column["name"] for column in schema if column["included"]]
        if not kept:
            raise Invalid("Include at least one column.", target="include")
        left_out = [column["name"] for column in schema if not column["included"]]
        if left_out and not is_text:
            # The preview may not show all columns of a wide table.
            steps.append({"type": "drop_columns", "columns": left_out})
        elif left_out:
            steps.append({"type": "keep_columns", "columns": kept})
        definition = {**definition, "steps": steps}
    return definition


def _register(request, workspace, given: dict, definition: dict):
    fields = {"kind": definition["kind"], "definition": definition, "description": given["description"]}
    actor = actor_of_request(request)
    made = datasets.register_dataset(actor, workspace, given["name"], datasets.AUTO, fields)[0]
    if "seen" in request.POST:
        check_version(made, actor.user)
    return made


def _show_made(request, made):
    """Its rows; with `profile` the profile of all rows, which is computed in the background."""
    messages.success(request, f"{made} was registered.")
    address = reverse("data:explore", args=[request.workspace.slug, made.named_asset.name, made.version])
    if "profile" not in request.POST:
        return redirect(address)
    DataWork.queue(made, DataWork.Kind.PROFILE, request.user)
    notifications.notify_control(tasks.WORK)
    return redirect(f"{address}?profile")
