"""Django's administration with our own site."""

from django.contrib.admin.apps import AdminConfig


class AdministrationConfig(AdminConfig):
    default_site = "studio.admin_site.Site"
