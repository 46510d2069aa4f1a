"""Forms for compute instances."""

from django import forms

from accounts.edit_conflicts import EditConflicts
from accounts.models import User
from compute.instances import rules
from compute.instances.schedule_times import WEEKDAYS, build_expression, check_expression, check_zone
from compute.instances.schedules import NewSchedule
from compute.models import ComputeSchedule
from compute.rules import VM_SIZE
from studio.forms import NumberField, TagsField, TextField
from studio.rules import DESCRIPTION, Rule


class IdleForm(forms.Form):
    shuts_down = forms.BooleanField(label="Stop it when it is idle", required=False, initial=True)
    idle_minutes = NumberField(
        rules.IDLE_MINUTES,
        label="Minutes of idle time",
        required=False,
        initial=60,
        help_text="Idle means that no kernel runs, no terminal has a program or output, no job runs on it, and the processor rests. Open browser tabs do not count. A warning is shown ten minutes before.",
    )

    def clean(self):
        data = super().clean()
        if data.get("shuts_down") and data.get("idle_minutes") is None and "idle_minutes" not in self.errors:
            self.add_error("idle_minutes", "Enter the minutes.")
        return data

    @property
    def minutes(self) -> int | None:
        return self.cleaned_data["idle_minutes"] if self.cleaned_data["shuts_down"] else None


class IdleEditForm(EditConflicts, IdleForm):
    """Changes an existing instance."""


class InstanceForm(IdleForm):
    name = TextField(rules.INSTANCE_NAME, label="Compute name", help_text=rules.NAME_HELP)
    vm_size = TextField(VM_SIZE, label="Virtual machine size")
    assigned_to = forms.ModelChoiceField(
        User.objects.none(),
        label="Assign to",
        required=False,
        empty_label="me",
        help_text="Only this person can open its applications.",
    )
    starts = forms.BooleanField(label="Start it now", required=False, initial=True)
    description = TextField(DESCRIPTION, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    tags = TagsField()
    field_order = ["name", "vm_size", "shuts_down", "idle_minutes", "assigned_to", "starts", "description", "tags"]

    def __init__(self, *args, people, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["assigned_to"].queryset = people
        self.fields["assigned_to"].label_from_instance = lambda user: user.label


class ChangeForm(forms.Form):
    ACTS = ("start", "stop", "restart", "resize", "delete", "skip", "skip_schedule", "idle")
    act = forms.ChoiceField(choices=[(act, act) for act in ACTS])
    confirm_name = forms.CharField(required=False, max_length=100)
    vm_size = TextField(VM_SIZE, required=False)
    next = forms.CharField(required=False, max_length=2000)


class ScheduleForm(forms.Form):
    action = forms.ChoiceField(label="Action", choices=ComputeSchedule.Action.choices, initial="Stop")
    time = forms.TimeField(
        label="Time",
        required=False,
        initial="18:00",
        input_formats=["%H:%M"],
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    days = forms.MultipleChoiceField(
        label="Days",
        required=False,
        choices=[(day, day) for day in WEEKDAYS[1:] + WEEKDAYS[:1]],
        initial=WEEKDAYS[1:6],
        widget=forms.CheckboxSelectMultiple,
    )
    expression = TextField(
        Rule(check_expression, "expression", {"maxLength": 300}),
        label="Cron expression",
        required=False,
        help_text="Used instead of time and days: minute, hour, day of month, month, day of week, such as 30 18 * * 1-5.",
    )
    zone = TextField(
        Rule(check_zone, "timeZone", {"maxLength": 60}),
        label="Time zone",
        initial="UTC",
        help_text="A name such as Europe/Berlin or Pacific Standard Time.",
    )

    def clean(self):
        data = super().clean()
        if not data.get("expression") and "expression" not in self.errors:
            for name in ("time", "days"):
                if data.get(name) in (None, []) and name not in self.errors:
                    self.add_error(name, "Choose it, or write a cron expression.")
        return data

    def make_schedule(self) -> NewSchedule:
        data = self.cleaned_data
        if data["expression"]:
            return NewSchedule(data["action"], data["expression"], data["zone"])
        pattern = {"hours": [data["time"].hour], "minutes": [data["time"].minute], "weekDays": data["days"]}
        pattern["monthDays"] = []
        recurrence = {"frequency": "Week", "interval": 1, "schedule": pattern}
        return NewSchedule(data["action"], build_expression("Week", 1, pattern), data["zone"], recurrence)


class ScheduleChangeForm(forms.Form):
    ACTS = ("add", "enable", "disable", "delete")
    act = forms.ChoiceField(choices=[(act, act) for act in ACTS])
    schedule = forms.UUIDField(required=False)
