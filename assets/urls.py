"""URLs of the package index; the rest of this app is in the API."""

from django.urls import path

from assets import index_views

app_name = "assets"
urlpatterns = [
    path("simple/", index_views.index_root, name="index_root"),
    path("simple/<str:name>/", index_views.index_project, name="index_project"),
    path("files/<str:filename>", index_views.index_file, name="index_file"),
    path("wheels/<str:filename>", index_views.index_wheel, name="index_wheel"),
]
