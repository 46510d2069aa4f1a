"""Forms for the webhook of a person."""

from django import forms

from notices import rules
from notices.models import CHOSEN, Webhook
from notices.rules import Channel
from studio.forms import TextField


class WebhookForm(forms.Form):
    url = TextField(
        rules.WEBHOOK_URL,
        required=False,
        label="Address",
        widget=forms.URLInput,
        help_text="Each notification is posted there as JSON. Empty: no webhook.",
    )

    def save(self, person) -> Webhook | None:
        return Webhook.put(person, self.cleaned_data["url"])


def read_choices(data) -> set[tuple[str, str]]:
    """The checked boxes `<event>:<channel>` of the table."""
    return {(event, channel) for event in CHOSEN for channel in Channel if f"{event}:{channel}" in data}
