from django.urls import path

from runs.pages import home, home_cards
from runs.pages.children import views as children_views
from runs.pages.compare import file_diff
from runs.pages.compare import views as compare_views
from runs.pages.environments import views as environment_views
from runs.pages.job import create_views
from runs.pages.job import views as job_views
from runs.pages.lists import action_views as list_action_views
from runs.pages.lists import panel_views
from runs.pages.lists import views as lists_views
from runs.pages.run import action_views as run_action_views
from runs.pages.run import edit_views, file_views, image_views, metric_views
from runs.pages.run import views as run_views

app_name = "runs"
RUN = "ws/<slug:slug>/runs/<str:run_id>"
EXPERIMENT = "ws/<slug:slug>/experiments/<uuid:experiment_id>"

urlpatterns = [
    path("ws/<slug:slug>/jobs/", lists_views.jobs, name="jobs"),
    path("ws/<slug:slug>/jobs/acts/<int:pk>/", list_action_views.bulk_act, name="bulk_act"),
    path("ws/<slug:slug>/jobs/acts/<int:pk>/undo/", list_action_views.bulk_act_undo, name="bulk_act_undo"),
    path("ws/<slug:slug>/jobs/acts/<int:pk>/stop/", list_action_views.bulk_act_stop, name="bulk_act_stop"),
    path("ws/<slug:slug>/jobs/cancel/", list_action_views.runs_cancel, name="runs_cancel"),
    path("ws/<slug:slug>/jobs/delete/", list_action_views.runs_delete, name="runs_delete"),
    path("ws/<slug:slug>/jobs/tag/", list_action_views.runs_tag, name="runs_tag"),
    path("ws/<slug:slug>/jobs/tags/", list_action_views.runs_tags, name="runs_tags"),
    path("ws/<slug:slug>/jobs/tag/remove/", list_action_views.runs_untag_name, name="runs_untag_name"),
    path("ws/<slug:slug>/jobs/color/", list_action_views.runs_colour, name="runs_colour"),
    path("ws/<slug:slug>/jobs/tag/<int:pk>/undo/", list_action_views.runs_untag, name="runs_untag"),
    path("ws/<slug:slug>/jobs/star/", panel_views.run_star, name="run_star"),
    path("ws/<slug:slug>/jobs/charts/", lists_views.jobs_charts, name="jobs_charts"),
    path("ws/<slug:slug>/jobs/names/", lists_views.jobs_names, name="jobs_names"),
    path("ws/<slug:slug>/jobs/csv/", lists_views.jobs_csv, name="jobs_csv"),
    path("ws/<slug:slug>/jobs/range/", panel_views.filter_range, name="filter_range"),
    path("ws/<slug:slug>/jobs/panel/<slug:what>/", panel_views.list_panel, name="list_panel"),
    path("ws/<slug:slug>/jobs/layout/", panel_views.layout_save, name="layout_save"),
    path("ws/<slug:slug>/jobs/layout/reset/", panel_views.layout_reset, name="layout_reset"),
    path("ws/<slug:slug>/jobs/views/", panel_views.view_save, name="view_save"),
    path("ws/<slug:slug>/jobs/views/<int:pk>/delete/", panel_views.view_delete, name="view_delete"),
    path("ws/<slug:slug>/jobs/new/", create_views.job_new, name="job_new"),
    path("ws/<slug:slug>/jobs/new/select/", create_views.job_code_select, name="job_code_select"),
    path("ws/<slug:slug>/jobs/new/code/", create_views.job_code_upload, name="job_code_upload"),
    path("ws/<slug:slug>/jobs/new/settings/", create_views.job_new_settings, name="job_new_settings"),
    path("ws/<slug:slug>/experiments/", lists_views.experiments, name="experiments"),
    path(f"{EXPERIMENT}/", lists_views.experiment_detail, name="experiment_detail"),
    path(f"{EXPERIMENT}/charts/", lists_views.experiment_charts, name="experiment_charts"),
    path(f"{EXPERIMENT}/archive/", list_action_views.experiment_archive, name="experiment_archive"),
    path(f"{EXPERIMENT}/delete/", list_action_views.experiment_delete, name="experiment_delete"),
    path("ws/<slug:slug>/compare/", compare_views.compare, name="compare"),
    path("ws/<slug:slug>/compare/selected/", compare_views.compare_selected, name="compare_selected"),
    path("ws/<slug:slug>/compare/curve/", compare_views.compare_curve, name="compare_curve"),
    path("ws/<slug:slug>/compare/find/", compare_views.compare_find, name="compare_find"),
    path("ws/<slug:slug>/compare/table/", compare_views.compare_table, name="compare_table"),
    path("ws/<slug:slug>/jobs/recent/", home.recent, name="recent"),
    path("ws/<slug:slug>/jobs/now/", home_cards.home_now, name="home_now"),
    path(f"{RUN}/", run_views.run_detail, name="run_detail"),
    path(f"{RUN}/state/", run_views.run_state, name="run_state"),
    path(f"{RUN}/environment/", environment_views.run_environment, name="run_environment"),
    path(f"{RUN}/yaml/", run_views.run_yaml, name="run_yaml"),
    path(f"{RUN}/json/", run_views.run_json, name="run_json"),
    path(f"{RUN}/metrics/", metric_views.run_metrics, name="run_metrics"),
    path(f"{RUN}/metrics/data/", metric_views.run_metrics_data, name="run_metrics_data"),
    path(f"{RUN}/metrics/lines/", metric_views.run_metrics_lines, name="run_metrics_lines"),
    path(f"{RUN}/metrics/csv/", metric_views.run_metrics_csv, name="run_metrics_csv"),
    path(f"{RUN}/metrics/<int:pk>/", metric_views.run_metric, name="run_metric"),
    path(f"{RUN}/images/", image_views.run_images, name="run_images"),
    path(f"{RUN}/children/", children_views.run_children, name="run_children"),
    path(f"{RUN}/children/charts/", children_views.run_children_charts, name="run_children_charts"),
    path(f"{RUN}/logs/", file_views.run_files, name="run_files"),
    path(f"{RUN}/logs/zip/", file_views.run_files_zip, name="run_files_zip"),
    path(f"{RUN}/logs/difference/", file_diff.file_diff, name="file_diff"),
    path(f"{RUN}/file/", file_views.run_file, name="run_file"),
    path(f"{RUN}/file/state/", file_views.run_file_state, name="run_file_state"),
    path(f"{RUN}/file/search/", file_views.run_file_search, name="run_file_search"),
    path(f"{RUN}/code/", file_views.run_code, name="run_code"),
    path(f"{RUN}/code/zip/", file_views.run_code_zip, name="run_code_zip"),
    path(f"{RUN}/edit/", edit_views.run_edit, name="run_edit"),
    path(f"{RUN}/cancel/", run_action_views.run_cancel, name="run_cancel"),
    path(f"{RUN}/delete/", run_action_views.run_delete, name="run_delete"),
    path(f"{RUN}/resubmit/", job_views.run_resubmit, name="run_resubmit"),
    # Links as Azure's SDK and studio write them.
    path("runs/<str:run_id>", run_views.run_by_wsid, name="run_by_wsid"),
    path(
        "experiments/id/<uuid:experiment_id>/runs/<str:run_id>",
        run_views.run_by_experiment_id,
        name="run_by_experiment_id",
    ),
]
