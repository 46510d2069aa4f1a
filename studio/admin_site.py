"""Django's admin site, with limits on the queries that its URLs can cause."""

import functools
from collections.abc import Callable

from django.contrib.admin import AdminSite, ModelAdmin
from django.forms import ModelForm, TextInput

from studio.errors import Invalid
from studio.visible_names import problem_with
from studio.words import split_words


class ReadOnlyAdmin(ModelAdmin):
    """Rows that only the studio's code writes: here they can be viewed, and deleted with `is_deletable`."""

    is_deletable = False

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return self.is_deletable and super().has_delete_permission(request, obj)


class Guarded:
    """Rows can be viewed here. They are changed and deleted by the studio's own pages, through the methods of their models: only
    classes that call these methods themselves, or say `is_editable` or `is_deletable`, do it here."""

    def has_add_permission(self, request):
        return self._overrides("save_model", "has_add_permission", "is_editable") and super().has_add_permission(
            request
        )

    def has_change_permission(self, request, obj=None):
        is_allowed = self._overrides("save_model", "has_change_permission", "is_editable")
        return is_allowed and super().has_change_permission(request, obj)

    def has_delete_permission(self, request, obj=None):
        is_allowed = self._overrides("delete_model", "has_delete_permission", "is_deletable")
        return is_allowed and super().has_delete_permission(request, obj)

    def has_view_permission(self, request, obj=None):
        return super().has_view_permission(request, obj) or super().has_change_permission(request, obj)

    @classmethod
    def _overrides(cls, *names: str) -> bool:
        """Whether the class of the app has a method of its own with one of the names, or the last one as a true attribute."""
        own = next(each for each in cls.__mro__[1:] if each not in (Guarded, Recorded))
        changed = any(getattr(own, name) is not getattr(ModelAdmin, name) for name in names[:-1])
        return changed or bool(getattr(own, names[-1], False))


class NamesForm(ModelForm):
    """The form of each object without one of its own. Text that is entered in one line is a name: its characters are visible."""

    def clean(self):
        data = super().clean()
        for name in self.changed_data:
            is_line = isinstance(self.fields[name].widget, TextInput)
            value = self.cleaned_data.get(name)
            if is_line and isinstance(value, str) and (problem := problem_with(value)):
                self.add_error(name, f"The name {problem}")
        return data


class Recorded:
    """Records changes in the administration in the activity log, in the transaction of Django's own history."""

    def log_addition(self, request, obj, message):
        Site.record("row.add", obj, message)
        return super().log_addition(request, obj, message)

    def log_change(self, request, obj, message):
        Site.record("row.change", obj, message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request, queryset):
        for row in queryset:
            Site.record("row.delete", row, [])
        return super().log_deletions(request, queryset)


class Site(AdminSite):
    # Set by accounts.apps, because this app cannot import others: (verb, row, Django's change message).
    record: Callable

    def register(self, model_or_iterable, admin_class=None, **options):
        own = admin_class or ModelAdmin
        more = {"form": NamesForm} if own.form is ModelForm else {}
        super().register(model_or_iterable, type(own.__name__, (Recorded, Guarded, own), more), **options)

    def admin_view(self, view, cacheable=False):
        inner = super().admin_view(view, cacheable)

        @functools.wraps(inner)
        def bounded(request, *args, **kwargs):
            _check(request.GET)
            return inner(request, *args, **kwargs)

        return bounded


def _check(query) -> None:
    """Django turns every word of a search into a condition, and lets a URL name any lookup of a field."""
    for name in ("q", "term"):
        split_words(query.get(name, ""), name)
    # On SQLite, patterns are matched by Python, which no statement timeout can stop.
    if wrong := next((name for name in query if name.endswith("regex")), None):
        raise Invalid(f"{wrong[:100]}: patterns are not searched for. Write a search by words.", target=wrong[:100])
