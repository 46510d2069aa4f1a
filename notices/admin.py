"""Notifications and their deliveries, for site admins to view; webhooks without their secrets."""

from django.contrib import admin

from notices.models import Delivery, DeliveryTimes, Follow, Notification, Preference, Webhook
from studio.admin_site import ReadOnlyAdmin


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    is_deletable = True
    list_display = ["at", "person", "event", "title", "read_at"]
    list_select_related = ["person"]
    search_fields = ["title", "person__username"]


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    is_deletable = True
    list_display = ["notification", "channel", "state", "attempts", "due_at", "answer"]
    list_select_related = ["notification"]
    list_filter = ["state", "channel"]


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    is_deletable = True
    list_display = ["person", "url"]
    list_select_related = ["person"]
    exclude = ["secret_text"]


@admin.register(Preference)
class PreferenceAdmin(ReadOnlyAdmin):
    is_deletable = True
    list_display = ["person", "event", "channel", "is_on"]
    list_select_related = ["person"]


@admin.register(DeliveryTimes)
class DeliveryTimesAdmin(ReadOnlyAdmin):
    is_deletable = True
    list_display = ["person", "time_zone", "digest_at", "quiet_from", "quiet_until"]
    list_select_related = ["person"]


@admin.register(Follow)
class FollowAdmin(ReadOnlyAdmin):
    is_deletable = True
    list_display = ["person", "run"]
    list_select_related = ["person", "run"]
