"""The Jupyter servers of compute instances in the work queue: kept up, with a token of their user."""

from accounts.actors import Actor
from accounts.models import Token
from accounts.rules import TokenScope
from compute.instances import power
from compute.models import ComputeInstance, Work
from compute.work_kinds import Life, WorkKind
from workspaces.access import can


def make_token(work: Work) -> str:
    """A token of the instance's user for this workspace only; the token of an earlier attempt is revoked."""
    instance = ComputeInstance.objects.select_related("target__workspace", "token").get(target=work.target_id)
    instance.revoke_token()
    token, secret = Token.create_for(
        work.submitted_by,
        f"Compute instance {instance.target.name}"[:100],
        scope=TokenScope.WRITE,
        workspace=instance.target.workspace,
    )
    ComputeInstance.objects.filter(pk=instance.pk).update(token=token)
    return secret


def make_variables(work: Work) -> dict[str, str]:
    return {"JUPYTER_TOKEN": ComputeInstance.objects.get(target=work.target_id).server_token}


def page_url(work: Work) -> str:
    return _find_instance(work).get_absolute_url()


def make_title(work: Work) -> str:
    return f"Compute instance {work.target.name}"


def may_change(work: Work, actor: Actor) -> bool:
    return can(actor, "use_compute", work.target.workspace)


def _find_instance(work: Work) -> ComputeInstance:
    return ComputeInstance.objects.select_related("target__workspace").get(target=work.target_id)


def cancel_build(work: Work, actor: Actor) -> None:
    power.stop_instance(_find_instance(work), message="The build of its environment was canceled.")


def rebuild(work: Work, actor: Actor) -> None:
    power.rebuild_environment(_find_instance(work), actor.user)


WORK_KIND = WorkKind(
    name=power.KIND,
    make_token=make_token,
    make_variables=make_variables,
    page_url=page_url,
    make_title=make_title,
    life=Life.KEPT_UP,
    action="use_compute",
    may_change=may_change,
    cancel_build=cancel_build,
    rebuild=rebuild,
)
