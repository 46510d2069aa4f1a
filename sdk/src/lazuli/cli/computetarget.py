"""`lazuli computetarget …`"""

from __future__ import annotations

import argparse
from argparse import Namespace
from typing import Any, Dict

from lazuli.cli.output import Answer
from lazuli.cli.parser import (
    Group,
    UsageError,
    confirm,
    find_workspace,
    pairs,
    takes_tags,
    takes_workspace,
    takes_yes,
)

COLUMNS = ("name", "type", "provisioningState", "vmSize", "nodes", "minNodes", "maxNodes")
NODE_COLUMNS = ("nodeId", "nodeState", "runId", "privateIpAddress")
EXAMPLE = "-n cpu-cluster --max-nodes 4 --vm-size STANDARD_DS11_V2"


def add(resources: Group) -> None:
    group = resources.group("computetarget", "Compute targets.")
    _add_create(group.group("create", "Create a compute target."))
    _add_update(group.group("update", "Change a compute target."))
    takes_workspace(group.command("list", list_, "List the compute targets.", "\n-w aml-workspace -g aml-resources"))
    for name, run, help in (
        ("show", show, "Show one compute target."),
        ("nodes", nodes, "List the nodes of a cluster and what each runs."),
        ("delete", delete, "Delete a compute target."),
    ):
        parser = group.command(name, run, help, "-n cpu-cluster")
        _takes_name(parser)
        takes_workspace(parser)
        if name == "delete":
            takes_yes(parser)


def _add_create(group: Group) -> None:
    parser = group.command("amlcompute", create, "Create a compute cluster.", EXAMPLE)
    _takes_name(parser)
    takes_workspace(parser)
    parser.add_argument("--max-nodes", type=int, required=True, help="nodes at most")
    parser.add_argument("--min-nodes", type=int, default=0, help="nodes that always stay (default: 0)")
    parser.add_argument("--idle-seconds-before-scaledown", type=int, default=1800, metavar="SECONDS")
    parser.add_argument("-s", "--vm-size", default="", help="size of a node, as STANDARD_DS11_V2")
    parser.add_argument("-p", "--vm-priority", choices=("dedicated", "lowpriority"), default="dedicated")
    parser.add_argument("-l", "--location")
    parser.add_argument("--description")
    parser.add_argument("--no-wait", action="store_true", help="return before the cluster is ready")
    takes_tags(parser)


def _add_update(group: Group) -> None:
    parser = group.command("amlcompute", update, "Change how a cluster scales.", "-n cpu-cluster --max-nodes 8")
    _takes_name(parser)
    takes_workspace(parser)
    parser.add_argument("--max-nodes", type=int)
    parser.add_argument("--min-nodes", type=int)
    parser.add_argument("--idle-seconds-before-scaledown", type=int, metavar="SECONDS")


def _takes_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-n", "--name", required=True, help="name of the compute target")


def create(options: Namespace) -> Answer:
    from azureml.core.compute import AmlCompute, ComputeTarget

    configuration = AmlCompute.provisioning_configuration(
        vm_size=options.vm_size,
        vm_priority=options.vm_priority,
        min_nodes=options.min_nodes,
        max_nodes=options.max_nodes,
        idle_seconds_before_scaledown=options.idle_seconds_before_scaledown,
        tags=pairs(options.tags),
        description=options.description,
        location=options.location,
    )
    target: Any = ComputeTarget.create(find_workspace(options), options.name, configuration)
    if not options.no_wait:
        target.wait_for_completion(min_node_count=0)
    return _answer(target)


def update(options: Namespace) -> Answer:
    changes = (options.min_nodes, options.max_nodes, options.idle_seconds_before_scaledown)
    if changes == (None, None, None):
        raise UsageError("say what shall change: --min-nodes, --max-nodes or --idle-seconds-before-scaledown")
    target = _find(options)
    if not hasattr(target, "scale_settings"):
        raise UsageError(f"{options.name!r} is no compute cluster")
    target.update(*changes)
    return _answer(target)


def list_(options: Namespace) -> Answer:
    targets = find_workspace(options).compute_targets.values()
    return Answer([row(target) for target in targets], COLUMNS)


def show(options: Namespace) -> Answer:
    return _answer(_find(options))


def nodes(options: Namespace) -> Answer:
    return Answer(_find(options).list_nodes(), NODE_COLUMNS)


def delete(options: Namespace) -> None:
    target = _find(options)
    confirm(options, "compute target", target.name)
    target.delete()


def _find(options: Namespace) -> Any:
    from azureml.core.compute import ComputeTarget

    return ComputeTarget(find_workspace(options), options.name)


def _answer(target: Any) -> Answer:
    return Answer(dict(target.serialize(), **row(target)), COLUMNS)


def row(target: Any) -> Dict[str, Any]:
    status = getattr(target, "status", None)
    scale = getattr(target, "scale_settings", None)
    return {
        "name": target.name,
        "type": target.type,
        "provisioningState": target.provisioning_state,
        "vmSize": getattr(target, "vm_size", None),
        "nodes": status and status.current_node_count,
        "minNodes": scale and scale.minimum_node_count,
        "maxNodes": scale and scale.maximum_node_count,
    }
