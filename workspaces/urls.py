"""URLs of workspaces."""

from django.urls import path

from workspaces import access_views, activity_views, member_views, provider_views, resource_views, views
from workspaces.vault import views as vault_views

app_name = "workspaces"
urlpatterns = [
    path("", views.workspace_list, name="list"),
    path("workspaces/new/", views.workspace_new, name="new"),
    path("workspaces/new/name/", views.workspace_name_check, name="name_check"),
    path("ws/<slug:slug>/", views.workspace_home, name="home"),
    path("ws/<slug:slug>/config.json", views.workspace_config, name="config"),
    path("ws/<slug:slug>/settings/", views.workspace_settings, name="settings"),
    path("ws/<slug:slug>/resources/<slug:kind>/", resource_views.resource, name="resource"),
    path("subscription/<int:pk>/", resource_views.subscription, name="subscription"),
    path("subscription/<int:pk>/change/", resource_views.subscription_change, name="subscription_change"),
    path("resource-groups/<int:pk>/", resource_views.resource_group, name="resource_group"),
    path("ws/<slug:slug>/delete/", views.workspace_delete, name="delete"),
    path("activity/", activity_views.activity, name="site_activity"),
    path("activity/test/", activity_views.activity_test, name="site_activity_test"),
    path("activity/csv/", activity_views.activity_download, {"kind": "csv"}, name="site_activity_csv"),
    path("activity/jsonl/", activity_views.activity_download, {"kind": "jsonl"}, name="site_activity_jsonl"),
    path("ws/<slug:slug>/activity/", activity_views.activity, name="activity"),
    path("ws/<slug:slug>/activity/csv/", activity_views.activity_download, {"kind": "csv"}, name="activity_csv"),
    path("ws/<slug:slug>/activity/jsonl/", activity_views.activity_download, {"kind": "jsonl"}, name="activity_jsonl"),
    path("ws/<slug:slug>/secrets/", vault_views.secret_list, name="secrets"),
    path("ws/<slug:slug>/secrets/<slug:name>/", vault_views.secret, name="secret"),
    path("ws/<slug:slug>/secrets/<slug:name>/change/", vault_views.secret_change, name="secret_change"),
    path("providers/", provider_views.providers, name="providers"),
    path("providers/<slug:slug>/", provider_views.provider, name="provider"),
    path("providers/<slug:slug>/test/", provider_views.provider_test, name="provider_test"),
    path("providers/<slug:slug>/change/", provider_views.provider_change, name="provider_change"),
    path("groups/", access_views.group_list, name="groups"),
    path("groups/<int:pk>/", access_views.group, name="group"),
    path("groups/<int:pk>/change/", access_views.group_change, name="group_change"),
    path("ws/<slug:slug>/access/", access_views.access_page, name="access"),
    path("ws/<slug:slug>/roles/", access_views.roles, name="roles"),
    path("ws/<slug:slug>/roles/<int:pk>/delete/", access_views.role_delete, name="role_delete"),
    path("ws/<slug:slug>/people/", member_views.people_list, name="people"),
    path("ws/<slug:slug>/people/account/", member_views.people_account, name="people_account"),
    path("ws/<slug:slug>/people/<int:pk>/change/", member_views.people_change, name="people_change"),
    path("ws/<slug:slug>/people/<int:pk>/invite/", member_views.people_invite, name="people_invite"),
    path("ws/<slug:slug>/people/<int:pk>/remove/", member_views.people_remove, name="people_remove"),
]
