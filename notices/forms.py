"""Forms for the webhook and the delivery times of a person."""

from django import forms

from notices import rules
from notices.models import CHOSEN, DeliveryTimes, Webhook
from notices.rules import Channel
from studio.forms import SelectField, TextField


class WebhookForm(forms.Form):
    url = TextField(
        rules.WEBHOOK_URL,
        required=False,
        label="Address",
        widget=forms.URLInput,
        help_text="Each notification is posted there. Leave empty for no webhook.",
    )
    format = SelectField(rules.WEBHOOK_FORMAT, choices=rules.WebhookFormat.choices, required=False)

    def save(self, person) -> Webhook | None:
        return Webhook.put(person, self.cleaned_data["url"], self.cleaned_data["format"] or rules.WebhookFormat.JSON)


def _time_field(**options) -> forms.TimeField:
    return forms.TimeField(widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"), **options)


class DeliveryTimesForm(forms.Form):
    prefix = "times"

    time_zone = TextField(
        rules.TIME_ZONE, label="Time zone", widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"})
    )
    digest_at = _time_field(
        label="Daily mail at", help_text="One mail with all notifications that are chosen in its column above."
    )
    quiet_from = _time_field(required=False, label="Quiet hours from")
    quiet_until = _time_field(
        required=False,
        label="Quiet hours until",
        help_text="Mails and webhooks wait until then; the bell does not. Leave empty for no quiet hours.",
    )

    def save(self, person) -> DeliveryTimes:
        return DeliveryTimes.put(person, **self.cleaned_data)


def read_choices(data) -> set[tuple[str, str]]:
    """The checked boxes `<event>:<channel>` of the table."""
    return {(event, channel) for event in CHOSEN for channel in Channel if f"{event}:{channel}" in data}
