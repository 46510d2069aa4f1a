"""URLs of the pages of datastores and data, which show jobs and therefore belong to this app."""

from django.urls import path

from runs.pages.data import create_views, datastore_views, quality_views, views

app_name = "data"
DATA = "ws/<slug:slug>/data"
VERSION = f"{DATA}/assets/<str:name>/versions/<str:version>"
DATASTORE = f"{DATA}/datastores/<str:name>"

urlpatterns = [
    path(f"{DATA}/", views.data_list, name="list"),
    path(f"{DATA}/new/", create_views.data_new, name="new"),
    path(f"{DATA}/new/settings/", create_views.data_settings, name="settings"),
    path(f"{DATA}/new/query/", create_views.data_query, name="query"),
    path(f"{DATA}/assets/<str:name>/", views.data_latest, name="latest"),
    path(f"{VERSION}/", views.data_detail, name="detail"),
    path(f"{VERSION}/consume/", views.data_consume, name="consume"),
    path(f"{VERSION}/explore/", views.data_explore, name="explore"),
    path(f"{VERSION}/quality/", quality_views.data_quality, name="quality"),
    path(f"{VERSION}/versions/", views.data_versions, name="versions"),
    path(f"{VERSION}/jobs/", views.data_jobs, name="jobs"),
    path(f"{VERSION}/remove/", views.data_remove, name="remove"),
    path(f"{VERSION}/deprecate/", views.data_deprecate, name="deprecate"),
    path(f"{VERSION}/change/", views.data_change, name="change"),
    path(f"{DATA}/datastores/", datastore_views.datastore_list, name="datastores"),
    path(f"{DATA}/new-datastore/", datastore_views.datastore_new, name="datastore_new"),
    path(f"{DATASTORE}/", datastore_views.datastore_detail, name="datastore"),
    path(f"{DATASTORE}/file/", datastore_views.datastore_file, name="datastore_file"),
    path(f"{DATASTORE}/zip/", datastore_views.datastore_zip, name="datastore_zip"),
    path(f"{DATASTORE}/upload/", datastore_views.datastore_upload, name="datastore_upload"),
    path(f"{DATASTORE}/piece/", datastore_views.datastore_piece, name="datastore_piece"),
    path(f"{DATASTORE}/change/", datastore_views.datastore_change, name="datastore_change"),
]
