"""The tabs of a version: details, artifacts, metrics; its files one by one and as an archive."""

import functools

from django.views.decorators.http import require_safe

from registry import data_lineage, signatures, version_files
from registry.models import ModelVersion, PromotionRule
from registry.pages.access import find_version, render_tab
from runs.files import archives, previews
from runs.models import Run
from runs.pages import file_tree
from runs.pages.run.file_views import answer_file
from studio.errors import Invalid
from studio.markdown import render_markdown


@require_safe
def version_detail(request, slug: str, name: str, number: int):
    version = find_version(request, slug, name, number)
    files = version_files.files_of(version)
    about = signatures.read_description(files)
    rules = PromotionRule.objects.filter(workspace=version.workspace, model_name__in=["", name])
    more = {
        "about": about,
        "example": signatures.read_example(files, about),
        "example_text": signatures.format_example(files, about),
        "is_mlflow": files is not None and not files.is_file and files.find(signatures.FILE) is not None,
        "is_edited": bool(version.own_folder),
        "description": render_markdown(version.description) if version.description else "",
        "tags_text": "\n".join(f"{key}: {value}" if value else key for key, value in version.tags.items()),
        "aliases": version.aliases,
        "other_aliases": sorted(set(version.model.aliases) - set(version.aliases)),
        "stages": version.Stage.values,
        "rules": rules,
        "reserved": sorted({(rule.kind, rule.name) for rule in rules}),
        "requests": version.promotion_requests.open().select_related("created_by"),
        "copies": _list_copies(version),
        "samples": data_lineage.list_samples(version),
    }
    return render_tab(request, version, "details", **more)


@require_safe
def version_data(request, slug: str, name: str, number: int):
    """The data that its job read, and that it was registered with."""
    version = find_version(request, slug, name, number)
    return render_tab(request, version, "data", data=data_lineage.list_data(version))


def _list_copies(version: ModelVersion) -> list[ModelVersion]:
    source = f"models:/{version.model.name}/{version.number}"
    rows = ModelVersion.objects.present().with_source([source]).select_related("model__workspace")
    return [row for row in rows if row.source == source and row.workspace_id == version.workspace_id][:20]


@require_safe
def version_artifacts(request, slug: str, name: str, number: int):
    """`?path=` selects a file of the model, by default its description."""
    version = find_version(request, slug, name, number)
    files = version_files.files_of(version)
    if files is None:
        return render_tab(request, version, "artifacts")
    path = request.GET.get("path", "")
    row = files.find(path or signatures.FILE) or (None if path else files.rows.order_by("path").first())
    if path and row is None:
        raise Invalid(f"The model has no file {path[:1000]!r}.", target="path")
    chosen = files.relative(row.path) if row else ""
    stored = file_tree.list_first_files(files.rows, row.path if row else "")
    tree = file_tree.build_file_tree([(files.relative(path), size) for path, size in stored], chosen)
    count = files.rows.count()
    more = {"tree": tree, "left_out": count - len(stored), "file_count": count, "total": files.size()}
    if row:
        more |= {"file": {"path": chosen, "size": row.size}, "preview": _preview(row, chosen)}
    return render_tab(request, version, "artifacts", tree_width=file_tree.read_width(request), **more)


def _preview(row, path: str) -> previews.FilePreview:
    def read(length: int) -> bytes:
        return version_files.read_bytes(row, length)

    found = previews.make_preview(path, version_files.content_type_of(row), row.size, read)
    return previews.preview_code(path, row.size, read) if found.kind == "log" else found


@require_safe
def version_file(request, slug: str, name: str, number: int):
    """The bytes of a file or of a range; `?download` makes it an attachment."""
    files = version_files.files_of(find_version(request, slug, name, number))
    path = request.GET.get("path", "")
    row = files.find(path) if files else None
    if row is None:
        raise Invalid(f"The model has no file {path[:1000]!r}.", target="path")
    kind = version_files.content_type_of(row)
    return answer_file(
        request, path, row.size, kind, lambda start, length: version_files.stream_file(row, start, length)
    )


@require_safe
def version_zip(request, slug: str, name: str, number: int):
    version = find_version(request, slug, name, number)
    files = version_files.files_of(version)
    if files is None:
        raise Invalid("The files of this model are not here.")
    content = ((path, row.size, functools.partial(version_files.stream_file, row)) for path, row in files)
    return archives.respond_with_plain_zip(content, f"{name}-{number}")


@require_safe
def version_metrics(request, slug: str, name: str, number: int):
    version = find_version(request, slug, name, number)
    logged = version.logged_model
    run = version.run if version.run and version.run.deleted_at is None else None
    more = {"run": run, "logged": logged.metrics if logged else [], "series": _list_series(run) if run else []}
    more["parameters"] = list(run.parameter_rows.all()) if run else []
    return render_tab(request, version, "metrics", **more)


def _list_series(run: Run) -> list:
    """Metrics with single numbers; all others are on the page of the job."""
    return list(run.metrics.exclude(last=None).order_by("name")[:500])
