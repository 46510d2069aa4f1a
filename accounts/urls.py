"""URLs for signing in and for a person's own account."""

from django.urls import path

from accounts import credential_views, devices, people_views, principal_token, session_views, views

app_name = "accounts"
urlpatterns = [
    path("signin/", views.sign_in, name="sign_in"),
    path("signin/link/<str:secret>/", views.sign_in_link, name="sign_in_link"),
    path("invitation/<str:secret>/", views.invitation, name="invitation"),
    path("signout/", views.sign_out, name="sign_out"),
    path("account/theme/", views.theme, name="theme"),
    path("account/password/", views.password, name="password"),
    path("account/tokens/", views.tokens, name="tokens"),
    path("account/tokens/<int:pk>/revoke/", views.token_revoke, name="token_revoke"),
    path("account/tokens/revoke/", views.tokens_revoke, name="tokens_revoke"),
    path("account/sessions/", session_views.sessions, name="sessions"),
    path("account/sessions/end/", session_views.sessions_end, name="sessions_end"),
    path("people/", people_views.person_list, name="people"),
    path("people/<int:pk>/", people_views.person, name="person"),
    path("credentials/", credential_views.credentials, name="credentials"),
    path("credentials/revoke/", credential_views.credentials_revoke, name="credentials_revoke"),
    path("principals/", credential_views.principals, name="principals"),
    path("principals/<uuid:client_id>/", credential_views.principal, name="principal"),
    path("principals/<uuid:client_id>/change/", credential_views.principal_change, name="principal_change"),
    path("<str:tenant>/oauth2/v2.0/token", principal_token.issue_token, {"version": 2}, name="token_v2"),
    path("<str:tenant>/oauth2/token", principal_token.issue_token, {"version": 1}, name="token_v1"),
    path("<str:tenant>/v2.0/.well-known/openid-configuration", principal_token.openid_configuration),
    path("login/device/", devices.device_login, name="device"),
]
