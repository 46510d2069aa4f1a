"""Forms of workspaces and their members, with the rules of the API (workspaces/rules.py)."""

from django import forms

from accounts.edit_conflicts import EditConflicts
from accounts.identity_providers import WRITABLE, IdentityProvider
from studio.forms import TagsField, TextField, check_field
from studio.rules import DESCRIPTION
from workspaces import creation, rules
from workspaces.custom_roles import RoleDefinition, read_definition
from workspaces.models import Role, Workspace


class WorkspaceEditForm(EditConflicts, forms.ModelForm):
    friendly_name = TextField(rules.FRIENDLY_NAME, required=False)
    description = TextField(DESCRIPTION, required=False, widget=forms.Textarea(attrs={"rows": 3}))
    tags = TagsField()

    class Meta:
        model = Workspace
        fields = ["friendly_name", "description", "tags"]

    def save(self):
        self.instance.edit(**self.cleaned_data)
        return self.instance


class SubscriptionForm(forms.Form):
    name = TextField(rules.DISPLAY_NAME, required=False, label="Display name", help_text="Its id stays as it is.")


class WorkspaceForm(forms.Form):
    name = TextField(
        rules.WORKSPACE_NAME,
        label="Workspace name",
        max_length=33,
        help_text="3 to 33 letters, digits, hyphens and underscores.",
    )
    friendly_name = TextField(rules.FRIENDLY_NAME, required=False, help_text="Shown in the studio instead of the name.")
    subscription = TextField(
        rules.SUBSCRIPTION, max_length=100, help_text="Choose one, or write any text to name a new one."
    )
    resource_group = TextField(
        rules.RESOURCE_GROUP, max_length=90, help_text="Choose one, or write the name of a new one."
    )
    location = TextField(rules.LOCATION, label="Region", initial="eastus")
    description = TextField(DESCRIPTION, required=False, widget=forms.Textarea(attrs={"rows": 3}))
    tags = TagsField()
    storage_account = TextField(rules.STORAGE_ACCOUNT, required=False)
    key_vault = TextField(rules.KEY_VAULT, required=False)
    application_insights = TextField(rules.APPLICATION_INSIGHTS, required=False)
    container_registry = TextField(rules.CONTAINER_REGISTRY, required=False)

    def save(self, actor) -> Workspace:
        data = self.cleaned_data
        details = {field: data[field] for field in data if field in rules.WORKSPACE_RULES}
        return creation.create_workspace(
            actor, data["subscription"], data["resource_group"], data["name"], details, create_group=True
        )


class RoleField(forms.ChoiceField):
    """The built-in roles, and in a workspace the custom ones that can be given there."""

    def __init__(self, **kwargs):
        super().__init__(choices=[(name, name) for name in Role.values], initial=Role.DATA_SCIENTIST, **kwargs)

    def set_roles(self, names: list[str]) -> None:
        self.choices = [(name, name) for name in names]


def _offer_roles(form: forms.Form, roles: list[str]) -> None:
    field = form.fields["role"]
    assert isinstance(field, RoleField)
    field.set_roles(roles)


class MemberForm(forms.Form):
    username = forms.CharField(
        label="User name",
        max_length=150,
        help_text="The user name of a person or service principal, or the name of a group.",
    )
    role = RoleField()
    scope = forms.ChoiceField(
        choices=[
            ("workspace", "This workspace"),
            ("resource group", "The resource group with all its workspaces"),
            ("subscription", "The subscription with all its groups"),
        ],
        required=False,
    )

    def __init__(self, roles: list[str], *args, **kwargs):
        super().__init__(*args, **kwargs)
        _offer_roles(self, roles)

    def clean_scope(self):
        return self.cleaned_data["scope"] or "workspace"


class AccountForm(forms.Form):
    # It is on the same page as MemberForm.
    prefix = "account"
    username = TextField(rules.USERNAME, label="User name")
    full_name = TextField(rules.FULL_NAME, required=False)
    role = RoleField()

    def __init__(self, roles: list[str], *args, **kwargs):
        super().__init__(*args, **kwargs)
        _offer_roles(self, roles)


class RoleJsonForm(EditConflicts, forms.Form):
    """A custom role as Azure's portal and `az role definition` write it."""

    definition = forms.CharField(
        max_length=100_000,
        widget=forms.Textarea(attrs={"rows": 14, "spellcheck": "false", "class": "mono"}),
        help_text="JSON with Name, Description, Actions, NotActions and AssignableScopes, or Azure's ARM form of it.",
    )

    def clean_definition(self) -> RoleDefinition:
        return check_field(read_definition, self.cleaned_data["definition"])


class GroupForm(forms.Form):
    name = TextField(rules.GROUP_NAME)
    description = TextField(rules.GROUP_DESCRIPTION, required=False)


class GroupMemberForm(forms.Form):
    username = forms.CharField(label="User name", max_length=150)
    is_owner = forms.BooleanField(label="Owner: can change the members of the group", required=False)


class IdentityProviderForm(EditConflicts, forms.ModelForm):
    """The short name is part of the redirect address, so only a new provider has it."""

    issuer = forms.URLField(
        max_length=400,
        assume_scheme="https",
        help_text="Such as https://login.microsoftonline.com/<tenant>/v2.0 or https://id.example.com/realms/team",
    )
    name = TextField(rules.PROVIDER_NAME, help_text="Shown on the button of the sign-in page.")
    secret = forms.CharField(
        label="Client secret",
        max_length=2000,
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Stored encrypted, and never shown again.",
    )
    field_order = ["name", "slug", "issuer", "client_id", "secret"]

    class Meta:
        model = IdentityProvider
        fields = ["slug", *WRITABLE]
        help_texts = {
            "slug": "In the redirect address, such as “entra”. It cannot be changed later.",
            "groups_claim": "Its values are mapped to groups. Use dots for nested claims: realm_access.roles",
            "trusts_email": "Only for a provider whose verified addresses cannot be chosen by their owners.",
        }

    def __init__(self, data=None, row=None):
        super().__init__(data, instance=row and type(row).objects.get(pk=row.pk))
        if row:
            del self.fields["slug"]
            self.fields["secret"].required = False
            self.fields["secret"].help_text = "Leave empty to keep the stored one."


class ClaimMappingForm(forms.Form):
    value = TextField(rules.CLAIM_VALUE, help_text="As the provider sends it: a name, or the group's id in Entra.")
    group_name = TextField(
        rules.GROUP_NAME, label="Group", required=False, help_text="It is created if it does not exist."
    )
    is_admin = forms.BooleanField(label="Site admin instead of a group", required=False)
