"""URLs of workspaces."""

from django.urls import path

from workspaces import activity_views, member_views, views
from workspaces.vault import views as vault_views

app_name = "workspaces"
urlpatterns = [
    path("", views.workspace_list, name="list"),
    path("workspaces/new/", views.workspace_new, name="new"),
    path("workspaces/new/name/", views.workspace_name_check, name="name_check"),
    path("ws/<slug:slug>/", views.workspace_home, name="home"),
    path("ws/<slug:slug>/config.json", views.workspace_config, name="config"),
    path("ws/<slug:slug>/settings/", views.workspace_settings, name="settings"),
    path("ws/<slug:slug>/delete/", views.workspace_delete, name="delete"),
    path("activity/", activity_views.activity, name="site_activity"),
    path("activity/csv/", activity_views.activity_download, {"kind": "csv"}, name="site_activity_csv"),
    path("activity/jsonl/", activity_views.activity_download, {"kind": "jsonl"}, name="site_activity_jsonl"),
    path("ws/<slug:slug>/activity/", activity_views.activity, name="activity"),
    path("ws/<slug:slug>/activity/csv/", activity_views.activity_download, {"kind": "csv"}, name="activity_csv"),
    path("ws/<slug:slug>/activity/jsonl/", activity_views.activity_download, {"kind": "jsonl"}, name="activity_jsonl"),
    path("ws/<slug:slug>/secrets/", vault_views.secret_list, name="secrets"),
    path("ws/<slug:slug>/secrets/<slug:name>/", vault_views.secret, name="secret"),
    path("ws/<slug:slug>/secrets/<slug:name>/change/", vault_views.secret_change, name="secret_change"),
    path("ws/<slug:slug>/people/", member_views.people_list, name="people"),
    path("ws/<slug:slug>/people/account/", member_views.people_account, name="people_account"),
    path("ws/<slug:slug>/people/<int:pk>/change/", member_views.people_change, name="people_change"),
    path("ws/<slug:slug>/people/<int:pk>/invite/", member_views.people_invite, name="people_invite"),
    path("ws/<slug:slug>/people/<int:pk>/remove/", member_views.people_remove, name="people_remove"),
]
