"""Sign-in links, tokens and failed sign-ins, for site admins. The admin page of a person is in workspaces/admin.py."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin

from accounts.activity import Activity
from accounts.activity_stream import PendingActivity, StreamState
from accounts.models import (
    DeviceLogin,
    FailedSignIn,
    IdentityProvider,
    PrincipalSecret,
    SentForm,
    ServicePrincipal,
    Session,
    SignInLink,
    SignInPolicy,
    Token,
    ViewAs,
)
from studio.admin_site import ReadOnlyAdmin


class CredentialAdmin(admin.ModelAdmin):
    """Created by the page or command that shows the secret once; here it can only be viewed and deleted."""

    is_deletable = True
    exclude = ["digest", "device_digest"]

    def has_add_permission(self, request):
        return False

    def get_readonly_fields(self, request, obj=None):
        ends = {"expires_at", "revoked_at", "denied_at"}
        return [f.name for f in self.model._meta.fields if f.name not in {*ends, *self.exclude}]


@admin.register(Token)
class TokenAdmin(CredentialAdmin):
    list_display = ["name", "user", "prefix", "created_at", "last_used_at", "expires_at", "revoked_at"]
    list_filter = ["created_at", "expires_at", "revoked_at"]
    list_select_related = ["user"]
    search_fields = ["name", "prefix", "user__username"]


@admin.register(SignInLink)
class SignInLinkAdmin(CredentialAdmin):
    list_display = ["user", "expires_at", "used_at"]
    list_select_related = ["user"]
    search_fields = ["user__username"]


@admin.register(DeviceLogin)
class DeviceLoginAdmin(CredentialAdmin):
    list_display = [
        "user_code",
        "client_name",
        "address",
        "user",
        "created_at",
        "expires_at",
        "denied_at",
        "redeemed_at",
    ]
    list_select_related = ["user"]
    search_fields = ["user_code", "client_name", "user__username"]


@admin.register(SentForm)
class SentFormAdmin(ReadOnlyAdmin):
    """Forms of the last day; there is nothing to change in them."""

    list_display = ["location", "at"]
    is_deletable = True


@admin.register(Session)
class SessionAdmin(CredentialAdmin):
    """Deleting one signs the browser out."""

    exclude = ["session_key", "session_data"]
    list_display = ["user", "device_name", "address", "began_at", "last_used_at"]
    list_select_related = ["user"]
    search_fields = ["user__username", "address"]


@admin.register(ViewAs)
class ViewAsAdmin(ReadOnlyAdmin):
    list_display = ["admin", "person", "until"]
    list_select_related = ["admin", "person"]


@admin.register(SignInPolicy)
class SignInPolicyAdmin(ReadOnlyAdmin):
    """Changed on the page of people, which checks that no site admin is locked out."""

    list_display = ["second_factor"]


@admin.register(IdentityProvider)
class IdentityProviderAdmin(ReadOnlyAdmin):
    """Changed on the page of identity providers, which encrypts the secret and records the change."""

    exclude = ["secret_text"]
    list_display = ["name", "slug", "issuer", "is_active"]


@admin.register(FailedSignIn)
class FailedSignInAdmin(admin.ModelAdmin):
    """Deleting a person's rows lets them try again at once."""

    is_deletable = True
    list_display = ["name", "address", "device", "at"]
    search_fields = ["name", "address"]


@admin.register(Activity)
class ActivityAdmin(ReadOnlyAdmin):
    """Rows of the activity log, which nobody can change; the studio's own page searches them."""

    list_display = ["at", "actor_name", "verb", "label", "outcome"]
    list_filter = ["outcome", "verb"]
    search_fields = ["actor_name", "label"]


@admin.register(PendingActivity)
class PendingActivityAdmin(ReadOnlyAdmin):
    list_display = ["activity", "receiver"]
    list_select_related = ["activity"]


@admin.register(StreamState)
class StreamStateAdmin(ReadOnlyAdmin):
    list_display = ["receiver", "failures", "due_at", "sent_at", "answer"]


@admin.register(ServicePrincipal)
class ServicePrincipalAdmin(CredentialAdmin):
    """Deleted on its page, with its account's access."""

    is_deletable = False
    list_display = ["user", "client_id", "created_at"]
    list_select_related = ["user"]
    search_fields = ["user__username", "client_id"]


@admin.register(PrincipalSecret)
class PrincipalSecretAdmin(CredentialAdmin):
    list_display = ["principal", "hint", "created_at", "expires_at", "last_used_at", "revoked_at"]
    list_select_related = ["principal__user"]


# Replaces the admin classes of django-allauth, which show and change secrets.
for model in (EmailAddress, SocialAccount, SocialApp, SocialToken, Authenticator):
    admin.site.unregister(model)


@admin.register(Authenticator)
class AuthenticatorAdmin(CredentialAdmin):
    """Second factors; deleting one removes it from its person."""

    exclude = ["data"]
    list_display = ["user", "type", "created_at", "last_used_at"]
    list_filter = ["type"]
    list_select_related = ["user"]
    search_fields = ["user__username"]


@admin.register(SocialAccount)
class SocialAccountAdmin(CredentialAdmin):
    """Links a person to their account at an identity provider; deleting one separates them."""

    exclude = ["extra_data"]
    list_display = ["user", "provider", "uid", "last_login"]
    list_select_related = ["user"]
    search_fields = ["user__username", "uid"]
