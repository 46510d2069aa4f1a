"""URLs of the pages of resource use, which show charts and therefore belong to this app."""

from django.urls import path

from runs.pages.monitoring import views

app_name = "monitoring"
COMPUTE = "ws/<slug:slug>/compute"

urlpatterns = [
    path(f"{COMPUTE}/all/machines/<int:pk>/", views.machine_monitoring, name="machine"),
    path(f"{COMPUTE}/<str:name>/monitoring/", views.cluster_monitoring, name="cluster"),
    path("ws/<slug:slug>/runs/<str:run_id>/monitoring/", views.run_monitoring, name="run"),
]
