from django.urls import path

from costs import views

app_name = "costs"

urlpatterns = [
    path("costs/", views.cost, name="site"),
    path("costs/csv/", views.cost_csv, name="site_csv"),
    path("ws/<slug:slug>/costs/", views.cost, name="workspace"),
    path("ws/<slug:slug>/costs/csv/", views.cost_csv, name="workspace_csv"),
]
