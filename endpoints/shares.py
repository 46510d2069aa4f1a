"""How the requests of an endpoint are divided between its versions: those of SDK v1's `AksEndpoint`, and the deployments
of Azure's v2."""

from collections.abc import Mapping
from typing import Any

from django.db import models, transaction

from accounts import activity
from endpoints import rules
from studio.errors import Conflict, Invalid


class EndpointShares(models.Model):
    # The share of 100 requests that a version gets. The default version also gets what no version has.
    traffic_percentile = models.PositiveSmallIntegerField(default=0)
    is_default = models.BooleanField(default=False)
    # The version that SDK v1 calls the control version; it has no effect.
    is_control = models.BooleanField(default=False)
    # The share of 100 requests to its endpoint of which a version gets a copy; nobody sees its answer.
    mirror_percentile = models.PositiveSmallIntegerField(default=0)

    name: Any
    workspace: Any
    parent: Any
    versions: Any
    notify_gateway: Any

    class Meta:
        abstract = True

    @property
    def version_name(self) -> str:
        return str(self.name.partition(".")[2])

    @property
    def shares(self) -> dict[str, int]:
        """How many of 100 requests each version gets."""
        versions = sorted(self.versions.all(), key=lambda version: version.name)
        shares = {version.version_name: version.traffic_percentile for version in versions}
        for version in versions:
            if version.is_default:
                shares[version.version_name] += 100 - sum(shares.values())
        return shares

    @property
    def mirrors(self) -> dict[str, int]:
        """The versions that get copies, and the share of 100 requests that is copied."""
        return {one.version_name: one.mirror_percentile for one in self.versions.all() if one.mirror_percentile}

    def change_traffic(self, shares: Mapping[str, int]) -> None:
        """Set how many of 100 requests versions get; others keep theirs. Who gets requests gets no copies any more."""
        with transaction.atomic():
            present = self._lock_versions()
            self._check_present(present, shares)
            before = {name: version.traffic_percentile for name, version in present.items()}
            after = {**before, **{name: rules.TRAFFIC.check(share) for name, share in shares.items()}}
            if sum(after.values()) > 100:
                raise Invalid(
                    f"The traffic adds up to {sum(after.values())}: {_describe_shares(after)}. It can be at most 100.",
                    target="traffic",
                )
            if after == before:
                return
            for name, version in present.items():
                copies = 0 if after[name] else version.mirror_percentile
                self.versions.filter(pk=version.pk).update(traffic_percentile=after[name], mirror_percentile=copies)
            changes = {"traffic": [_describe_shares(before), _describe_shares(after)]}
            ended = {
                name: one.mirror_percentile for name, one in present.items() if one.mirror_percentile and after[name]
            }
            if ended:
                changes["mirror traffic"] = [_describe_shares(ended), _describe_shares({})]
            activity.record("endpoint.edit", self, scope=self.workspace, changes=changes)
            self.notify_gateway()

    def divide_traffic(self, shares: Mapping[str, int], mirrors: Mapping[str, int]) -> None:
        """Set all shares and copies at once, as Azure's v2 does: what is not named gets none, and there is no default
        version, so that requests are refused while all shares are 0."""
        with transaction.atomic():
            present = self._lock_versions()
            self._check_present(present, {**shares, **mirrors})
            before, mirrors_before = self.shares, self.mirrors
            after = {name: rules.TRAFFIC.check(shares.get(name, 0)) for name in present}
            if sum(after.values()) not in (0, 100):
                raise Invalid(
                    f"The traffic adds up to {sum(after.values())}: {_describe_shares(after)}. It must be 100, or 0.",
                    target="traffic",
                )
            copies = rules.check_mirrors(mirrors, after)
            has_default = any(version.is_default for version in present.values())
            if after == before and copies == mirrors_before and not has_default:
                return
            for name, version in present.items():
                changed = {"traffic_percentile": after[name], "mirror_percentile": copies.get(name, 0)}
                self.versions.filter(pk=version.pk).update(is_default=False, **changed)
            changes = {
                "traffic": [_describe_shares(before), _describe_shares(after)],
                "mirror traffic": [_describe_shares(mirrors_before), _describe_shares(copies)],
            }
            changed = {name: values for name, values in changes.items() if values[0] != values[1]}
            if changed:
                activity.record("endpoint.edit", self, scope=self.workspace, changes=changed)
            self.notify_gateway()

    def _lock_versions(self) -> dict[str, Any]:
        type(self)._default_manager.select_for_update().get(pk=self.pk)
        return {version.version_name: version for version in self.versions.order_by("name")}

    def _check_present(self, present: Mapping[str, Any], named: Mapping[str, int]) -> None:
        unknown = sorted(set(named) - set(present))
        if unknown:
            words = ", ".join(present) or "none yet"
            raise Invalid(f"There is no version {unknown[0][:40]!r}. The versions are {words}.", target="traffic")

    def change_default(self, version: "EndpointShares") -> None:
        """Make this version the one that gets what no version has."""
        with transaction.atomic():
            self._lock_versions()
            before = self.versions.filter(is_default=True).first()
            if before == version:
                return
            self.versions.filter(is_default=True).update(is_default=False)
            self.versions.filter(pk=version.pk).update(is_default=True)
            changes = {"default version": [before.version_name if before else "", version.version_name]}
            activity.record("endpoint.edit", self, scope=self.workspace, changes=changes)
            self.notify_gateway()

    def check_removable(self) -> None:
        """Raises Conflict for the default version, unless it is the only one."""
        if self.is_default and self.parent and self.parent.versions.exclude(pk=self.pk).exists():
            raise Conflict(
                f"{self.version_name} is the default version of {self.parent.name}. Make another one the default first."
            )


def _describe_shares(shares: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {share}" for name, share in shares.items()) or "none"
