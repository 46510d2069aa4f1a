"""Hosts, compute targets, their nodes, and the work queue. A unit of work is a process with an environment on a node."""

from compute.models.attached import AttachedMachine
from compute.models.attachments import SshAttachment
from compute.models.builds import ServiceBuild
from compute.models.hosts import Host, JoinToken
from compute.models.instances import ApplicationSession, ComputeInstance
from compute.models.nodes import Node
from compute.models.samples import Samples
from compute.models.schedules import ComputeSchedule
from compute.models.sizes import VmSize
from compute.models.targets import Cluster, ComputeTarget, Scale
from compute.models.work import Assignment, Resources, Work

__all__ = [
    "ApplicationSession",
    "Assignment",
    "AttachedMachine",
    "Cluster",
    "ComputeInstance",
    "ComputeSchedule",
    "ComputeTarget",
    "Host",
    "JoinToken",
    "Node",
    "Resources",
    "Samples",
    "Scale",
    "ServiceBuild",
    "SshAttachment",
    "VmSize",
    "Work",
]
