"""Editing the signature and the input example of a version, in its file MLmodel: MLflow's clients and services read it there.

The files of the job or the logged model stay as they are: the version gets copies of all its files, with a changed MLmodel.
"""

import json
from typing import Any

import yaml
from django.db import transaction

from accounts import activity
from accounts.actors import Actor
from registry import kept_files, signature_rules, signatures, sources
from registry.models import ModelVersion, WorkspaceFile
from registry.models.changes import update_row
from registry.version_files import ModelFiles, files_of, own_path
from studio import storage
from studio.errors import Conflict, Invalid

EXAMPLE, REQUEST = "input_example.json", "serving_input_example.json"
# MLflow's names in the file.
SIGNATURE, EXAMPLE_INFO = "signature", "saved_input_example_info"
MAX_LOGGED = 2_000


def edit_signature(actor: Actor, version: ModelVersion, signature: dict[str, list[dict]] | None) -> None:
    """Store a checked signature; without parts, the version has none."""
    files, content = _open(version)
    before = signatures.format_signature(signatures.read_signature(content))
    content.pop(SIGNATURE, None)
    if signature:
        content[SIGNATURE] = {
            part: json.dumps(signature[part]) if part in signature else None for part in signature_rules.PARTS
        }
    after = signatures.format_signature(signature or {})
    with transaction.atomic():
        _store(version, files, content, {})
        changes = {"signature": [before[:MAX_LOGGED], after[:MAX_LOGGED]]}
        activity.record("model_version.signature", version, actor=actor, scope=version.model.workspace, changes=changes)


def edit_example(actor: Actor, version: ModelVersion, example: Any) -> None:
    """Store a checked input example; for None, the version has none."""
    files, content = _open(version)
    signature = signatures.read_signature(content)
    signature_rules.check_columns_of_example(example, signature)
    before = signatures.read_example(files, signatures.describe(content))
    info = content.pop(EXAMPLE_INFO, None)
    old = [info.get(name) for name in ("artifact_path", "serving_input_path")] if isinstance(info, dict) else []
    written: dict[str, bytes | None] = dict.fromkeys([*filter(None, old), EXAMPLE, REQUEST])
    if example is not None:
        info, request = _describe_example(example, signature)
        content[EXAMPLE_INFO] = {"artifact_path": EXAMPLE, **info, "serving_input_path": REQUEST}
        written |= {EXAMPLE: _to_json(example), REQUEST: _to_json(request)}
    with transaction.atomic():
        _store(version, files, content, written)
        changes = {"input_example": [before[:MAX_LOGGED], _to_json(example).decode()[:MAX_LOGGED]]}
        activity.record("model_version.example", version, actor=actor, scope=version.model.workspace, changes=changes)


def _describe_example(example: Any, signature: dict[str, list[dict]]) -> tuple[dict[str, str], Any]:
    """How MLflow's clients read the example, and the body of a request with it."""
    if signature_rules.is_table(example):
        return {"type": "dataframe", "pandas_orient": "split"}, {"dataframe_split": example}
    is_tensor = any(column.get("type") == "tensor" for column in signature.get(signature_rules.INPUTS, []))
    return {"type": "ndarray" if is_tensor else "json_object"}, {"inputs": example}


def _to_json(value: Any) -> bytes:
    return b"" if value is None else json.dumps(value, ensure_ascii=False).encode()


def _open(version: ModelVersion) -> tuple[ModelFiles, dict]:
    files = files_of(version)
    row = files.find(signatures.FILE) if files and not files.is_file else None
    if files is None or row is None:
        text = f"{version} has no file MLmodel: only MLflow models have a signature and an input example."
        raise Invalid(text, target="signature")
    return files, signatures.read_content(row)


def _store(version: ModelVersion, files: ModelFiles, content: dict, written: dict[str, bytes | None]) -> None:
    """Give the version files of its own, with this MLmodel and these files; None is for one that it no longer has."""
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True).encode()
    if len(text) > signatures.MAX_BYTES:
        raise Invalid(f"The file MLmodel would have {len(text):,} bytes; {signatures.MAX_BYTES:,} are allowed.")
    written = {**written, signatures.FILE: text}
    before, folder = version.own_folder, sources.new_upload_folder()
    rows = kept_files.copy_files(version, files, folder, without=written)
    for path, data in written.items():
        if data is not None:
            full_path = f"{own_path(version, folder)}/{path}"
            row = WorkspaceFile.build(version.workspace, full_path, len(data), version.made_by_run)
            storage.put_bytes(row.key, data)
            rows.append(row)
    if not kept_files.replace_files(version, folder, rows):
        raise Conflict(f"The files of {version} were changed at the same moment. Reload the page and edit again.")
    update_row(version)
    if before:
        _delete_folder(version, before)


def _delete_folder(version: ModelVersion, folder: str) -> None:
    """Delete the files that the version had before, unless another version was registered from there."""
    if ModelVersion.objects.filter(workspace=version.workspace, source__contains=folder).exists():
        return
    keys = WorkspaceFile.objects.remove(list(version.workspace.artifact_files.below(folder)))
    transaction.on_commit(lambda: storage.delete_keys(keys))
