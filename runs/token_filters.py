"""The runs that a run token reads and changes. runs/run_tokens.py says which of them a route is for."""

import enum

from django.db.models import Q

from accounts.actors import Actor


class May(enum.Enum):
    NO = "not allowed with the token of a run"
    READ = "read its workspace, the runs of its tree and of its experiment"
    ADD = "add metrics, tags, properties and files to its own run, its parent, runs that it created and runs below"
    REPORT = "report the state of its own run, of runs that it created and of runs below"
    STEER = "change the same runs, but not once its own has ended"
    MAKE = "create runs below those it adds to, and models; not once its own has ended"
    OWN = "change only its own run, and not once that has ended"


def filter_readable(actor: Actor) -> Q:
    """The runs that the token may read: those of its tree and experiment, and those that it created."""
    own = actor.run
    root = own.root_id or own.pk
    return _below(own) | Q(pk=root) | Q(root=root) | Q(pk=own.parent_id) | Q(experiment=own.experiment_id)


def filter_writable(actor: Actor) -> Q:
    """The runs that it may change at the requested route."""
    own = actor.run
    if actor.may in (May.ADD, May.MAKE):
        return _below(own) | Q(pk=own.parent_id)
    if actor.may in (May.REPORT, May.STEER):
        return _below(own)
    return Q(pk=own.pk)


def filter_below(actor: Actor) -> Q:
    return _below(actor.run)


def _below(own) -> Q:
    """Its own run, those created by its token, and its descendants."""
    above = Q(parent=own.pk) | Q(parent__parent=own.pk) | Q(root=own.pk)
    return Q(pk=own.pk) | Q(made_by=own.pk) | above
