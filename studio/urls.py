"""The composition root of addresses: every room is named here."""

from django.contrib import admin
from django.urls import include, path

from studio import views
from studio.api import api
from workspaces.api import router as workspaces_api
from workspaces.devices import router as devices_api

api.add_router("", workspaces_api)
api.add_router("", devices_api)

urlpatterns = [
    path("admin/", admin.site.urls),
    path("palette/", views.palette, name="palette"),
    path("", include("workspaces.urls")),
    path("pypi/", include("assets.urls")),
    path("", api.urls),
]
