"""Saving, registering and finding datasets."""

import json
import re
import uuid

import yaml
from django.db import IntegrityError, transaction
from django.http import Http404
from lazuli.data import mltable
from lazuli.data.definitions import check_definition, find_step
from lazuli.data.errors import DatasetValidationError

from accounts import activity
from accounts.actors import Actor
from assets.data import azure_addresses, manifests, previews, quality, rules, share_files
from assets.data.models import DataAsset, Datastore, DataVersion
from assets.data.work import DataWork
from studio.errors import Conflict, Denied, Invalid
from studio.formats import digest_json
from studio.rules import DESCRIPTION, TAGS
from studio.yaml_text import load_yaml
from workspaces import access
from workspaces.models import Workspace

AUTO, LATEST = "auto", "latest"
MAX_DEFINITION_BYTES = 512 * 1024
TRIES = 10
# The version of a saved dataset that was never registered.
VERSION = re.compile(r"[a-zA-Z0-9][\w.-]{0,29}", re.ASCII)
# The addresses of v2: in a datastore, or on the web.
DATASTORE_URI = re.compile(r"azureml://(?:.*/)?datastores/(?P<datastore>[^/]+)/paths/(?P<path>.*)")


def check_dataset(workspace: Workspace, definition) -> dict:
    """Return the definition if its steps are valid and its datastores exist."""
    if len(json.dumps(definition)) > MAX_DEFINITION_BYTES:
        raise Invalid(f"The definition is larger than {MAX_DEFINITION_BYTES // 1024} KB.", target="definition")
    try:
        check_definition(definition)
    except DatasetValidationError as error:
        raise Invalid(error.message, target=f"definition/{error.path}".rstrip("/")) from error
    wanted = {path["datastore"].lower() for path in definition["paths"] if "datastore" in path}
    there = {row.name.lower(): row for row in Datastore.objects.of(workspace)}
    if missing := sorted(wanted - there.keys()):
        raise Invalid(f"There is no datastore {missing[0][:100]!r} in {workspace.name}.", target="definition/paths")
    is_query = find_step(definition, "read_sql") is not None
    for name in sorted(wanted):
        if there[name].is_database != is_query:
            text = "is not a database; a query needs one" if is_query else "is a database; read it with a query"
            raise Invalid(f"The datastore {there[name].name} {text}.", target="definition/paths")
    return definition


def check_query_allowed(actor: Actor, workspace: Workspace, definition: dict) -> None:
    """Who may not edit runs only the queries of saved datasets, with other steps after them. Raises Denied."""
    if not find_step(definition, "read_sql") or access.person_can(actor, "edit", workspace):
        return
    digests = [digest_json(definition), digest_json({**definition, "steps": definition["steps"][:1]})]
    if not DataVersion.objects.filter(workspace=workspace, digest__in=digests).exists():
        raise Denied("Only a person who may edit the workspace can run a query that no dataset has.")


def save_dataset(actor: Actor, workspace: Workspace, definition) -> DataVersion:
    """Save a dataset; the same definition returns the same dataset."""
    check_dataset(workspace, definition)
    digest = digest_json(definition)
    kind = definition["kind"]
    present = DataVersion.objects.filter(workspace=workspace, digest=digest, kind=kind).order_by("pk").first()
    if present:
        present.workspace = workspace
        return present
    return DataVersion.objects.create(
        workspace=workspace,
        kind=kind,
        definition=definition,
        digest=digest,
        created_by=actor.user,
        made_by_run=actor.run_id if actor.is_run else "",
    )


def register_dataset(
    actor: Actor, workspace: Workspace, name: str, version: str, fields: dict, *, create_new_version: bool = True
) -> tuple[DataVersion, bool]:
    """Register a version of a name; return it and whether it is new. `fields`: kind, definition, uri, description,
    tags, properties.

    With the version `auto` it gets the next number; the same content again is the newest version.
    """
    rules.DATA_NAME.check(name)
    definition = check_dataset(workspace, fields["definition"])
    share_files.check_common(definition)
    content = {
        "kind": fields["kind"],
        "definition": definition,
        "digest": digest_json(definition),
        "uri": fields.get("uri") or "",
        "description": DESCRIPTION.check(fields.get("description") or ""),
        "tags": TAGS.check(fields.get("tags")),
        "properties": TAGS.check(fields.get("properties")),
    }
    if version != AUTO and (not VERSION.fullmatch(version) or version.lower() == LATEST):
        text = f"{version[:60]!r} is not a version: use 1 to 30 letters, digits and . _ -, but not latest."
        raise Invalid(text, target="version")
    for _ in range(TRIES):
        present = _find_same(workspace, name, version, content, create_new_version)
        if present:
            return present, False
        try:
            with transaction.atomic():
                made = _create_version(actor, workspace, name, version, content)
            if manifests.record_manifest(made):
                DataWork.queue(made, DataWork.Kind.HASHES, actor.user)
            quality.queue_check(made, actor.user)
            return made, True
        except IntegrityError:
            # Another request took the number; try again.
            continue
    raise Conflict(f"Someone else registered {name} at the same moment. Try again.", target="version")


def _find_same(workspace, name, version, content, create_new_version) -> DataVersion | None:
    versions = DataVersion.objects.filter(asset__workspace=workspace, asset__name=name).select_related(
        "asset__workspace"
    )
    if version == AUTO:
        newest = versions.first()
        if newest is None:
            return None
        if _is_same(newest, content):
            return newest
        if not create_new_version:
            raise Conflict(
                f"There is already a dataset registered under name {name!r}. "
                "Specify create_new_version=True to register the dataset as a new version.",
                target="name",
            )
        return None
    present = versions.filter(version=version).first()
    if present and not _is_same(present, content):
        raise Conflict(f"Version {version} of {name} has other content, and a version never changes.", target="version")
    return present


def _is_same(row: DataVersion, content: dict) -> bool:
    """SDK v1 sends the steps of a data asset of v2 back without its kind."""
    return row.digest == content["digest"] and (row.kind == content["kind"] or not content["uri"])


def _create_version(actor, workspace, name, version, content) -> DataVersion:
    asset, _ = DataAsset.objects.select_for_update().get_or_create(workspace=workspace, name=name)
    asset.workspace = workspace
    number = asset.last_number + 1
    word = str(number) if version == AUTO else version
    while version == AUTO and asset.versions.filter(version=word).exists():
        word = str(int(word) + 1)
    if word.isdigit() and len(word) < 9:
        number = max(number, int(word))
    # Registering a version restores an archived asset.
    asset.last_number, asset.archived_at = number, None
    asset.save(update_fields=["last_number", "archived_at"])
    made = DataVersion.objects.create(
        workspace=workspace,
        asset=asset,
        version=word,
        number=number,
        created_by=actor.user,
        made_by_run=actor.run_id if actor.is_run else "",
        **content,
    )
    activity.record("data.create", made, actor=actor, scope=workspace)
    return made


def find_asset(workspace: Workspace, name: str) -> DataAsset:
    found = DataAsset.objects.filter(workspace=workspace, name=name).first()
    if found is None:
        raise Http404(f"There is no data asset {name!r} in {workspace.name}.")
    found.workspace = workspace
    return found


def find_version(workspace: Workspace, name: str, version: str = LATEST) -> DataVersion:
    """A version of a name, `latest` for the newest; Http404 lists those that are there."""
    rows = DataVersion.objects.filter(asset__workspace=workspace, asset__name=name).select_related(
        "asset", "created_by"
    )
    found = rows.first() if version == LATEST else rows.filter(version=version).first()
    if found is None:
        there = ", ".join(rows.values_list("version", flat=True)[:20])
        if there:
            raise Http404(f"The data asset {name} has no version {version!r}; it has {there}.")
        raise Http404(f"There is no data asset {name!r} in {workspace.name}.")
    found.workspace = found.named_asset.workspace = workspace
    return found


def find_dataset(workspace: Workspace, dataset_id: str) -> DataVersion:
    """The saved dataset with this id, registered or not."""
    try:
        found = DataVersion.objects.select_related("asset", "created_by").filter(
            workspace=workspace, dataset_id=uuid.UUID(dataset_id)
        )
    except ValueError as error:
        raise Http404(f"{dataset_id[:100]!r} is not the id of a dataset.") from error
    row = found.first()
    if row is None:
        raise Http404(f"There is no dataset with the id {dataset_id} in {workspace.name}.")
    row.workspace = workspace
    if row.asset:
        row.asset.workspace = workspace
    return row


def read_uri(workspace: Workspace, kind: str, uri: str) -> dict:
    """The definition for an address of v2."""
    found = DATASTORE_URI.fullmatch(uri)
    if found:
        path = {"datastore": found["datastore"], "path": found["path"].strip("/")}
    elif uri.startswith(("http://", "https://")):
        path = {"url": uri}
    elif there := azure_addresses.find_path(workspace, uri):
        path = there
    else:
        text = "write azureml://datastores/<datastore>/paths/<path>, or https://…"
        raise Invalid(f"{uri[:200]!r} is not an address that can be read here: {text}.", target="properties/dataUri")
    if kind == DataVersion.Kind.MLTABLE and "url" in path:
        raise Invalid("An mltable is a folder of a datastore.", target="properties/dataUri")
    if kind == DataVersion.Kind.MLTABLE:
        return _read_mltable(workspace, path["datastore"], path["path"])
    return {"kind": "file", "paths": [path], "steps": []}


def _read_mltable(workspace: Workspace, datastore: str, folder: str) -> dict:
    """The definition of the file MLTable in the folder."""
    row = Datastore.objects.of(workspace).select_related("secret").filter(name__iexact=datastore).first()
    if row is None:
        raise Invalid(f"There is no datastore {datastore[:100]!r} in {workspace.name}.", target="properties/dataUri")
    row.workspace = workspace
    path = f"{folder}/{mltable.FILE_NAME}" if folder else mltable.FILE_NAME
    files = share_files.open_files(row)
    try:
        size = files.find(path).size or 0
        data = files.read(path, 0, min(size, mltable.MAX_BYTES))
        content = load_yaml(data)
        definition = mltable.read_mltable(content, row.name, folder)
    except Http404 as error:
        raise Invalid(
            f"{path} does not exist: an mltable is a folder with this file.", target="properties/dataUri"
        ) from error
    except (yaml.YAMLError, RecursionError, DatasetValidationError) as error:
        raise Invalid(f"{path}: {getattr(error, 'message', error)}"[:1000], target="properties/dataUri") from error
    is_text = bool(definition["steps"]) and definition["steps"][0]["type"] == "read_delimited"
    if is_text and mltable.infers_types(content):
        check_dataset(workspace, definition)
        return previews.infer_reader(workspace, definition)
    return definition
