"""Tasks of the control worker for data. Each is safe to run twice and concurrently."""

import logging
import tempfile

from celery import shared_task

from accounts.actors import Actor
from assets.data import cached_rows, freezing, manifests, previews, reading
from assets.data.work import DataWork
from studio import storage
from studio.errors import StudioError

logger = logging.getLogger(__name__)
WORK = "assets.tasks.work_on_data"


@shared_task(name=WORK, ignore_result=True)
def work_on_data() -> None:
    """Execute all queued work; other workers do the same in parallel."""
    while work := DataWork.claim():
        try:
            result = ACTS[DataWork.Kind(work.kind)](work)
        except StudioError as error:
            work.end(DataWork.State.FAILED, problem=error.message)
        except (OSError, storage.Error) as error:
            logger.exception("%s failed", work)
            work.end(DataWork.State.FAILED, problem=f"{type(error).__name__}: {error}"[:500])
        else:
            work.end(DataWork.State.COMPLETED, progress=1, **result)


@shared_task(name="assets.tasks.delete_unused_rows", ignore_result=True)
def delete_unused_rows() -> None:
    cached_rows.delete_unused()


def _add_hashes(work: DataWork) -> dict:
    return {"result": {"encodings": manifests.add_hashes(work.version.manifest, work.report)}}


def _profile(work: DataWork) -> dict:
    return _read_all(work, act="profile")


def _check_quality(work: DataWork) -> dict:
    asset = work.version.asset
    return _read_all(work, act="quality", rules=asset.quality_rules if asset else [])


def _read_all(work: DataWork, **request) -> dict:
    """Let a process read all rows of the version."""
    version = work.version
    sources = previews.list_sources(version.workspace, version.definition)
    is_parquet = version.definition["steps"][0]["type"] == "read_parquet"
    with tempfile.TemporaryDirectory(prefix="lazuli-profile-") as folder:
        copies = reading.fetch_all(version.workspace, sources, folder, is_parquet, work.report)
        found = reading.read_copies(version.definition, copies, reading.FULL, work.report, **request)
    return {"result": found, "manifest_digest": manifests.digest_of(sources)}


def _freeze(work: DataWork) -> dict:
    assert work.created_by is not None
    made = freezing.freeze_version(Actor(work.created_by), work.version, work.report)
    return {"result": {"version": made.version}}


def _copy_rows(work: DataWork) -> dict:
    cached_rows.write_rows(work.version, work.report)
    return {}


ACTS = {
    DataWork.Kind.HASHES: _add_hashes,
    DataWork.Kind.PROFILE: _profile,
    DataWork.Kind.FREEZE: _freeze,
    DataWork.Kind.QUALITY: _check_quality,
    DataWork.Kind.ROWS: _copy_rows,
}
