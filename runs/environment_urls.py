"""URLs of the pages of environments, which show jobs and therefore belong to this app."""

from django.urls import path

from runs.pages.environments import build_views, views

app_name = "environments"
LIST = "ws/<slug:slug>/environments"
VERSION = f"{LIST}/<str:name>/versions/<str:version>"

urlpatterns = [
    path(f"{LIST}/", views.environment_list, name="list"),
    path(f"{LIST}/new/", views.environment_new, name="new"),
    # Two words after the list, so that an environment can be named "builds".
    path(f"{LIST}/all/builds/", build_views.build_queue, name="builds"),
    path(f"{LIST}/all/builds/<uuid:work_id>/", build_views.build_detail, name="build"),
    path(f"{LIST}/<str:name>/", views.environment_latest, name="latest"),
    path(f"{LIST}/<str:name>/remove/", views.environment_remove, name="remove"),
    path(f"{VERSION}/", views.environment_detail, name="detail"),
    path(f"{VERSION}/log/", views.environment_build_log, name="build_log"),
    path(f"{VERSION}/jobs/", views.environment_jobs, name="jobs"),
    path(f"{VERSION}/rebuild/", views.environment_rebuild, name="rebuild"),
    path(f"{VERSION}/remove/", views.version_remove, name="version_remove"),
]
