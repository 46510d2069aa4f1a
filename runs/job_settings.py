"""The treatment of each setting of a job: used, ignored with a warning, or refused. A setting without effect is never
ignored silently.

The paths are those of the job's body; `runDefinition` is SDK v1's run configuration, `environment` the environment that
the job contains or names. A value that requests nothing (None, "", 0, False, [], {}, or one of `harmless`) is always
accepted.
"""

import dataclasses
import enum
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lazuli.environments.images import is_default_image

from runs import job_containers
from runs.job_resources import is_size
from studio.errors import Invalid

SOURCE = "settings"
MAX_WARNINGS = 50
DATA = "Inputs and outputs of v2 jobs are not available yet: submit with SDK v1's datasets, or let the script fetch the files."
NO_CACHE = "There is no data cache: use as_mount() or as_download()."


class Verdict(enum.Enum):
    HONOURED = "honoured"
    WARNED = "warning"
    REFUSED = "refused"


@dataclasses.dataclass(frozen=True)
class SettingRule:
    verdict: Verdict
    reason: str = ""
    # Values besides the empty ones that request nothing; with True among them, False requests something.
    harmless: tuple | Callable[[Any], bool] = ()
    # Which values a container does what they say.
    in_container: Callable[[Any], bool] | None = None

    def concerns(self, value: Any, in_container: bool = False) -> bool:
        """Whether the value requests something that the studio does not do."""
        if self.verdict is Verdict.HONOURED or (in_container and self.in_container and self.in_container(value)):
            return False
        if callable(self.harmless):
            return not _is_empty(value) and not self.harmless(value)
        if value is False and any(one is True for one in self.harmless):
            return True
        return not _is_empty(value) and value not in self.harmless


def _is_empty(value: Any) -> bool:
    return value in (None, "", 0, False, [], {})


def honoured(paths: str) -> dict[str, SettingRule]:
    return dict.fromkeys(paths.split(), SettingRule(Verdict.HONOURED))


def warned(reason: str, *harmless: Any) -> SettingRule:
    return SettingRule(Verdict.WARNED, reason, harmless)


def contained(reason: str, *harmless: Any, used: Callable[[Any], bool] = lambda value: True) -> SettingRule:
    """A warning, except where the job runs in a container, which uses the value."""
    return SettingRule(Verdict.WARNED, reason, harmless, used)


def refused(reason: str, *harmless: Any) -> SettingRule:
    return SettingRule(Verdict.REFUSED, reason, harmless)


def _is_default_spark(value: Any) -> bool:
    return value == {"spark.app.name": "Azure ML Experiment", "spark.yarn.maxAppAttempts": "1"}


def _is_run_identity(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("identityType", "AMLToken") == "AMLToken"


def _are_ours(services: Any) -> bool:
    """Properties of the job's response, which clients send back."""
    return isinstance(services, Mapping) and set(services) <= {"Tracking", "Studio"}


NO_CONTAINER = "a node runs the script as a process of its own, not in a container"
NO_SPARK = "there is no Spark here"
SHM_SIZE = contained(f"docker.shm_size: {NO_CONTAINER}, with all of the node's shared memory.", "2g", used=is_size)
SHARED_VOLUMES = "docker.shared_volumes=False: a job has its own folder and its data, and shares no other folder."

JOB: dict[str, SettingRule] = {
    **honoured("jobType experimentName displayName description command commandArgv codeId environmentId"),
    **honoured("environmentDefinition computeId environmentVariables resources.instanceCount limits.timeout"),
    **honoured("limits.jobLimitsType tags properties parentRunId runDefinition"),
    # Fields of the answer, which clients send back.
    **honoured("status creationContext runId isArchived"),
    "services": SettingRule(
        Verdict.WARNED, "services: the ports of a script are not opened to the browser.", _are_ours
    ),
    **honoured("distribution.distributionType distribution.processCountPerInstance distribution.workerCount"),
    **honoured("distribution.parameterServerCount"),
    "inputs": refused(DATA),
    "outputs": warned(f"outputs: only outputs/ is stored. {DATA}"),
    "identity": SettingRule(
        Verdict.WARNED, "identity: the script has the run's own token and no other identity.", _is_run_identity
    ),
    "resources.shmSize": contained(f"resources.shmSize: {NO_CONTAINER}.", "2g", used=is_size),
    "resources.dockerArgs": contained(f"resources.dockerArgs: {NO_CONTAINER}.", used=job_containers.are_used),
    "resources.instanceType": warned("resources.instanceType: the compute target's size decides."),
    **honoured("resources.properties.cores resources.properties.memoryGB resources.properties.gpus"),
    "queueSettings": warned("queueSettings: there are no job tiers; the run configuration has a priority."),
    "retrySettings": warned("retrySettings: a failed run is not retried."),
    "secretsConfiguration": warned("secretsConfiguration: a script reads secrets by run.get_secret()."),
    "notificationSetting": warned(
        "notificationSetting: each person chooses what to be notified about under Notifications."
    ),
    "autologgerSettings": warned("autologgerSettings: call mlflow.autolog() in the script."),
}

RUN_DEFINITION: dict[str, SettingRule] = {
    **honoured("script arguments command target maxRunDurationSeconds environment environmentVariables"),
    **honoured("history.directoriesToWatch"),
    "history.outputCollection": warned("history.output_collection=False: outputs/ is stored anyway.", True),
    "history.snapshotProject": warned("history.snapshot_project=False: the snapshot is stored anyway.", True),
    "framework": SettingRule(
        Verdict.REFUSED,
        "framework: only Python scripts and commands run here; use the framework Python.",
        lambda value: str(value).lower() in ("python", "pytorch", "tensorflow"),
    ),
    **honoured("communicator nodeCount mpi.processCountPerNode mpi.nodeCount pytorch.processCount pytorch.nodeCount"),
    **honoured("pytorch.communicationBackend tensorflow.workerCount tensorflow.parameterServerCount"),
    "paralleltask.maxRetriesPerWorker": warned("paralleltask.max_retries_per_worker: a failed run is not retried."),
    "paralleltask.workerCountPerNode": refused(
        "paralleltask.worker_count_per_node: parallel tasks do not run here.", 1
    ),
    "paralleltask.terminalExitCodes": warned("paralleltask.terminal_exit_codes: a failed run is not retried."),
    **honoured("priority"),
    "spark.configuration": SettingRule(Verdict.WARNED, f"spark: {NO_SPARK}.", _is_default_spark),
    "hdi.yarnDeployMode": warned("hdi: there is no HDInsight here.", "cluster"),
    "docker.useDocker": contained(f"docker.use_docker: {NO_CONTAINER}."),
    "docker.arguments": SettingRule(
        Verdict.WARNED, f"docker.arguments: {NO_CONTAINER}.", job_containers.are_amounts, job_containers.are_used
    ),
    "docker.shmSize": SHM_SIZE,
    "docker.sharedVolumes": warned(SHARED_VOLUMES, True),
    # Checked by runs/job_data.py.
    **honoured("dataReferences data outputData"),
    "datacaches": refused(NO_CACHE),
    "sourceDirectoryDataStore": warned("source_directory_data_store: the snapshot is stored by the studio."),
    "amlcompute.vmSize": warned("amlcompute.vm_size: the compute target's size decides."),
    "amlcompute.vmPriority": warned("amlcompute.vm_priority: the compute target's priority decides."),
    "autoClusterComputeSpecification": warned("auto_cluster_compute_specification: no cluster is made for a run."),
    "kubernetescompute.instanceType": warned("kubernetescompute.instance_type: there is no Kubernetes here."),
    "credentialPassthrough": warned("credential_passthrough: the script has the run's own token, not the submitter's."),
    "applicationEndpoints": warned("services: the ports of a script are not opened to the browser."),
}

ENVIRONMENT: dict[str, SettingRule] = {
    **honoured("name version assetId environmentVariables python.interpreterPath python.userManagedDependencies"),
    **honoured("python.condaDependencies python.condaDependenciesFile"),
    "python.baseCondaEnvironment": warned(
        "python.base_conda_environment: there is no conda; the packages are installed."
    ),
    "inferencingStackVersion": warned("inferencing_stack_version: it is for endpoints, not for runs."),
    "docker.enabled": contained(f"docker.enabled: {NO_CONTAINER}."),
    "docker.baseImage": SettingRule(
        Verdict.WARNED,
        "docker.base_image {value}: " + NO_CONTAINER + " of this image.",
        is_default_image,
        lambda image: True,
    ),
    "docker.platform.os": warned("docker.platform: it is that of the machine.", "Linux"),
    "docker.platform.architecture": warned("docker.platform: it is that of the machine.", "amd64"),
    "docker.baseDockerfile": contained(f"docker.base_dockerfile: no image is built; {NO_CONTAINER}."),
    "docker.baseImageRegistry.address": contained("docker.base_image_registry: no image is fetched."),
    "docker.baseImageRegistry.username": contained("docker.base_image_registry: no image is fetched."),
    "docker.baseImageRegistry.password": contained("docker.base_image_registry: no image is fetched."),
    "docker.baseImageRegistry.registryIdentity": warned("docker.base_image_registry.registry_identity: not used."),
    "docker.buildContext": warned(
        "docker.build_context: the folder stays on your machine, so no image is built; use Environment.from_dockerfile()."
    ),
    "docker.sharedVolumes": warned(SHARED_VOLUMES, True),
    "docker.shmSize": SHM_SIZE,
    # The script sees the GPUs that its node has.
    **honoured("docker.gpuSupport"),
    "docker.arguments": contained(f"docker.arguments: {NO_CONTAINER}.", used=job_containers.are_used),
    "spark.repositories": warned(f"spark.repositories: {NO_SPARK}."),
    "spark.packages": warned(f"spark.packages: {NO_SPARK}."),
    "spark.precachePackages": warned(f"spark.precache_packages: {NO_SPARK}.", True),
    **{
        f"databricks.{kind}": warned(f"databricks.{kind}: there is no Databricks here.")
        for kind in ["mavenLibraries", "pypiLibraries", "rcranLibraries", "jarLibraries", "eggLibraries"]
    },
    "r": warned("r: R is not set up; only Python packages are installed."),
}


def check_settings(properties: dict, environment: dict, in_container: bool = False) -> list[str]:
    """Settings of the job without effect, as sentences; some have one only in a container. Raises Invalid for settings that
    must not be ignored."""
    found: list[str] = []
    definition = properties.get("runDefinition") or {}
    for rules, prefix, content in (
        (JOB, "", properties),
        (RUN_DEFINITION, "runDefinition/", definition),
        (ENVIRONMENT, "environment/", environment),
    ):
        for path, value, rule in _walk(content, rules):
            target = prefix + path.replace(".", "/")[:200]
            if rule is None:
                found.append(f"{target} is not a known setting; it has no effect.")
            elif rule.concerns(value, in_container):
                if rule.verdict is Verdict.REFUSED:
                    raise Invalid(f"{target}: {rule.reason}", target=target)
                found.append(rule.reason.replace("{value}", str(value)[:200]))
    return list(dict.fromkeys(found))[:MAX_WARNINGS]


def _walk(
    content: Mapping, rules: Mapping[str, SettingRule], path: str = ""
) -> Iterator[tuple[str, Any, SettingRule | None]]:
    """Each setting with its rule; one that has a value and no rule with None."""
    for name, value in content.items():
        key = f"{path}{name[:1].lower()}{name[1:]}"
        if key in rules:
            yield key, value, rules[key]
        elif isinstance(value, Mapping) and any(known.startswith(key + ".") for known in rules):
            yield from _walk(value, rules, key + ".")
        elif not _is_empty(value):
            yield key, value, None
