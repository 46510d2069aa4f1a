from django.urls import path

from registry import views

app_name = "registry"

urlpatterns = [
    path("ws/<slug:slug>/models/<str:name>/versions/<int:number>/", views.version_detail, name="version_detail"),
]
