"""`manage.py doctor`: check this installation, with one line per check."""

from django.core.management.base import BaseCommand, CommandError

from studio import doctor


class Command(BaseCommand):
    help = "Check this installation, one line per check with what to do; ends with 1 if something is wrong."
    requires_system_checks = []

    def handle(self, *args, **options):
        found = doctor.run_checks()
        width = max(len(one.what) for one in found)
        for one in found:
            self.stdout.write(f"{one.state:<4}  {one.what:<{width}}  {one.text} {one.remedy}".rstrip())
        wrong = [one.what for one in found if one.state == "fail"]
        if wrong:
            raise CommandError(f"Problems: {', '.join(wrong)}.")
