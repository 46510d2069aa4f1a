"""Plain functions that make rows; each gives what a test does not care about a value of its own."""

import itertools

from accounts.models import Token, User
from assets.models import Environment, EnvironmentVersion
from compute.models import Cluster, ComputeTarget, Host, Node
from registry.models import LoggedModel, Model, ModelVersion
from runs.models import Experiment, Run
from workspaces.creation import free_slug
from workspaces.models import ResourceGroup, Role, RoleAssignment, Subscription, Workspace

# What Django's administration sends with the form of a person.
USER_FORM = {
    "date_joined_0": "2026-01-31",
    "date_joined_1": "12:00:00",
    "roles-TOTAL_FORMS": "0",
    "roles-INITIAL_FORMS": "0",
}
counter = itertools.count(1)


def make_user(username="", **fields) -> User:
    return User.objects.create_user(username or f"user{next(counter)}", **fields)


def make_token(user) -> str:
    """The secret of a new personal token."""
    return Token.create_for(user, "tests")[1]


def make_subscription(subscription_id="", **fields) -> Subscription:
    return Subscription.objects.create(subscription_id=subscription_id or f"subscription-{next(counter)}", **fields)


def make_group(subscription=None, name="", **fields) -> ResourceGroup:
    return ResourceGroup.objects.create(
        subscription=subscription or make_subscription(), name=name or f"group-{next(counter)}", **fields
    )


def make_workspace(group=None, name="", **fields) -> Workspace:
    group = group or make_group()
    name = name or f"workspace-{next(counter)}"
    fields = {
        "slug": free_slug(name, group.name),
        "storage_account": "s",
        "key_vault": "k",
        "application_insights": "i",
        **fields,
    }
    return Workspace.objects.create(resource_group=group, name=name, **fields)


def give_role(user, role: Role, scope) -> RoleAssignment:
    """A role on a subscription, a resource group or a workspace."""
    where = {Subscription: "subscription", ResourceGroup: "resource_group", Workspace: "workspace"}[type(scope)]
    return RoleAssignment.objects.create(user=user, role=role, **{where: scope})


def make_experiment(workspace, name="", **fields) -> Experiment:
    return Experiment.objects.create(workspace=workspace, name=name or f"experiment-{next(counter)}", **fields)


def make_logged_model(experiment, **fields):
    return LoggedModel.objects.create(
        workspace=experiment.workspace, experiment=experiment, experiment_uuid=experiment.experiment_id, **fields
    )


def make_model_version(workspace, name="", **fields) -> ModelVersion:
    """The next version of the model, which is made if it is not there."""
    model, _ = Model.objects.get_or_create(workspace=workspace, name=name or f"model-{next(counter)}", deleted_at=None)
    model.version_count += 1
    model.save(update_fields=["version_count"])
    model.versions.update(is_latest=False)
    fields = {"source": "https://elsewhere.example/m", "is_latest": True, **fields}
    version = ModelVersion.objects.create(workspace=workspace, model=model, number=model.version_count, **fields)
    version.link_datasets()
    return version


def make_run(workspace, *, experiment=None, **fields) -> Run:
    """A run with a number of its own; `status`, `created_by` and all else as given."""
    experiment = experiment or make_experiment(workspace)
    number = experiment.run_count = experiment.run_count + 1
    experiment.save(update_fields=["run_count"])
    run_id = fields.pop("run_id", f"{experiment.name}_{next(counter)}")
    fields = {"display_name": f"run {number}", **fields}
    return Run.objects.create(workspace=workspace, experiment=experiment, run_id=run_id, number=number, **fields)


def make_target(workspace, name="", **fields) -> ComputeTarget:
    """A compute cluster."""
    settings = {key: fields.pop(key) for key in ("min_nodes", "idle_seconds", "vm_priority") if key in fields}
    settings["max_nodes"] = fields.pop("max_nodes", 2)
    fields = {"location": "eastus", "vm_size": "STANDARD_DS11_V2", **fields}
    target = ComputeTarget.objects.create(workspace=workspace, name=name or f"cluster-{next(counter)}", **fields)
    Cluster.objects.create(target=target, **settings)
    return target


def make_host(name="", **fields) -> Host:
    return Host.objects.create(
        name=name or f"host{next(counter)}", **{"cpus": 16, "memory_gb": 128, "gpus": 4, **fields}
    )


def make_node(target, host=None, **fields) -> Node:
    return Node.objects.create(
        target=target, host=host or make_host(), name=fields.pop("name", f"node-{next(counter)}"), **fields
    )


def make_environment(workspace, name="", definition=None, **fields) -> EnvironmentVersion:
    environment = Environment.objects.create(workspace=workspace, name=name or f"environment-{next(counter)}")
    fields = {"version": "1", "number": 1, "digest": "0" * 64, **fields}
    return EnvironmentVersion.objects.create(environment=environment, definition=definition or {}, **fields)
