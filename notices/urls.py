from django.urls import path

from notices import views

app_name = "notices"

urlpatterns = [
    path("notifications/", views.notification_list, name="list"),
    path("notifications/bell/", views.bell, name="bell"),
    path("notifications/read/", views.mark_read, name="read"),
    path("notifications/preferences/", views.preferences, name="preferences"),
    path("notifications/webhook/", views.webhook, name="webhook"),
    path("notifications/times/", views.delivery_times, name="times"),
    path("notifications/test/", views.send_test, name="test"),
    path("notifications/deliveries/<int:pk>/again/", views.delivery_again, name="again"),
    path("ws/<slug:slug>/runs/<str:run_id>/follow/", views.follow, name="follow"),
]
