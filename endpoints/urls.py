from django.urls import path

from endpoints import deploy_views, model_page, replay_views, request_views, views

app_name = "endpoints"
LIST = "ws/<slug:slug>/endpoints"

urlpatterns = [
    path("ws/<slug:slug>/deploy/<str:name>/<int:number>/", deploy_views.deploy_model, name="deploy"),
    path("ws/<slug:slug>/endpoint-requests/", request_views.trace_request, name="trace"),
    path("ws/<slug:slug>/endpoint-queries/", views.endpoint_queries, name="queries"),
    path(
        "ws/<slug:slug>/models/<str:name>/versions/<int:number>/endpoints/", model_page.model_endpoints, name="of_model"
    ),
    path(f"{LIST}/", views.endpoint_list, name="list"),
    path(f"{LIST}/<str:name>/", views.endpoint_detail, name="detail"),
    path(f"{LIST}/<str:name>/test/", views.endpoint_test, name="test"),
    path(f"{LIST}/<str:name>/consume/", views.endpoint_consume, name="consume"),
    path(f"{LIST}/<str:name>/logs/", views.endpoint_logs, name="logs"),
    path(f"{LIST}/<str:name>/monitoring/", views.endpoint_monitoring, name="monitoring"),
    path(f"{LIST}/<str:name>/requests/", views.endpoint_requests, name="requests"),
    path(f"{LIST}/<str:name>/data/", request_views.endpoint_data, name="data"),
    path(f"{LIST}/<str:name>/collect/", request_views.endpoint_recording, {"field": "collects_data"}, name="collect"),
    path(f"{LIST}/<str:name>/guard/", request_views.endpoint_guard, name="guard"),
    path(f"{LIST}/<str:name>/replays/", replay_views.replay_start, name="replays"),
    path(f"{LIST}/<str:name>/replays/<int:key>/", replay_views.replay_detail, name="replay"),
    path(f"{LIST}/<str:name>/insights/", request_views.endpoint_recording, {"field": "has_insights"}, name="insights"),
    path(f"{LIST}/<str:name>/scale/", views.endpoint_scale, name="scale"),
    path(f"{LIST}/<str:name>/deploy-again/", views.endpoint_deploy_again, name="deploy_again"),
    path(f"{LIST}/<str:name>/alerts/", views.endpoint_alerts, name="alerts"),
    path(f"{LIST}/<str:name>/add-version/", deploy_views.add_version, name="add_version"),
    path(f"{LIST}/<str:name>/traffic/", views.endpoint_traffic, name="traffic"),
    path(f"{LIST}/<str:name>/key/", views.endpoint_key, name="key"),
    path(f"{LIST}/<str:name>/delete/", views.endpoint_delete, name="delete"),
]
