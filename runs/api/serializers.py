"""Experiments, runs, jobs and files as the API tells them."""

import datetime as dt

from django.conf import settings

from runs.files import links
from runs.models import Artifact, Experiment, MetricSeries, Run, Snapshot

JOB_TYPE = "Microsoft.MachineLearningServices/workspaces/jobs"
LOG_FOLDERS = ("user_logs/", "azureml-logs/", "system_logs/", "logs/")


def moment(value: dt.datetime | None) -> str | None:
    return value and value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def experiment(row: Experiment) -> dict:
    return {
        "experimentId": str(row.experiment_id),
        "name": row.name,
        "description": row.description,
        "tags": row.tags,
        "createdUtc": moment(row.created_at),
        "archivedTime": moment(row.archived_at),
        "portalUrl": settings.PUBLIC_URL + row.get_absolute_url(),
    }


def run(row: Run) -> dict:
    who = row.created_by.label if row.created_by else None
    return {
        "runId": row.run_id,
        "runNumber": row.number,
        "experimentName": row.experiment.name,
        "experimentId": str(row.experiment.experiment_id),
        "displayName": row.display_name,
        "description": row.description,
        "status": row.status,
        "runType": row.run_type or None,
        "parentRunId": row.parent and row.parent.run_id,
        "rootRunId": row.root.run_id if row.root else row.run_id,
        "target": row.target_name or None,
        "tags": row.tags,
        "properties": row.properties,
        "parameters": row.parameters,
        "error": row.error or None,
        "warnings": row.warnings,
        "createdUtc": moment(row.created_at),
        "startTimeUtc": moment(row.started_at),
        "endTimeUtc": moment(row.ended_at),
        "duration": row.duration,
        "createdBy": {"userName": who},
        "submittedBy": who,
        "hidden": False,
        "portalUrl": settings.PUBLIC_URL + row.get_absolute_url(),
        "node": row.node_name or None,
        "cancelRequested": cancel_requested(row),
    }


def cancel_requested(row: Run) -> bool:
    return row.status in (Run.Status.CANCEL_REQUESTED, Run.Status.CANCELED)


def details(row: Run, place: str) -> dict:
    """`place` is the address of the run, for the links to its logs."""
    logs = [path for path in row.artifacts.values_list("path", flat=True) if path.startswith(LOG_FOLDERS)]
    return {
        **run(row),
        "runDefinition": definition(row),
        "logFiles": {path: links.signed(row, path, place) for path in logs},
        "inputDatasets": [],
        "outputDatasets": [],
        "services": {},
        "events": [
            {"status": event.status, "time": moment(event.at), "message": event.message} for event in row.events.all()
        ],
        "snapshotId": str(row.snapshot.snapshot_id) if row.snapshot else None,
    }


def definition(row: Run) -> dict:
    """SDK v1's run configuration; what comes nearest to it for a job that another client made."""
    job = row.job
    if not job or job.get("runDefinition"):
        return job.get("runDefinition") or {}
    return {
        "command": job.get("commandArgv") or job.get("command"),
        "target": row.target_name,
        "environment": job.get("environmentDefinition"),
        "environmentVariables": job.get("environmentVariables") or {},
    }


def job(row: Run) -> dict:
    told = run(row)
    status = {key: told[key] for key in ("status", "runId", "tags", "properties", "displayName", "description")}
    link = {"endpoint": told["portalUrl"], "jobServiceType": "Studio", "status": None}
    created = {"createdBy": told["submittedBy"], "createdAt": told["createdUtc"]}
    properties = {
        "jobType": "Command",
        **row.job,
        **status,
        "experimentName": told["experimentName"],
        "computeId": row.job.get("computeId") or row.target_name or None,
        "parentRunId": told["parentRunId"],
        "error": told["error"],
        "services": {"Studio": link},
        "creationContext": created,
    }
    arm_id = f"{row.workspace.arm_id}/jobs/{row.run_id}"
    return {"id": arm_id, "name": row.run_id, "type": JOB_TYPE, "properties": properties, "systemData": created}


def artifact(row: Artifact) -> dict:
    return {
        "path": row.path,
        "size": row.size,
        "contentType": row.content_type,
        "createdUtc": moment(row.created_at),
        "updatedUtc": moment(row.updated_at),
        "etag": etag(row),
    }


def etag(row: Artifact) -> str:
    return f"{row.pk}-{row.size}-{int(row.updated_at.timestamp() * 1e6):x}"


def snapshot(row: Snapshot) -> dict:
    return {"id": str(row.snapshot_id), "hash": row.digest, "size": row.size, "files": row.files}


def series(row: MetricSeries, run_id: str, values: list) -> dict:
    if row.kind not in (MetricSeries.Kind.SCALAR, MetricSeries.Kind.LIST, MetricSeries.Kind.TABLE):
        values = [f"aml://artifactId/ExperimentRun/dcid.{run_id}/{path}" for path in values]
    return {"runId": run_id, "name": row.name, "kind": row.kind, "count": row.count, "values": values}
