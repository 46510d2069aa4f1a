from django.urls import path

from labeling import item_views, views

app_name = "labeling"
LABELING = "ws/<slug:slug>/labeling"
PROJECT = f"{LABELING}/projects/<str:name>"
urlpatterns = [
    path(f"{LABELING}/", views.project_list, name="list"),
    path(f"{LABELING}/new/", views.project_new, name="new"),
    path(f"{PROJECT}/", views.project_detail, name="detail"),
    path(f"{PROJECT}/change/", views.project_change, name="change"),
    path(f"{PROJECT}/settings/", views.project_settings, name="settings"),
    path(f"{PROJECT}/label/", item_views.item_label, name="label"),
    path(f"{PROJECT}/items/", item_views.item_list, name="items"),
    path(f"{PROJECT}/items/<int:number>/", item_views.item_review, name="item"),
    path(f"{PROJECT}/items/<int:number>/file/", item_views.item_file, name="file"),
]
