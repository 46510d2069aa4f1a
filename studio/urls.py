"""The URLs of all apps."""

from django.contrib import admin
from django.urls import include, path

from accounts.devices import router as devices_api
from assets.api import router as environments_api
from compute.api import locations as locations_api
from compute.api import router as computes_api
from compute.instances.api import router as instances_api
from compute.instances.gateway_api import router as gateway_api
from compute.nodes_api import router as nodes_api
from endpoints.api import router as services_api
from endpoints.online.api import router as online_api
from endpoints.replay_api import router as service_replays_api
from endpoints.replica_api import router as replicas_api
from endpoints.request_api import router as service_requests_api
from endpoints.watch_api import router as service_watch_api
from labeling.api import router as labeling_api
from notices.api import router as notices_api
from operations.api import router as administration_api
from operations.metrics import metrics
from registry.api import router as models_api
from registry.management_api import router as model_management_api
from registry.promotion_api import router as promotion_api
from runs.api.artifacts import router as artifacts_api
from runs.api.blobs import router as blobs_api
from runs.api.codes import router as codes_api
from runs.api.codes import signed as code_files_api
from runs.api.content import router as content_api
from runs.api.data_assets import router as data_api
from runs.api.data_assets import saved as datasets_api
from runs.api.datastores import router as datastores_api
from runs.api.history import router as history_api
from runs.api.jobs import router as jobs_api
from runs.api.metrics import router as metrics_api
from runs.api.partial_uploads import router as partial_uploads_api
from studio import api_docs, views
from studio.api import W, api
from trash.api import purges as purges_api
from trash.api import router as trash_api
from workspaces.activity_api import router as activity_api
from workspaces.api import router as workspaces_api
from workspaces.vault.api import router as secrets_api

api.add_router("", workspaces_api)
api.add_router("", devices_api)
api.add_router("/nodes/v1", nodes_api)
api.add_router("/nodes/v1/gateway", gateway_api)
api.add_router("/nodes/v1/services", replicas_api)
api.add_router(f"{W}/activities", activity_api)
api.add_router(f"{W}/secrets", secrets_api)
api.add_router(f"{W}/computes", computes_api)
api.add_router(f"{W}/computes", instances_api)
api.add_router(
    "/subscriptions/{subscription_id}/providers/Microsoft.MachineLearningServices/locations/{location}", locations_api
)
api.add_router(f"{W}/environments", environments_api)
api.add_router(f"{W}/datastores", datastores_api)
api.add_router(f"{W}/datastores/{{name}}/blobs", blobs_api)
api.add_router(f"{W}/uploads", partial_uploads_api)
api.add_router(f"{W}/data", data_api)
api.add_router(f"{W}/datasets", datasets_api)
api.add_router(f"{W}/codes", codes_api)
api.add_router("/signed/code", code_files_api)
api.add_router(f"{W}/jobs", jobs_api)
api.add_router(f"{W}/models", models_api)
api.add_router(f"{W}/onlineEndpoints", online_api)
api.add_router(f"{W}/labelingJobs", labeling_api)
api.add_router(f"/modelmanagement/v1.0{W}", model_management_api)
api.add_router(f"/modelmanagement/v1.0{W}", promotion_api)
api.add_router(f"/modelmanagement/v1.0{W}", services_api)
api.add_router(f"/modelmanagement/v1.0{W}", service_requests_api)
api.add_router(f"/modelmanagement/v1.0{W}", service_watch_api)
api.add_router(f"/modelmanagement/v1.0{W}", service_replays_api)
api.add_router(f"/history/v1.0{W}", history_api)
api.add_router(f"/history/v1.0{W}", metrics_api)
api.add_router(f"/history/v1.0{W}", artifacts_api)
api.add_router(f"/history/v1.0{W}", trash_api)
api.add_router("/history/v1.0", purges_api)
api.add_router(f"/content/v1.0{W}", content_api)
api.add_router("/administration/v1.0", administration_api)
api.add_router("/notices/v1.0", notices_api)

handler400 = "studio.error_handlers.bad_request"
handler404 = "studio.error_handlers.not_found"
handler500 = "studio.error_handlers.server_error"

urlpatterns = [
    # First, because URLs are tried in order and scripts send thousands of requests to these.
    path("", include("mlflow_api.urls")),
    path("metrics", metrics, name="metrics"),
    path("admin/rows/", admin.site.urls),
    path("admin/", include("operations.urls")),
    path("api/docs", api_docs.api_docs, name="api_docs"),
    path("api/openapi.json", api_docs.openapi_json, name="openapi"),
    path("favicon.ico", views.favicon),
    path("palette/", views.palette, name="palette"),
    path("switcher/", views.switcher, name="switcher"),
    path("", include("accounts.urls")),
    path("", include("workspaces.urls")),
    # Before those of compute, whose names of clusters would match.
    path("", include("runs.monitoring_urls")),
    path("", include("compute.urls")),
    path("", include("runs.urls")),
    path("", include("runs.environment_urls")),
    path("", include("runs.data_urls")),
    path("", include("registry.urls")),
    path("", include("endpoints.urls")),
    path("", include("notebooks.urls")),
    path("", include("labeling.urls")),
    path("", include("trash.urls")),
    path("", include("costs.urls")),
    path("", include("notices.urls")),
    path("pypi/", include("assets.urls")),
    path("", api.urls),
]
