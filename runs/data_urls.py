"""The pages of datastores and data. They show jobs, which the app of data does not know."""

from django.urls import path

from runs.pages.data import datastore_views

app_name = "data"
DATA = "ws/<slug:slug>/data"
DATASTORE = f"{DATA}/datastores/<str:name>"

urlpatterns = [
    path(f"{DATA}/datastores/", datastore_views.datastore_list, name="datastores"),
    path(f"{DATA}/new-datastore/", datastore_views.datastore_new, name="datastore_new"),
    path(f"{DATASTORE}/", datastore_views.datastore_detail, name="datastore"),
    path(f"{DATASTORE}/file/", datastore_views.datastore_file, name="datastore_file"),
    path(f"{DATASTORE}/upload/", datastore_views.datastore_upload, name="datastore_upload"),
    path(f"{DATASTORE}/change/", datastore_views.datastore_change, name="datastore_change"),
]
