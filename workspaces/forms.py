"""What a person types, checked by the same rules as the API (studio/names.py, workspaces/creation.py)."""

from django import forms

from studio import names
from studio.errors import Conflict, Invalid
from studio.forms import check_field
from workspaces import creation
from workspaces.models import Role, Workspace


def parse_tags(text: str) -> dict[str, str]:
    """`name: value`, one a line; a name alone has an empty value."""
    pairs = (line.partition(":") for line in text.splitlines() if line.strip())
    return names.check_tags({name.strip(): value.strip() for name, _, value in pairs})


def format_tags(tags: dict) -> str:
    return "\n".join(f"{name}: {value}" for name, value in tags.items())


class TagsField(forms.CharField):
    widget = forms.Textarea(attrs={"rows": 3, "placeholder": "team: vision"})

    def __init__(self, **kwargs):
        super().__init__(required=False, help_text="One a line, as name: value.", **kwargs)

    def clean(self, value):
        return check_field(parse_tags, super().clean(value))

    def prepare_value(self, value):
        return format_tags(value) if isinstance(value, dict) else value


class WorkspaceEditForm(forms.ModelForm):
    tags = TagsField()

    class Meta:
        model = Workspace
        fields = ["friendly_name", "description", "tags"]
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}

    def clean(self):
        given = super().clean()
        self.cleaned_data |= check_field(creation.check_details, {k: v for k, v in given.items() if k in self.fields})
        return self.cleaned_data

    def save(self):
        self.instance.edit(**self.cleaned_data)
        return self.instance


class WorkspaceForm(forms.Form):
    name = forms.CharField(
        label="Workspace name", max_length=33, help_text="Letters, digits, hyphens and underscores; 3 to 33 of them."
    )
    friendly_name = forms.CharField(
        max_length=100, required=False, help_text="Shown in the studio instead of the name."
    )
    subscription = forms.CharField(max_length=100, help_text="Choose one, or write any text to name a new one.")
    resource_group = forms.CharField(max_length=90, help_text="Choose one, or write the name of a new one.")
    location = forms.CharField(label="Region", max_length=40, initial="eastus")
    description = forms.CharField(max_length=5000, required=False, widget=forms.Textarea(attrs={"rows": 3}))
    tags = TagsField()
    storage_account = forms.CharField(max_length=100, required=False)
    key_vault = forms.CharField(max_length=100, required=False)
    application_insights = forms.CharField(max_length=100, required=False)
    container_registry = forms.CharField(max_length=100, required=False)

    DETAILS = [
        "location",
        "friendly_name",
        "description",
        "tags",
        "storage_account",
        "key_vault",
        "application_insights",
        "container_registry",
    ]

    def clean_name(self):
        return check_field(names.check_name, self.cleaned_data["name"], "workspace name")

    def clean_subscription(self):
        return check_field(names.check_name, self.cleaned_data["subscription"], "subscription")

    def clean_resource_group(self):
        return check_field(names.check_name, self.cleaned_data["resource_group"], "resource group name")

    def clean_location(self):
        return check_field(creation.check_location, self.cleaned_data["location"])

    def save(self, actor) -> Workspace:
        data = self.cleaned_data
        details = {key: data[key] for key in self.DETAILS}
        return creation.create_workspace(
            actor, data["subscription"], data["resource_group"], data["name"], details, create_group=True
        )


class MemberForm(forms.Form):
    username = forms.CharField(label="User name", max_length=150)
    role = forms.ChoiceField(choices=Role, initial=Role.DATA_SCIENTIST)

    def attempt(self, act, actor, workspace):
        """Do it with what was typed; a refusal becomes the error of its field, and the answer is None."""
        if not self.is_valid():
            return None
        try:
            return act(actor, workspace, **self.cleaned_data)
        except (Invalid, Conflict) as error:
            self.add_error(error.target if error.target in self.fields else None, error.message)
            return None


class AccountForm(MemberForm):
    # It stands beside MemberForm on one page.
    prefix = "account"
    full_name = forms.CharField(max_length=150, required=False)
    field_order = ["username", "full_name", "role"]
