"""Addresses of workspaces and of the people who sign in."""

from django.urls import path

from workspaces import accounts, devices, people_pages, views

app_name = "workspaces"
urlpatterns = [
    path("", views.workspace_list, name="list"),
    path("workspaces/new/", views.workspace_new, name="new"),
    path("workspaces/new/name/", views.workspace_name_check, name="name_check"),
    path("ws/<slug:slug>/", views.workspace_home, name="home"),
    path("ws/<slug:slug>/config.json", views.workspace_config, name="config"),
    path("ws/<slug:slug>/settings/", views.workspace_settings, name="settings"),
    path("ws/<slug:slug>/delete/", views.workspace_delete, name="delete"),
    path("ws/<slug:slug>/people/", people_pages.people_list, name="people"),
    path("ws/<slug:slug>/people/account/", people_pages.people_account, name="people_account"),
    path("ws/<slug:slug>/people/<int:pk>/change/", people_pages.people_change, name="people_change"),
    path("ws/<slug:slug>/people/<int:pk>/remove/", people_pages.people_remove, name="people_remove"),
    path("signin/", accounts.sign_in, name="sign_in"),
    path("signin/link/<str:secret>/", accounts.sign_in_link, name="sign_in_link"),
    path("signout/", accounts.sign_out, name="sign_out"),
    path("account/theme/", accounts.theme, name="theme"),
    path("account/password/", accounts.password, name="password"),
    path("account/tokens/", accounts.tokens, name="tokens"),
    path("account/tokens/<int:pk>/revoke/", accounts.token_revoke, name="token_revoke"),
    path("login/device/", devices.device, name="device"),
]
