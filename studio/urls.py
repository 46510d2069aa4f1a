"""The composition root of addresses: every room is named here."""

from django.contrib import admin
from django.urls import include, path

from studio.api import api

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", api.urls),
]
_ = include
