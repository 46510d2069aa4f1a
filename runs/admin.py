"""All objects of this app, for site admins to find, filter and correct.

States and stored bytes are read-only: they change only through the methods of the models.
"""

from django.contrib import admin, messages

from runs.files import artifacts, snapshots
from runs.models import (
    Artifact,
    ArtifactSegment,
    BulkAct,
    Experiment,
    MetricBatch,
    MetricChunk,
    MetricSeries,
    Run,
    RunEvent,
    RunParameter,
    RunTag,
    Snapshot,
)
from runs.models.column_chunks import ColumnChunk
from runs.models.facets import ListFacets
from runs.models.home_visits import HomeVisit
from runs.models.lineage import RunDataset
from runs.models.metrics import DownsampledChunk
from runs.models.saved_views import RunColour, SavedView, Star, TagEdit
from studio.admin_site import ReadOnlyAdmin
from studio.errors import Conflict


class Deleting(admin.ModelAdmin):
    """Deletes row by row with the model's own method, so that files are deleted too."""

    def get_deleted_objects(self, objs, request):
        """That method decides what goes with a row, not the permissions of other lists."""
        found, counts, _, protected = super().get_deleted_objects(objs, request)
        return found, counts, set(), protected

    def delete_queryset(self, request, queryset):
        for row in queryset:
            self.delete_model(request, row)

    def delete_model(self, request, obj):
        try:
            self.free(obj)
        except Conflict as error:
            messages.error(request, error.message)

    def free(self, obj):
        obj.delete()


@admin.register(Experiment)
class ExperimentAdmin(Deleting):
    list_display = ["name", "workspace", "run_count", "created_by", "created_at", "archived_at"]
    list_filter = ["workspace", ("archived_at", admin.EmptyFieldListFilter)]
    list_select_related = ["workspace", "created_by"]
    search_fields = ["name", "experiment_id", "description"]
    raw_id_fields = ["workspace", "created_by"]
    readonly_fields = ["experiment_id", "run_count", "created_at"]
    date_hierarchy = "created_at"


class ReadOnlyInline(admin.TabularInline):
    extra = 0
    can_delete = False

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False


class EventInline(ReadOnlyInline):
    model = RunEvent


class MetricInline(ReadOnlyInline):
    model = MetricSeries
    fields = ["name", "kind", "count", "last", "min", "max"]


class TagInline(admin.TabularInline):
    model = RunTag
    extra = 0


@admin.register(Run)
class RunAdmin(Deleting):
    list_display = [
        "run_id",
        "display_name",
        "experiment",
        "workspace",
        "status",
        "target_name",
        "created_by",
        "created_at",
    ]
    list_filter = ["status", "run_type", "target_name", "workspace", ("deleted_at", admin.EmptyFieldListFilter)]
    list_select_related = ["experiment", "workspace", "created_by"]
    search_fields = ["run_id", "display_name", "experiment__name", "node_name", "created_by__username"]
    raw_id_fields = ["workspace", "experiment", "parent", "root", "snapshot", "compute", "work", "created_by"]
    readonly_fields = [
        "status", "job", "error", "warnings", "revision", "number", "heartbeat_at", "created_at", "started_at",
        "ended_at", "deleted_at",
    ]  # fmt: skip
    date_hierarchy = "created_at"
    inlines = [EventInline, TagInline, MetricInline]
    actions = ["cancel_runs"]

    @admin.action(description="Cancel the selected runs", permissions=["delete"])
    def cancel_runs(self, request, queryset):
        for run in queryset.select_related("work"):
            try:
                run.cancel()
            except Conflict as error:
                messages.warning(request, error.message)


class OfRun(admin.ModelAdmin):
    """Rows that belong to a run."""

    raw_id_fields = ["run"]
    list_select_related = ["run"]
    search_fields = ["run__run_id"]


@admin.register(RunEvent)
class RunEventAdmin(OfRun):
    list_display = ["run", "status", "at", "message"]
    list_filter = ["status"]
    search_fields = ["run__run_id", "message"]
    readonly_fields = ["status", "at"]


@admin.register(RunTag)
class RunTagAdmin(OfRun):
    list_display = ["run", "name", "value"]
    search_fields = ["run__run_id", "name", "value"]


@admin.register(RunParameter)
class RunParameterAdmin(OfRun):
    list_display = ["run", "name", "value"]
    search_fields = ["run__run_id", "name", "value"]


@admin.register(MetricSeries)
class MetricSeriesAdmin(OfRun):
    list_display = ["name", "run", "kind", "count", "last", "min", "max", "last_at"]
    list_filter = ["kind", "values"]
    search_fields = ["name", "run__run_id"]
    readonly_fields = ["kind", "values", "count", "loose"]


@admin.register(MetricChunk)
class MetricChunkAdmin(admin.ModelAdmin):
    list_display = ["series", "start", "count"]
    list_select_related = ["series"]
    search_fields = ["series__name", "series__run__run_id"]
    raw_id_fields = ["series"]
    exclude = ["data"]
    readonly_fields = ["start", "count"]


@admin.register(MetricBatch)
class MetricBatchAdmin(OfRun):
    list_display = ["batch_id", "run", "at"]
    search_fields = ["batch_id", "run__run_id"]
    readonly_fields = ["batch_id", "at"]


@admin.register(Artifact)
class ArtifactAdmin(Deleting):
    list_display = ["path", "run", "size", "content_type", "updated_at"]
    list_filter = ["content_type"]
    list_select_related = ["run"]
    search_fields = ["path", "run__run_id"]
    raw_id_fields = ["run"]
    readonly_fields = ["size", "created_at", "updated_at"]

    def free(self, obj):
        artifacts.delete_artifacts([obj])


@admin.register(ArtifactSegment)
class ArtifactSegmentAdmin(admin.ModelAdmin):
    list_display = ["artifact", "offset", "size", "key"]
    list_select_related = ["artifact"]
    search_fields = ["artifact__path", "artifact__run__run_id", "key"]
    raw_id_fields = ["artifact"]
    readonly_fields = ["offset", "size", "key"]


@admin.register(Snapshot)
class SnapshotAdmin(Deleting):
    list_display = ["snapshot_id", "workspace", "size", "created_by", "created_at", "used_at"]
    list_filter = ["workspace"]
    list_select_related = ["workspace", "created_by"]
    search_fields = ["snapshot_id", "digest"]
    raw_id_fields = ["workspace", "created_by"]
    readonly_fields = ["snapshot_id", "digest", "key", "size", "files", "created_at", "used_at"]
    date_hierarchy = "created_at"

    def free(self, obj):
        snapshots.delete_snapshot(obj)


@admin.register(DownsampledChunk)
class DownsampledChunkAdmin(admin.ModelAdmin):
    list_display = ["series", "start", "count", "gaps"]
    list_select_related = ["series"]
    search_fields = ["series__name", "series__run__run_id"]
    raw_id_fields = ["series"]
    exclude = ["data"]
    readonly_fields = ["start", "count", "min_step", "max_step", "min_time", "max_time", "gaps"]


@admin.register(RunDataset)
class RunDatasetAdmin(OfRun):
    list_display = ["name", "digest", "run", "context"]
    search_fields = ["name", "digest", "run__run_id"]


@admin.register(SavedView)
class SavedViewAdmin(admin.ModelAdmin):
    list_display = ["name", "owner", "workspace", "experiment", "shared", "updated_at"]
    list_filter = ["shared", "workspace"]
    list_select_related = ["owner", "workspace", "experiment"]
    search_fields = ["name", "owner__username", "query"]
    raw_id_fields = ["owner", "workspace", "experiment"]


@admin.register(Star)
class StarAdmin(OfRun):
    list_display = ["run", "user"]
    search_fields = ["run__run_id", "user__username"]
    raw_id_fields = ["run", "user"]


@admin.register(BulkAct)
class BulkActAdmin(ReadOnlyAdmin):
    list_display = ["verb", "workspace", "user", "state", "done", "total"]
    list_select_related = ["workspace__resource_group__subscription", "user"]
    exclude = ["keys"]


@admin.register(TagEdit)
class TagEditAdmin(admin.ModelAdmin):
    list_display = ["name", "value", "workspace", "user", "at"]
    list_filter = ["workspace"]
    list_select_related = ["workspace", "user"]
    search_fields = ["name", "value", "user__username"]
    raw_id_fields = ["workspace", "user"]
    readonly_fields = ["before", "at"]


@admin.register(HomeVisit)
class HomeVisitAdmin(admin.ModelAdmin):
    list_display = ["user", "workspace", "since", "seen_at"]
    list_filter = ["workspace"]
    list_select_related = ["user", "workspace"]
    search_fields = ["user__username", "workspace__name"]
    raw_id_fields = ["user", "workspace"]


@admin.register(RunColour)
class RunColourAdmin(OfRun):
    list_display = ["user", "run", "colour"]


@admin.register(ListFacets)
class ListFacetsAdmin(admin.ModelAdmin):
    list_display = ["workspace", "experiment", "counted_at", "is_wanted"]
    list_select_related = ["workspace", "experiment"]


@admin.register(ColumnChunk)
class ColumnChunkAdmin(admin.ModelAdmin):
    list_display = ["workspace", "column", "number", "size", "stored_at"]
    list_select_related = ["workspace"]
    exclude = ["content"]
