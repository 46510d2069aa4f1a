from django.urls import path

from notebooks import change_views, run_views, views

app_name = "notebooks"
NOTEBOOKS = "ws/<slug:slug>/notebooks"
urlpatterns = [
    path(f"{NOTEBOOKS}/", views.notebooks, name="files"),
    path(f"{NOTEBOOKS}/file/", views.file_content, name="file"),
    path(f"{NOTEBOOKS}/zip/", views.folder_zip, name="zip"),
    path(f"{NOTEBOOKS}/run/", run_views.notebook_run, name="run"),
    path(f"{NOTEBOOKS}/edit/", change_views.file_edit, name="edit"),
    path(f"{NOTEBOOKS}/new/", change_views.file_new, name="new"),
    path(f"{NOTEBOOKS}/upload/", change_views.files_upload, name="upload"),
    path(f"{NOTEBOOKS}/upload/file/", change_views.file_upload, name="upload_file"),
    path(f"{NOTEBOOKS}/move/", change_views.file_move, name="move"),
    path(f"{NOTEBOOKS}/copy/", change_views.file_copy, name="copy"),
    path(f"{NOTEBOOKS}/delete/", change_views.file_delete, name="delete"),
    path(f"{NOTEBOOKS}/trash/", views.trashed, name="trash"),
    path(f"{NOTEBOOKS}/trash/<uuid:key>/", change_views.trashed_change, name="trash_change"),
    path(f"{NOTEBOOKS}/share/", change_views.file_share, name="share"),
    path(f"{NOTEBOOKS}/shared/<str:secret>/", views.shared, name="shared"),
    path(f"{NOTEBOOKS}/shared/<str:secret>/file/", views.shared_content, name="shared_file"),
]
