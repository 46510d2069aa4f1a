"""`lazuli computetarget …`"""

from __future__ import annotations

import argparse
from argparse import Namespace

from lazuli import computes
from lazuli.cli.output import Answer, Json
from lazuli.cli.parser import (
    CommandGroup,
    UsageError,
    add_tags_argument,
    add_yes_argument,
    confirm_deletion,
    parse_pairs,
)
from lazuli.cli.workspace_options import add_workspace_arguments, find_workspace

COLUMNS = ("name", "type", "provisioningState", "state", "vmSize", "nodes", "minNodes", "maxNodes")
NODE_COLUMNS = ("nodeId", "nodeState", "runId", "privateIpAddress")
SCHEDULE_COLUMNS = ("action", "status", "triggerType", "expression", "frequency", "schedule", "timeZone")
EXAMPLE = "-n cpu-cluster --max-nodes 4 --vm-size STANDARD_DS11_V2"


def add_commands(resources: CommandGroup) -> None:
    group = resources.add_group("computetarget", "Compute targets.")
    _add_create(group.add_group("create", "Create a compute target."))
    _add_update(group.add_group("update", "Change a compute target."))
    _add_instance_group(
        group.add_group("computeinstance", "Start, stop, restart and resize compute instances, also by schedules.")
    )
    parser = group.add_command(
        "list", list_computes, "List the compute targets.", "\n-w aml-workspace -g aml-resources"
    )
    add_workspace_arguments(parser)
    for name, run, help in (
        ("show", show_compute, "Show one compute target."),
        ("nodes", list_nodes, "List the nodes of a cluster and what each of them runs."),
        ("delete", delete_compute, "Delete a compute target."),
    ):
        parser = group.add_command(name, run, help, "-n cpu-cluster")
        _add_name_argument(parser)
        add_workspace_arguments(parser)
        if name == "delete":
            add_yes_argument(parser)


def _add_instance_group(group: CommandGroup) -> None:
    for name, help in (
        ("start", "Start a stopped compute instance."),
        ("stop", "Stop a compute instance; its files stay."),
        ("restart", "Restart a running compute instance."),
    ):
        parser = group.add_command(name, operate_instance, help, "-n my-instance")
        _add_name_argument(parser)
        add_workspace_arguments(parser)
        parser.add_argument("--no-wait", action="store_true", help="return before it is done")
        parser.set_defaults(operation=name)
    parser = group.add_command(
        "resize", resize_instance, "Give a stopped compute instance another size.", "-n my-instance -s STANDARD_DS3_V2"
    )
    _add_name_argument(parser)
    add_workspace_arguments(parser)
    parser.add_argument("-s", "--vm-size", required=True, help="its new size, such as STANDARD_DS3_V2")
    parser = group.add_command(
        "schedules", list_schedules, "List the schedules of a compute instance.", "-n my-instance"
    )
    _add_name_argument(parser)
    add_workspace_arguments(parser)
    _add_set_schedules(group)


def _add_set_schedules(group: CommandGroup) -> None:
    parser = group.add_command(
        "set-schedules",
        set_schedules,
        "Replace the schedules of a compute instance (at most four).",
        "-n my-instance --start '0 8 * * 1-5' --stop '0 18 * * 1-5' --time-zone Europe/Berlin",
    )
    _add_name_argument(parser)
    add_workspace_arguments(parser)
    for action in ("start", "stop"):
        parser.add_argument(
            f"--{action}",
            action="append",
            default=[],
            metavar="CRON",
            help="minute, hour, day of month, month, day of week; may be repeated",
        )
    parser.add_argument("--time-zone", default="UTC", metavar="ZONE", help="such as Europe/Berlin (default: UTC)")
    parser.add_argument("--none", action="store_true", help="remove all schedules")


def _add_create(group: CommandGroup) -> None:
    parser = group.add_command("amlcompute", create_cluster, "Create a compute cluster.", EXAMPLE)
    _add_name_argument(parser)
    add_workspace_arguments(parser)
    parser.add_argument("--max-nodes", type=int, required=True, help="maximum number of nodes")
    parser.add_argument("--min-nodes", type=int, default=0, help="nodes that are never released (default: 0)")
    parser.add_argument("--idle-seconds-before-scaledown", type=int, default=1800, metavar="SECONDS")
    parser.add_argument("-s", "--vm-size", default="", help="size of a node, such as STANDARD_DS11_V2")
    parser.add_argument("-p", "--vm-priority", choices=tuple(computes.PRIORITIES), default="dedicated")
    parser.add_argument("-l", "--location")
    parser.add_argument("--description")
    parser.add_argument("--no-wait", action="store_true", help="return before the cluster is ready")
    add_tags_argument(parser)
    _add_create_instance(group)


def _add_create_instance(group: CommandGroup) -> None:
    parser = group.add_command(
        "computeinstance", create_instance, "Create a compute instance.", "-n my-instance --idle-minutes 60"
    )
    _add_name_argument(parser)
    add_workspace_arguments(parser)
    parser.add_argument("-s", "--vm-size", default="", help="size of its machine, such as STANDARD_DS11_V2")
    parser.add_argument("-l", "--location")
    parser.add_argument("--description")
    parser.add_argument("--user", help="account of the person it is for (default: your own)")
    parser.add_argument("--idle-minutes", type=int, metavar="MINUTES", help="stop it after this much idle time")
    parser.add_argument("--stopped", action="store_true", help="do not start it yet")
    parser.add_argument("--no-wait", action="store_true", help="return before it runs")
    add_tags_argument(parser)


def _add_update(group: CommandGroup) -> None:
    parser = group.add_command(
        "amlcompute", update_cluster, "Change how a cluster scales.", "-n cpu-cluster --max-nodes 8"
    )
    _add_name_argument(parser)
    add_workspace_arguments(parser)
    parser.add_argument("--max-nodes", type=int)
    parser.add_argument("--min-nodes", type=int)
    parser.add_argument("--idle-seconds-before-scaledown", type=int, metavar="SECONDS")


def _add_name_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-n", "--name", required=True, help="name of the compute target")


def create_cluster(options: Namespace) -> Answer:
    scale = (options.min_nodes, options.max_nodes, options.idle_seconds_before_scaledown)
    computes.check_compute_name(options.name)
    computes.check_cluster_settings(options.vm_priority, *scale)
    workspace = find_workspace(options)
    body = computes.cluster_body(
        location=options.location or workspace.resource["location"],
        vm_size=options.vm_size,
        vm_priority=options.vm_priority,
        scale=computes.scale_settings(*scale),
        description=options.description,
        tags=parse_pairs(options.tags),
    )
    resource = computes.create_compute(workspace, options.name, body)
    if not options.no_wait:
        resource = computes.wait_for_provisioning(workspace, options.name)
        computes.check_provisioned(resource)
    return _describe(resource)


def create_instance(options: Namespace) -> Answer:
    workspace = find_workspace(options)
    body = computes.instance_body(
        location=options.location or workspace.resource["location"],
        vm_size=options.vm_size,
        description=options.description,
        tags=parse_pairs(options.tags),
        assigned_user=options.user,
        idle_minutes=options.idle_minutes,
        is_stopped=options.stopped,
    )
    resource = computes.create_compute(workspace, options.name, body)
    if not (options.no_wait or options.stopped):
        resource = computes.wait_for_instance(workspace, options.name, ("Running", "CreateFailed"))
    return _describe(resource)


def operate_instance(options: Namespace) -> Answer:
    """Start, stop or restart an instance, as the command is named."""
    workspace = find_workspace(options)
    computes.operate_instance(workspace, options.name, options.operation)
    if options.no_wait:
        return _describe(computes.get_compute(workspace, options.name))
    wanted = "Stopped" if options.operation == "stop" else "Running"
    return _describe(computes.wait_for_instance(workspace, options.name, (wanted, "CreateFailed")))


def resize_instance(options: Namespace) -> Answer:
    workspace = find_workspace(options)
    computes.operate_instance(workspace, options.name, "resize", {"targetVMSize": options.vm_size})
    return _describe(computes.get_compute(workspace, options.name))


def list_schedules(options: Namespace) -> Answer:
    return _describe_schedules(computes.get_compute(find_workspace(options), options.name))


def set_schedules(options: Namespace) -> Answer:
    schedules = [
        computes.cron_schedule(action, expression, options.time_zone)
        for action, expressions in (("Start", options.start), ("Stop", options.stop))
        for expression in expressions
    ]
    if bool(schedules) == options.none:
        raise UsageError("name the new schedules by --start and --stop, or remove all by --none")
    workspace = find_workspace(options)
    computes.update_schedules(workspace, options.name, schedules)
    return _describe_schedules(computes.get_compute(workspace, options.name))


def _describe_schedules(resource: Json) -> Answer:
    if resource["properties"]["computeType"] != computes.INSTANCE:
        raise UsageError(f"{resource['name']!r} is not a compute instance")
    found = resource["properties"]["properties"]["schedules"]["computeStartStop"]
    rows = [{**row, **(row["cron"] or row["recurrence"])} for row in found]
    return Answer(rows, SCHEDULE_COLUMNS)


def update_cluster(options: Namespace) -> Answer:
    given = (options.min_nodes, options.max_nodes, options.idle_seconds_before_scaledown)
    if given == (None, None, None):
        raise UsageError("name what to change: --min-nodes, --max-nodes or --idle-seconds-before-scaledown")
    workspace = find_workspace(options)
    resource = computes.get_compute(workspace, options.name)
    if resource["properties"]["computeType"] != computes.CLUSTER:
        raise UsageError(f"{options.name!r} is not a compute cluster")
    settings = dict(resource["properties"]["properties"]["scaleSettings"])
    settings.update((name, value) for name, value in computes.scale_settings(*given).items() if value is not None)
    body = {"properties": {"properties": {"scaleSettings": settings}}}
    return _describe(computes.update_compute(workspace, options.name, body))


def list_computes(options: Namespace) -> Answer:
    found = computes.list_computes(find_workspace(options))
    return Answer([_to_row(resource) for resource in found], COLUMNS)


def show_compute(options: Namespace) -> Answer:
    return _describe(computes.get_compute(find_workspace(options), options.name))


def list_nodes(options: Namespace) -> Answer:
    return Answer(computes.list_nodes(find_workspace(options), options.name), NODE_COLUMNS)


def delete_compute(options: Namespace) -> None:
    workspace = find_workspace(options)
    name = computes.get_compute(workspace, options.name)["name"]
    confirm_deletion(options, "compute target", name)
    computes.delete_compute(workspace, name)


def _describe(resource: Json) -> Answer:
    return Answer({**resource, **_to_row(resource)}, COLUMNS)


def _to_row(resource: Json) -> Json:
    properties = resource["properties"]
    cluster = properties.get("properties") or {}
    scale = cluster.get("scaleSettings") or {}
    return {
        "name": resource["name"],
        "type": properties["computeType"],
        "provisioningState": properties.get("provisioningState"),
        "state": cluster.get("state"),
        "vmSize": cluster.get("vmSize"),
        "nodes": cluster.get("currentNodeCount"),
        "minNodes": scale.get("minNodeCount"),
        "maxNodes": scale.get("maxNodeCount"),
    }
