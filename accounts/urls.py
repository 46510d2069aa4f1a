"""URLs for signing in and for a person's own account."""

from django.urls import path

from accounts import (
    credential_views,
    devices,
    factor_views,
    oidc_views,
    principal_token,
    session_views,
    views,
)

app_name = "accounts"
urlpatterns = [
    path("signin/", views.sign_in, name="sign_in"),
    path("signin/link/<str:secret>/", views.sign_in_link, name="sign_in_link"),
    path("invitation/<str:secret>/", views.invitation, name="invitation"),
    path("signin/code/", factor_views.second_step, name="second_step"),
    path("signin/passkey/", factor_views.passkey_sign_in, name="passkey_sign_in"),
    path("signin/passkey/begin/", factor_views.passkey_begin, name="passkey_begin"),
    path(
        "invitation/<str:secret>/passkey/begin/", factor_views.invitation_passkey_begin, name="invitation_passkey_begin"
    ),
    path("invitation/<str:secret>/passkey/", factor_views.invitation_passkey, name="invitation_passkey"),
    path("signin/oidc/<slug:slug>/", oidc_views.oidc_begin, name="oidc_begin"),
    path("signin/oidc/<slug:slug>/callback/", oidc_views.oidc_callback, name="oidc_callback"),
    path("signin/oidc/<slug:slug>/logout/", oidc_views.oidc_logout, name="oidc_logout"),
    path("signout/", views.sign_out, name="sign_out"),
    path("account/view-as/stop/", session_views.view_as_stop, name="view_as_stop"),
    path("account/theme/", views.theme, name="theme"),
    path("account/password/", views.password, name="password"),
    path("account/tokens/", views.tokens, name="tokens"),
    path("account/tokens/<int:pk>/revoke/", views.token_revoke, name="token_revoke"),
    path("account/tokens/revoke/", views.tokens_revoke, name="tokens_revoke"),
    path("account/sessions/", session_views.sessions, name="sessions"),
    path("account/sessions/end/", session_views.sessions_end, name="sessions_end"),
    path("account/confirm/", factor_views.confirm, name="confirm"),
    path("account/confirm/passkey/", factor_views.confirm_passkey, name="confirm_passkey"),
    path("account/factors/", factor_views.factors, name="factors"),
    path("account/factors/app/", factor_views.factor_app, name="factor_app"),
    path("account/factors/passkey/", factor_views.factor_passkey, name="factor_passkey"),
    path("account/factors/passkey/begin/", factor_views.factor_passkey_begin, name="factor_passkey_begin"),
    path("account/factors/remove/", factor_views.factor_remove, name="factor_remove"),
    path("account/factors/identity/", factor_views.identity_remove, name="identity_remove"),
    path("account/factors/codes/", factor_views.factor_codes, name="factor_codes"),
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
