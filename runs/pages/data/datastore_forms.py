"""Forms of datastores, with the rules of the API (assets/data/rules.py)."""

from django import forms

from assets.data import rules
from assets.data.models import Datastore
from studio.forms import TextField
from studio.rules import DESCRIPTION

PASSWORD = {"autocomplete": "new-password", "spellcheck": "false"}
LABELS = {
    "folder": ("Folder", "An absolute path on the server, below a folder that the site admin allows."),
    "account_name": ("Storage account", "3 to 24 lower-case letters and digits."),
    "container": ("Container", ""),
    "endpoint": ("Endpoint", "Leave it empty for the provider's own."),
    "region": ("Region", "For example us-east-1."),
    "prefix": ("Folder in it", "Only what is below this folder; empty for all."),
    "file": ("File", "An absolute path on the server, below a folder that the site admin allows."),
    "server_name": ("Server", "The name of the host, or of a server on Azure."),
    "database_name": ("Database", ""),
    "port": ("Port", "Leave it empty for the usual one of the kind."),
    "ssl_mode": ("Encryption", "require (if it is empty), prefer or verify-full."),
    "user_id": ("User", "An account that may only read."),
    "user_password": ("Password", ""),
    "account_key": ("Account key", ""),
    "sas_token": ("Shared access signature", ""),
    "tenant_id": ("Tenant id", ""),
    "client_id": ("Client id", ""),
    "client_secret": ("Client secret", ""),
    "access_key_id": ("Access key id", ""),
    "secret_access_key": ("Secret access key", ""),
}
CREDENTIALS = {
    "None": "None: the store is public",
    "AccountKey": "Account key",
    "Sas": "Shared access signature",
    "ServicePrincipal": "Service principal",
    "AccessKey": "Access key",
}
# What the container is called where it has another name.
CONTAINERS = {"S3": "Bucket", "AzureDataLakeGen2": "File system", "AzureFile": "File share"}
KINDS = [(kind.value, kind.label) for kind in Datastore.Kind if kind.value in rules.SETTINGS]


class DatastoreForm(forms.Form):
    """The form of one kind of datastore, which decides the fields."""

    name = TextField(rules.DATASTORE_NAME, help_text="Letters, digits and underscores.")
    description = TextField(DESCRIPTION, required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, data=None, *, kind: str):
        super().__init__(data)
        self.kind = kind
        known, required = rules.SETTINGS[kind]
        for name in known:
            if name != "protocol":
                self._add(name, name in required, forms.TextInput())
        self.chosen = rules.ALLOWED[kind]
        if len(self.chosen) > 1:
            choices = [(one, CREDENTIALS[one]) for one in self.chosen]
            self.fields["credentials"] = forms.ChoiceField(
                choices=choices,
                label="Credentials",
                initial=next(one for one in self.chosen if one != "None"),
                help_text="They go into the key vault, and no page shows them again.",
            )
        for one in self.chosen:
            for name in rules.CREDENTIALS[one]:
                self._add(name, len(self.chosen) == 1, forms.PasswordInput(attrs=PASSWORD))
        self.order_fields(["name", *(name for name in self.fields if name != "description")])

    def _add(self, name: str, required: bool, widget) -> None:
        label, text = LABELS[name]
        if name == "container":
            label = CONTAINERS.get(self.kind, label)
        self.fields[name] = forms.CharField(
            label=label,
            required=required,
            help_text=text,
            widget=widget,
            max_length=rules.MAX_SECRET_LENGTH,
        )

    def read_fields(self) -> dict:
        """The fields for Datastore.register."""
        data = self.cleaned_data
        return {
            "kind": self.kind,
            "settings": {name: data.get(name) for name in rules.SETTINGS[self.kind][0]},
            "credentials": data.get("credentials") or self.chosen[0],
            "secrets": {name: data.get(name) for names in rules.CREDENTIALS.values() for name in names},
            "description": data["description"],
        }
