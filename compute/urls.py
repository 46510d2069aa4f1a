"""URLs of the compute pages. The wizard has two words after `new`, so that a cluster can be named "new"; likewise `all`."""

from django.urls import path

from compute import attachment_views, inference_views, machine_views, views, wizard
from compute.instances import schedule_views
from compute.instances import views as instances

app_name = "compute"
COMPUTE = "ws/<slug:slug>/compute"
CLUSTER = f"{COMPUTE}/<str:name>"
urlpatterns = [
    path(f"{COMPUTE}/", views.compute_list, name="list"),
    path(f"{COMPUTE}/new/cluster/", wizard.cluster_new, name="cluster_new"),
    path(f"{COMPUTE}/new/settings/", wizard.cluster_new_settings, name="cluster_new_settings"),
    path(f"{COMPUTE}/new/check/", wizard.cluster_name_check, name="cluster_name_check"),
    path(f"{COMPUTE}/all/inference/", inference_views.inference_list, name="inference_list"),
    path(f"{COMPUTE}/new/inference/", inference_views.inference_new, name="inference_new"),
    path(f"{COMPUTE}/all/attached/", attachment_views.attached_list, name="attached_list"),
    path(f"{COMPUTE}/all/machines/", machine_views.machine_list, name="machine_list"),
    path(f"{COMPUTE}/all/machines/<int:pk>/drain/", machine_views.machine_drain, name="machine_drain"),
    path(f"{COMPUTE}/all/machines/add/", machine_views.machine_add, name="machine_add"),
    path(f"{COMPUTE}/all/machines/add/<int:token>/", machine_views.machine_added, name="machine_added"),
    path(f"{COMPUTE}/all/machines/attach/", attachment_views.machine_attach, name="machine_attach"),
    path(f"{COMPUTE}/all/machines/attach/<int:pk>/", attachment_views.machine_attachment, name="machine_attachment"),
    path(f"{COMPUTE}/all/machines/<int:pk>/detach/", machine_views.machine_detach, name="machine_detach"),
    path(f"{COMPUTE}/all/machines/<int:pk>/open/", machine_views.machine_open, name="machine_open"),
    path(f"{CLUSTER}/nodes/<str:node>/drain/", machine_views.node_drain, name="node_drain"),
    path(f"{COMPUTE}/all/instances/", instances.instance_list, name="instances"),
    path(f"{COMPUTE}/new/instance/", instances.instance_new, name="instance_new"),
    path(f"{COMPUTE}/new/instance/check/", instances.instance_name_check, name="instance_name_check"),
    path(f"{CLUSTER}/instance/", instances.instance_detail, name="instance_detail"),
    path(f"{CLUSTER}/instance/change/", instances.instance_change, name="instance_change"),
    path(f"{CLUSTER}/instance/schedules/", schedule_views.schedule_change, name="schedule_change"),
    path(f"{CLUSTER}/instance/open/<slug:application>/", instances.instance_open, name="instance_open"),
    path("applications/<slug:label>/", instances.application_sign_in, name="application_sign_in"),
    path(f"{CLUSTER}/", views.cluster_detail, name="cluster_detail"),
    path(f"{CLUSTER}/nodes/", views.cluster_nodes, name="cluster_nodes"),
    path(f"{CLUSTER}/jobs/", views.cluster_jobs, name="cluster_jobs"),
    path(f"{CLUSTER}/edit/", views.cluster_edit, name="cluster_edit"),
    path(f"{CLUSTER}/delete/", views.cluster_delete, name="cluster_delete"),
]
