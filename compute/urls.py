"""URLs of the compute pages. The wizard has two words after `new`, so that a cluster can be named "new"."""

from django.urls import path

from compute import views, wizard

app_name = "compute"
COMPUTE = "ws/<slug:slug>/compute"
CLUSTER = f"{COMPUTE}/<str:name>"
urlpatterns = [
    path(f"{COMPUTE}/", views.compute_list, name="list"),
    path(f"{COMPUTE}/new/cluster/", wizard.cluster_new, name="cluster_new"),
    path(f"{COMPUTE}/new/settings/", wizard.cluster_new_settings, name="cluster_new_settings"),
    path(f"{COMPUTE}/new/check/", wizard.cluster_name_check, name="cluster_name_check"),
    path(f"{CLUSTER}/", views.cluster_detail, name="cluster_detail"),
    path(f"{CLUSTER}/nodes/", views.cluster_nodes, name="cluster_nodes"),
    path(f"{CLUSTER}/jobs/", views.cluster_jobs, name="cluster_jobs"),
    path(f"{CLUSTER}/edit/", views.cluster_edit, name="cluster_edit"),
    path(f"{CLUSTER}/delete/", views.cluster_delete, name="cluster_delete"),
]
