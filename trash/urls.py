from django.urls import path

from trash import retention_views, views

app_name = "trash"

urlpatterns = [
    path("ws/<slug:slug>/trash/", views.trash_page, name="list"),
    path("ws/<slug:slug>/trash/purges/", views.trash_purges, name="purges"),
    path("ws/<slug:slug>/trash/restore/", views.trash_restore, name="restore"),
    path("ws/<slug:slug>/trash/restore-model/", views.trash_restore_model, name="restore_model"),
    path("ws/<slug:slug>/trash/delete/", views.trash_delete, name="delete"),
    path("ws/<slug:slug>/trash/empty/", views.trash_empty, name="empty"),
    path("ws/<slug:slug>/trash/undo/", views.trash_undo, name="undo"),
    path("ws/<slug:slug>/retention/", retention_views.retention_page, name="retention"),
    path("ws/<slug:slug>/retention/estimate/", retention_views.retention_estimate, name="retention_estimate"),
    path("ws/<slug:slug>/retention/<int:pk>/switch/", retention_views.retention_switch, name="retention_switch"),
    path("ws/<slug:slug>/retention/<int:pk>/delete/", retention_views.retention_delete, name="retention_delete"),
    path("workspaces/deleted/", views.workspaces_deleted, name="workspaces_deleted"),
    path("workspaces/deleted/purges/", views.workspaces_purges, name="workspaces_purges"),
    path("workspaces/deleted/<uuid:workspace_id>/restore/", views.workspace_restore, name="workspace_restore"),
    path("workspaces/deleted/<uuid:workspace_id>/delete/", views.workspace_purge, name="workspace_purge"),
]
