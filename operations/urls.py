"""URLs of the administration; Django's own is at admin/rows/ (studio/urls.py)."""

from django.urls import path

from operations import backup_views, bulk_views, limit_views, people_views, queue_views, views

app_name = "operations"

urlpatterns = [
    path("", views.overview_page, name="overview"),
    path("queue/", views.queue_page, name="queue"),
    path("queue/cancel/", queue_views.queue_cancel_several, name="queue_cancel_several"),
    path("queue/<uuid:pk>/front/", views.queue_front, name="queue_front"),
    path("queue/<uuid:pk>/move/", queue_views.queue_move, name="queue_move"),
    path("queue/<uuid:pk>/cancel/", views.queue_cancel, name="queue_cancel"),
    path("machines/", views.machines_page, name="machines"),
    path("machines/<int:pk>/drain/", views.host_drain, name="host_drain"),
    path("machines/<int:pk>/reopen/", views.host_reopen, name="host_reopen"),
    path("machines/nodes/<int:pk>/drain/", views.node_drain, name="node_drain"),
    path("bulk/<slug:kind>/", bulk_views.bulk_act, name="bulk"),
    path("requests/<slug:request_id>/undo/", bulk_views.request_undo, name="request"),
    path("people/", people_views.people_page, name="people"),
    path("people/policy/", people_views.policy_change, name="policy"),
    path("people/<int:pk>/", people_views.person, name="person"),
    path("limits/", limit_views.limits_page, name="limits"),
    path("limits/quotas/<int:pk>/delete/", limit_views.quota_delete, name="quota_delete"),
    path("limits/budgets/<int:pk>/delete/", limit_views.budget_delete, name="budget_delete"),
    path("limits/work/<uuid:pk>/approve/", limit_views.work_approve, name="work_approve"),
    path("storage/", views.storage_page, name="storage"),
    path("storage/sweep/", views.storage_sweep, name="storage_sweep"),
    path("backups/", backup_views.backups_page, name="backups"),
    path("backups/start/", backup_views.backup_start, name="backup_start"),
    path("health/", views.health_page, name="health"),
    path("health/doctor/", views.health_doctor, name="health_doctor"),
    path("settings/", views.settings_page, name="settings"),
    path("announcements/", views.announcements_page, name="announcements"),
    path("announcements/<int:pk>/end/", views.announcement_end, name="announcement_end"),
]
