"""URLs for signing in and for a person's own account."""

from django.urls import path

from accounts import devices, views

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
    path("login/device/", devices.device_login, name="device"),
]
