"""The data of a job: the datasets that it reads, and its outputs. The inputs are recorded with the run, for its
lineage."""

import dataclasses
import json

from django.http import Http404
from lazuli.runs import job_data
from lazuli.runs.job_data import BadData

from assets import variables
from assets.data import datasets, rules
from assets.data.models import Datastore, DataVersion
from runs.models import Run, RunDataset
from studio.errors import Invalid
from studio.formats import read_json
from workspaces.models import Workspace

# The source type of RunDataset: a dataset of this workspace, whose id is the digest.
SOURCE_TYPE = "azureml_dataset"
# A script may register in a loop.
MAX_OUTPUTS = 100


@dataclasses.dataclass
class JobData:
    """`inputs` and `outputs` as the runner gets them; `versions` are the datasets that are read, with the input's name."""

    inputs: list[dict]
    outputs: list[dict]
    versions: list[tuple[str, DataVersion]]

    def list_warnings(self) -> list[str]:
        """A sentence for each dataset that is deprecated."""
        return [
            version.asset.deprecation for _, version in self.versions if version.asset and version.asset.deprecated_at
        ]

    def record(self, run: Run) -> None:
        RunDataset.objects.add([make_link(run, version, name) for name, version in self.versions])


def make_link(run: Run, version: DataVersion, context: str) -> RunDataset:
    source = {"id": str(version.dataset_id), "version": version.version, "kind": version.kind}
    return RunDataset(
        run=run,
        name=version.asset.name if version.asset else str(version.dataset_id),
        digest=str(version.dataset_id),
        source_type=SOURCE_TYPE,
        source=json.dumps(source),
        context=context,
    )


def describe_inputs(run: Run) -> list[dict]:
    """The input datasets of a run's details, as SDK v1 has them."""
    given = (run.job.get("runDefinition") or {}).get("data") if run.job else None
    if not given:
        return []
    found = []
    for link in run.datasets.filter(source_type=SOURCE_TYPE):
        mode = str((given.get(link.context) or {}).get("mechanism") or "direct")
        details = {"type": "RunInput", "inputName": link.context, "mechanism": mode.title()}
        dataset = {"id": link.digest, "name": link.name, **read_json(link.source, {})}
        found.append({"dataset": dataset, "consumptionDetails": details})
    return found


def describe_outputs(run: Run) -> list[dict]:
    """The datasets that a run has registered, as the output datasets of its details."""
    definition = run.job.get("runDefinition") or {} if run.job else {}
    outputs = job_data.read_outputs(definition)
    names = {output["registration"]["name"]: output["name"] for output in outputs if output["registration"]}
    versions = DataVersion.objects.filter(workspace=run.workspace, made_by_run=run.run_id).exclude(asset=None)
    found = []
    for version in versions.select_related("asset").order_by("pk")[:MAX_OUTPUTS]:
        name = version.asset.name if version.asset else ""
        details = {"outputName": names[name]} if name in names else {}
        dataset = {"id": str(version.dataset_id), "name": name, "version": version.version, "kind": version.kind}
        found.append({"dataset": dataset, "outputType": "RunOutput", "outputDetails": details})
    return found


def read_data(workspace: Workspace, definition: dict) -> JobData:
    """The data of a run definition, or Invalid for what is not there or not allowed."""
    try:
        inputs, outputs = job_data.read_inputs(definition), job_data.read_outputs(definition)
    except BadData as error:
        raise Invalid(error.message, target=f"runDefinition/{error.path}"[:300]) from error
    versions = []
    for item in inputs:
        where = f"runDefinition/data/{item['name']}"
        variables.check_variables({item["variable"]: ""}, f"{where}/environmentVariableName")
        if "dataset_id" in item:
            versions.append((item["name"], _find_dataset(workspace, item["dataset_id"], where)))
        else:
            _check_datastore(workspace, item["datastore"], where)
            if item["path"]:
                rules.check_stored_path(item["path"], where)
    for item in outputs:
        where = f"runDefinition/outputData/{item['name']}"
        if item["datastore"] is not None:
            _check_datastore(workspace, item["datastore"], where)
        if item["path"]:
            rules.check_stored_path(item["path"], where)
        if item["registration"]:
            rules.DATA_NAME.check(item["registration"].get("name"))
    return JobData(inputs, outputs, versions)


def _find_dataset(workspace: Workspace, dataset_id: str, where: str) -> DataVersion:
    try:
        return datasets.find_dataset(workspace, dataset_id)
    except Http404 as error:
        raise Invalid(str(error), target=where) from error


def _check_datastore(workspace: Workspace, name: object, where: str) -> None:
    there = Datastore.objects.of(workspace)
    if not isinstance(name, str) or not there.filter(name__iexact=name).exists():
        raise Invalid(f"There is no datastore {str(name)[:100]!r} in {workspace.name}.", target=where)
