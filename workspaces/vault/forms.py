"""Forms of secrets."""

from django import forms

from studio.forms import TextField
from workspaces.vault import rules

PASSWORD = forms.PasswordInput(attrs={"autocomplete": "new-password", "spellcheck": "false"})


class SecretVersionForm(forms.Form):
    value = TextField(
        rules.SECRET_VALUE,
        required=False,
        strip=False,
        widget=PASSWORD,
        help_text="Leave it empty for a random value, which is shown once.",
    )
    content_type = TextField(
        rules.CONTENT_TYPE, required=False, help_text="What kind of value it is, such as “connection string”."
    )


class SecretForm(SecretVersionForm):
    name = TextField(rules.SECRET_NAME, help_text="Letters, digits and hyphens.")
    for_runs = forms.BooleanField(label="Jobs may read it", required=False, initial=True)
    field_order = ["name", "value", "content_type", "for_runs"]
