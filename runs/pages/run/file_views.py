"""Outputs, logs and code of a run: trees, previews, ranged reads, search and downloads."""

import re

from django.db.models import Count, Sum
from django.db.models.functions import Coalesce
from django.http import JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from runs.files import archives, artifacts, logs, previews, ranges, snapshots
from runs.models import Artifact, Run
from runs.pages import file_tree
from runs.pages.access import find_run
from runs.pages.run.forms import ByteRange
from runs.pages.run.views import tab_context
from studio import storage
from studio.errors import Invalid
from studio.formats import format_bytes
from studio.forms import cleaned_or_invalid

FIRST_LOGS = ("user_logs/std_log.txt", "user_logs/std_log_process_0.txt")
# Without JavaScript, the end of a log is shown.
TAIL = 64 * 1024
# No file has an offset with more digits.
RANGE = re.compile(r"bytes=([0-9]{1,18})-([0-9]{0,18})")
# A report may run its own scripts in a sandbox: without our origin it has no cookies and cannot reach our pages, and it may
# not connect anywhere. Interactive reports often load their libraries from these CDNs.
LIBRARIES = "https://cdn.plot.ly https://cdn.bokeh.org https://cdn.jsdelivr.net https://cdnjs.cloudflare.com"
REPORT = (
    f"sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' data: blob: {LIBRARIES}; "
    f"style-src 'unsafe-inline' {LIBRARIES}; img-src data: blob:; font-src data: {LIBRARIES}; worker-src blob:; "
    "connect-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
# Other files of users cannot run scripts or fetch anything.
SANDBOX = "sandbox; default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; font-src data:; frame-ancestors 'self'"
# A browser's reader of PDF does not start in a sandbox. It runs apart from our origin, and the file may fetch nothing.
DOCUMENT = (
    "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'"
)
POLICIES = {"text/html": REPORT, previews.PDF: DOCUMENT}


@require_safe
def run_files(request, slug, run_id):
    """`?path=` selects a file, by default the log."""
    run = find_run(request, slug, run_id)
    wanted = request.GET.get("path", "")
    chosen = _requested_file(run, wanted)
    path = chosen.path if chosen else ""
    files = file_tree.list_first_files(run.artifacts.all(), path)
    folders = file_tree.build_file_tree(files, path, file_tree.OPEN_FOLDERS)
    sums = run.artifacts.aggregate(file_count=Count("pk"), total=Coalesce(Sum("size"), 0))
    more = {"tree": folders, "file": chosen, "left_out": sums["file_count"] - len(files), **sums}
    more |= {"tree_width": file_tree.read_width(request), "notes": _describe_missing(wanted, path)}
    if chosen:
        more["preview"] = previews.make_preview(
            chosen.path, chosen.content_type, chosen.size, lambda length: artifacts.read_bytes(chosen, 0, length)
        )
        if more["preview"].kind == "log":
            more["tail"] = logs.read_tail(chosen, TAIL)
    return render(request, "runs/run_files.html", tab_context(request, run, "logs", **more))


def _requested_file(run: Run, path: str) -> Artifact | None:
    """The requested file, else the script's log, else the first file."""
    if path and (found := run.artifacts.filter(path=path).first()):
        return found
    logs_first = {file.path: file for file in run.artifacts.filter(path__in=FIRST_LOGS)}
    return next((logs_first[name] for name in FIRST_LOGS if name in logs_first), run.artifacts.order_by("path").first())


def _describe_missing(wanted: str, shown: str) -> list[str]:
    """A note on a file that the address names and the job does not have."""
    if not wanted or wanted == shown:
        return []
    return [f"This job has no file {wanted[:200]!r}.{f' {shown} is shown instead.' if shown else ''}"]


@require_safe
def run_file(request, slug, run_id):
    """The bytes of a file or of a range; `?download` makes it an attachment."""
    file = _get_file(request, slug, run_id)

    def read(start: int, length: int):
        return artifacts.read_artifact(file, start, length)

    return answer_file(request, file.path, file.size, file.content_type, read)


def answer_file(request, path: str, size: int, content_type: str, read):
    """The bytes of a user's file, as a page may show them; `read(start, length)` gives them."""
    start, length = _parse_range(request, size)
    whole = request.headers.get("Range") is None
    content = [] if request.method == "HEAD" else read(start, length)
    response = ranges.stream_response(content, length, 200 if whole else 206)
    response.headers["Accept-Ranges"] = "bytes"
    if not whole:
        response.headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{size}"
    return _add_safety_headers(request, response, path, content_type)


def _add_safety_headers(request, response, path: str, content_type: str):
    """Users' files are never active on our origin, and inline only if they are harmless."""
    inline = "download" not in request.GET
    shown = content_type in previews.IMAGES | previews.MEDIA | {previews.PDF, "text/html"}
    kind = content_type if shown else "text/plain; charset=utf-8"
    response.headers["Content-Type"] = kind if inline else "application/octet-stream"
    response.headers["Content-Security-Policy"] = POLICIES.get(kind, SANDBOX) if inline else SANDBOX
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-cache"
    return set_filename(response, path.rsplit("/", 1)[-1], inline)


def set_filename(response, name: str, inline: bool = False):
    response.headers["Content-Disposition"] = content_disposition_header(not inline, name)
    return response


def _parse_range(request, size: int) -> tuple[int, int]:
    header = request.headers.get("Range")
    if header is None:
        return 0, size
    match = RANGE.fullmatch(header.strip())
    if not match:
        raise Invalid(f"Range: {header[:100]}: write bytes=START-END or bytes=START-.", target="Range")
    start, end = int(match[1]), min(int(match[2] or size - 1), size - 1)
    if start >= size or end < start:
        raise RangeNotSatisfiable(f"The file has {size} bytes; {header} starts beyond its end.", target="Range")
    return start, end - start + 1


class RangeNotSatisfiable(Invalid):
    status, code = 416, "RangeNotSatisfiable"


@require_safe
def run_file_state(request, slug, run_id):
    """The current size of a file and whether it may still grow; with `?start=`, also the number of lines before that byte."""
    file = _get_file(request, slug, run_id)
    start = cleaned_or_invalid(ByteRange(request.GET))["start"]
    state = {"size": file.size, "sizeText": format_bytes(file.size), "active": file.run.is_active}
    return JsonResponse(
        state if start is None else {**state, "line": logs.count_lines_before(file, min(start, file.size))}
    )


@require_safe
def run_file_search(request, slug, run_id):
    """The lines of a file that contain `?q=`, from byte `?start=`."""
    file = _get_file(request, slug, run_id)
    options = cleaned_or_invalid(ByteRange(request.GET))
    if not options["q"]:
        raise Invalid("q: enter the text to search for.", target="q")
    return JsonResponse(logs.search_log(file, options["q"], options["start"] or 0))


def _get_file(request, slug, run_id) -> Artifact:
    run = find_run(request, slug, run_id)
    path = cleaned_or_invalid(ByteRange(request.GET))["path"]
    return get_object_or_404(Artifact.objects.select_related("run"), run=run, path=path)


@require_safe
def run_files_zip(request, slug, run_id):
    run = find_run(request, slug, run_id)
    files = (
        (file.path, file.size, artifacts.read_artifact(file)) for file in run.artifacts.order_by("path").iterator()
    )
    return archives.respond_with_zip(files, run.run_id)


@require_safe
def run_code(request, slug, run_id):
    run = find_run(request, slug, run_id)
    if run.snapshot is None:
        return render(request, "runs/run_code.html", tab_context(request, run, "code"))
    files = {entry["path"]: entry["size"] for entry in run.snapshot.files}
    wanted = request.GET.get("path", "")
    chosen = wanted if wanted in files else _start_script(run, files)
    shown = sorted(files.items())[: file_tree.MAX_FILES]
    more = {"tree": file_tree.build_file_tree(shown, chosen), "path": chosen, "snapshot": run.snapshot}
    more |= {"left_out": len(files) - len(shown), "tree_width": file_tree.read_width(request)}
    more["notes"] = _describe_missing(wanted, chosen)
    if chosen:
        more["preview"] = previews.make_preview(
            chosen, "text/plain", files[chosen], lambda length: snapshots.read_file(run.snapshot, chosen, length)
        )
        if more["preview"].kind in previews.WITH_ADDRESS | {"log", "table"}:
            more["preview"] = previews.preview_code(
                chosen, files[chosen], lambda length: snapshots.read_file(run.snapshot, chosen, length)
            )
    return render(request, "runs/run_code.html", tab_context(request, run, "code", **more))


def _start_script(run: Run, files: dict) -> str:
    """The start script of the run, else the first file."""
    script = (run.job.get("runDefinition") or {}).get("script", "")
    words = run.job.get("commandArgv") or str(run.job.get("command") or "").split()
    return next((word for word in [script, *words] if word in files), next(iter(sorted(files)), ""))


@require_safe
def run_code_zip(request, slug, run_id):
    run = find_run(request, slug, run_id)
    if run.snapshot is None:
        raise Invalid("The run has no code: it was not submitted with a source directory.")
    response = ranges.stream_response(storage.stream_object(run.snapshot.key, 0, run.snapshot.size), run.snapshot.size)
    response.headers["Content-Type"] = "application/zip"
    return set_filename(response, f"{run.run_id}-code.zip")
