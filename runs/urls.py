from django.urls import path

from runs.views import actions, compare, files, lists, metrics, retention, run, trash

app_name = "runs"
RUN = "ws/<slug:slug>/runs/<str:run_id>"
EXPERIMENT = "ws/<slug:slug>/experiments/<uuid:experiment_id>"

urlpatterns = [
    path("ws/<slug:slug>/jobs/", lists.jobs, name="jobs"),
    path("ws/<slug:slug>/jobs/cancel/", actions.runs_cancel, name="runs_cancel"),
    path("ws/<slug:slug>/jobs/delete/", actions.runs_delete, name="runs_delete"),
    path("ws/<slug:slug>/experiments/", lists.experiments, name="experiments"),
    path(f"{EXPERIMENT}/", lists.experiment_detail, name="experiment_detail"),
    path(f"{EXPERIMENT}/charts/", lists.experiment_charts, name="experiment_charts"),
    path(f"{EXPERIMENT}/archive/", actions.experiment_archive, name="experiment_archive"),
    path(f"{EXPERIMENT}/delete/", actions.experiment_delete, name="experiment_delete"),
    path("ws/<slug:slug>/compare/", compare.compare, name="compare"),
    path("ws/<slug:slug>/compare/chosen/", compare.compare_chosen, name="compare_chosen"),
    path("ws/<slug:slug>/compare/curve/", compare.compare_curve, name="compare_curve"),
    path("ws/<slug:slug>/compare/find/", compare.compare_find, name="compare_find"),
    path(f"{RUN}/", run.run_detail, name="run_detail"),
    path(f"{RUN}/state/", run.run_state, name="run_state"),
    path(f"{RUN}/json/", run.run_json, name="run_json"),
    path(f"{RUN}/metrics/", metrics.run_metrics, name="run_metrics"),
    path(f"{RUN}/metrics/data/", metrics.run_metrics_data, name="run_metrics_data"),
    path(f"{RUN}/images/", metrics.run_images, name="run_images"),
    path(f"{RUN}/children/", run.run_children, name="run_children"),
    path(f"{RUN}/logs/", files.run_files, name="run_files"),
    path(f"{RUN}/logs/zip/", files.run_files_zip, name="run_files_zip"),
    path(f"{RUN}/file/", files.run_file, name="run_file"),
    path(f"{RUN}/file/state/", files.run_file_state, name="run_file_state"),
    path(f"{RUN}/file/search/", files.run_file_search, name="run_file_search"),
    path(f"{RUN}/code/", files.run_code, name="run_code"),
    path(f"{RUN}/code/zip/", files.run_code_zip, name="run_code_zip"),
    path(f"{RUN}/edit/", actions.run_edit, name="run_edit"),
    path(f"{RUN}/cancel/", actions.run_cancel, name="run_cancel"),
    path(f"{RUN}/delete/", actions.run_delete, name="run_delete"),
    path(f"{RUN}/resubmit/", actions.run_resubmit, name="run_resubmit"),
    path("ws/<slug:slug>/trash/", trash.trash_page, name="trash"),
    path("ws/<slug:slug>/trash/purges/", trash.trash_purges, name="trash_purges"),
    path("ws/<slug:slug>/trash/restore/", trash.trash_restore, name="trash_restore"),
    path("ws/<slug:slug>/trash/delete/", trash.trash_delete, name="trash_delete"),
    path("ws/<slug:slug>/trash/empty/", trash.trash_empty, name="trash_empty"),
    path("ws/<slug:slug>/trash/undo/", trash.trash_undo, name="trash_undo"),
    path("ws/<slug:slug>/retention/", retention.retention, name="retention"),
    path("ws/<slug:slug>/retention/estimate/", retention.estimate, name="retention_estimate"),
    path("ws/<slug:slug>/retention/<int:pk>/switch/", retention.switch, name="retention_switch"),
    path("ws/<slug:slug>/retention/<int:pk>/delete/", retention.delete, name="retention_delete"),
    path("workspaces/deleted/", trash.workspaces_deleted, name="workspaces_deleted"),
    path("workspaces/deleted/purges/", trash.workspaces_purges, name="workspaces_purges"),
    path("workspaces/deleted/<uuid:workspace_id>/restore/", trash.workspace_restore, name="workspace_restore"),
    path("workspaces/deleted/<uuid:workspace_id>/delete/", trash.workspace_purge, name="workspace_purge"),
    # Links as Azure's SDK and studio write them.
    path("runs/<str:run_id>", run.by_wsid, name="by_wsid"),
    path("experiments/id/<uuid:experiment_id>/runs/<str:run_id>", run.by_experiment, name="by_experiment"),
]
