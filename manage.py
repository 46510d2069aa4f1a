#!/usr/bin/env python
"""Django's command line: `manage.py help` lists the commands."""

import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from studio.running import NoStudio, use_running_studio


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
    try:
        use_running_studio(sys.argv[1:], os.environ)
        settings.INSTALLED_APPS  # noqa: B018 - reads the settings, so that a wrong one is one line, not a traceback
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Wrong setting: {error}")
    except NoStudio as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
