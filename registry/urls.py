from django.urls import path

from registry.pages import actions, details, lineage_views, lists, register_views, rule_views, versions

app_name = "registry"
LIST = "ws/<slug:slug>/models"
MODEL = f"{LIST}/<str:name>/versions"
VERSION = f"{MODEL}/<int:number>"
REGISTER = "ws/<slug:slug>/register-model"
DATA_VERSION = "ws/<slug:slug>/data/assets/<str:name>/versions/<str:version>"

urlpatterns = [
    path(f"{LIST}/", lists.model_list, name="list"),
    path("ws/<slug:slug>/models-facets/", lists.model_facets, name="facets"),
    path("ws/<slug:slug>/models-change/", lists.models_change, name="change"),
    path("ws/<slug:slug>/models-star/", actions.model_star, name="star"),
    path("ws/<slug:slug>/promotion-rules/", rule_views.rule_list, name="rules"),
    path("ws/<slug:slug>/promotion-rules/<int:pk>/delete/", rule_views.rule_delete, name="rule_delete"),
    path(f"{REGISTER}/", register_views.register, name="register"),
    path(f"{REGISTER}/select/", register_views.upload_select, name="upload_select"),
    path(f"{REGISTER}/upload/", register_views.upload, name="upload"),
    path(f"{REGISTER}/settings/", register_views.register_settings, name="register_settings"),
    path(f"{LIST}/<str:name>/", versions.model_latest, name="latest"),
    path(f"{MODEL}/", versions.versions, name="versions"),
    path(f"{VERSION}/", details.version_detail, name="version_detail"),
    path(f"{VERSION}/artifacts/", details.version_artifacts, name="version_artifacts"),
    path(f"{VERSION}/file/", details.version_file, name="version_file"),
    path(f"{VERSION}/zip/", details.version_zip, name="version_zip"),
    path(f"{VERSION}/metrics/", details.version_metrics, name="version_metrics"),
    path(f"{VERSION}/data/", details.version_data, name="version_data"),
    path(f"{VERSION}/lineage/", lineage_views.version_lineage, name="version_lineage"),
    path(f"{VERSION}/edit/", actions.version_edit, name="version_edit"),
    path(f"{VERSION}/promotion-requests/", actions.promotion_ask, name="promotion_ask"),
    path(f"{VERSION}/promotion-requests/<int:pk>/", actions.promotion_decide, name="promotion_decide"),
    path(f"{VERSION}/archive/", actions.version_archive, name="version_archive"),
    path(f"{VERSION}/delete/", actions.version_delete, name="version_delete"),
    path(f"{DATA_VERSION}/models/", lineage_views.data_models, name="data_models"),
    path(f"{DATA_VERSION}/lineage/", lineage_views.data_version_lineage, name="data_lineage"),
    path("ws/<slug:slug>/runs/<str:run_id>/lineage/", lineage_views.run_lineage, name="run_lineage"),
]
