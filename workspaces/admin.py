"""Site admins can find, filter and correct all objects of this app."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group

from accounts import views
from accounts.models import User
from studio.admin_site import ReadOnlyAdmin
from studio.errors import Conflict
from workspaces.models import (
    ClaimedMembership,
    ClaimMapping,
    CustomRole,
    Home,
    ResourceGroup,
    RoleAssignment,
    Secret,
    SecretVersion,
    Subscription,
    UserGroup,
    Workspace,
)

# Rights are roles on subscriptions, groups and workspaces; nothing checks Django's own groups.
admin.site.unregister(Group)
admin.site.site_header = admin.site.site_title = "Lazuli Studio"
admin.site.index_title = "Administration"
# The studio's own pages for sign-in and password have limits; the administration uses these.
admin.site.login = views.administration  # type: ignore[method-assign, assignment]
admin.site.password_change = views.password  # type: ignore[method-assign, assignment]


class RolesOfUser(admin.TabularInline):
    """Roles are given and removed on the pages of users and permissions, which keep an Owner."""

    model = RoleAssignment
    extra = 0
    can_delete = False
    raw_id_fields = ["subscription", "resource_group", "workspace", "group"]

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False


@admin.register(User)
class PersonAdmin(UserAdmin):
    """Names and the rights of a site admin; accounts are blocked and deactivated on the page People."""

    is_editable = True
    list_display = [
        "username",
        "first_name",
        "last_name",
        "email",
        "is_active",
        "is_staff",
        "is_superuser",
        "last_login",
    ]
    list_filter = ["is_staff", "is_superuser", "is_active"]
    filter_horizontal = []
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        ("Person", {"fields": ["first_name", "last_name", "email", "theme"]}),
        ("May", {"fields": ["is_active", "is_staff", "is_superuser"]}),
        ("When", {"fields": ["last_login", "date_joined"]}),
    ]
    readonly_fields = ["is_active"]
    inlines = [RolesOfUser]

    def save_model(self, request, obj, form, change):
        others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=obj.pk)
        if "is_superuser" in form.changed_data and not obj.is_superuser and not others.exists():
            raise Conflict(f"{obj} is the last site admin. Make another one first.", code="last_owner")
        super().save_model(request, obj, form, change)


@admin.register(Subscription)
class SubscriptionAdmin(admin.ModelAdmin):
    list_display = ["subscription_id", "display_name", "created_at"]
    search_fields = ["subscription_id", "display_name"]
    date_hierarchy = "created_at"


@admin.register(ResourceGroup)
class ResourceGroupAdmin(admin.ModelAdmin):
    list_display = ["name", "subscription", "location", "created_at"]
    list_filter = ["location", "subscription"]
    list_select_related = ["subscription"]
    search_fields = ["name", "subscription__subscription_id"]
    raw_id_fields = ["subscription"]


@admin.register(Workspace)
class WorkspaceAdmin(admin.ModelAdmin):
    list_display = ["name", "friendly_name", "resource_group", "location", "created_by", "created_at"]
    list_filter = ["location", "resource_group__subscription"]
    list_select_related = ["resource_group", "created_by"]
    search_fields = ["name", "friendly_name", "slug", "workspace_id", "resource_group__name"]
    raw_id_fields = ["resource_group", "created_by"]
    readonly_fields = ["workspace_id", "created_at"]


@admin.register(RoleAssignment)
class RoleAssignmentAdmin(admin.ModelAdmin):
    list_display = ["user", "group", "role", "subscription", "resource_group", "workspace", "created_at"]
    list_filter = ["role"]
    list_select_related = ["user", "group", "subscription", "resource_group", "workspace"]
    search_fields = ["user__username", "workspace__name", "resource_group__name", "subscription__subscription_id"]
    raw_id_fields = ["user", "group", "subscription", "resource_group", "workspace"]


@admin.register(Secret)
class SecretAdmin(ReadOnlyAdmin):
    list_display = ["name", "workspace", "for_runs", "created_at"]
    list_select_related = ["workspace"]
    search_fields = ["name", "workspace__name"]


@admin.register(SecretVersion)
class SecretVersionAdmin(ReadOnlyAdmin):
    list_display = ["secret", "version", "key_id", "created_by", "created_at"]
    list_select_related = ["secret", "created_by"]
    exclude = ["text"]


@admin.register(CustomRole)
class CustomRoleAdmin(ReadOnlyAdmin):
    """Created and changed on the page of custom roles, which checks the actions."""

    list_display = ["name", "role_id", "created_at"]
    search_fields = ["name"]


@admin.register(UserGroup)
class UserGroupAdmin(admin.ModelAdmin):
    list_display = ["name", "description", "created_at"]
    search_fields = ["name"]
    raw_id_fields = ["members", "owners"]


@admin.register(Home)
class HomeAdmin(admin.ModelAdmin):
    list_display = ["name", "workspace", "user", "created_at"]
    list_select_related = ["workspace", "user"]
    search_fields = ["name", "user__username"]
    raw_id_fields = ["workspace", "user"]
    readonly_fields = ["created_at"]


@admin.register(ClaimMapping)
class ClaimMappingAdmin(ReadOnlyAdmin):
    list_display = ["provider", "value", "group"]
    list_select_related = ["provider", "group"]


@admin.register(ClaimedMembership)
class ClaimedMembershipAdmin(ReadOnlyAdmin):
    list_display = ["user", "provider", "group"]
    list_select_related = ["user", "provider", "group"]
