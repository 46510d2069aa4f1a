"""Forms of data assets, with the rules of the API."""

from django import forms
from lazuli.data.definitions import ENCODINGS, MAX_QUERY, MAX_QUERY_SECONDS, QUERY_SECONDS, TYPES

from accounts.edit_conflicts import EditConflicts
from assets.data import quality, rules
from studio.forms import TagsField, TextField
from studio.rules import DESCRIPTION

SEPARATORS = {",": "Comma", "\t": "Tab", ";": "Semicolon", "|": "Pipe", " ": "Space"}
HEADERS = {
    "3": "All files have the same headers",
    "1": "Only the first file has headers",
    "2": "Each file has headers of its own",
    "0": "No headers",
}
FORMATS = {"read_delimited": "Delimited", "read_parquet": "Parquet", "read_json_lines": "JSON lines"}
RULES = {
    "not_null": "Never missing",
    "range": "In a range",
    "unique": "Unique",
    "set": "One of a set of values",
    "freshness": "Fresh: the newest time is recent",
}
KINDS = {"tabular": "Tabular: rows and columns", "file": "File: the files as they are"}


class DataVersionForm(EditConflicts, forms.Form):
    description = TextField(DESCRIPTION, required=False, widget=forms.Textarea(attrs={"rows": 3}))
    tags = TagsField()


class BasicsForm(forms.Form):
    """Name and kind, and one of: uploaded files, a path of a datastore, a web address, a database."""

    name = TextField(rules.DATA_NAME, help_text="An existing name gets a new version.")
    kind = forms.ChoiceField(label="Type", choices=list(KINDS.items()), initial="tabular")
    description = TextField(DESCRIPTION, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    datastore = forms.ChoiceField(
        label="Datastore",
        help_text="Where the files are or will be stored. A database is read by a query, which the next step asks for.",
    )
    path = forms.CharField(
        required=False,
        max_length=1000,
        label="Path in the datastore",
        help_text="A folder, a file, or a pattern such as in/*.csv, of files that are already there.",
    )
    url = forms.CharField(
        required=False,
        max_length=2000,
        label="Web address",
        help_text="The address of a file on the web, instead of a path.",
    )

    def __init__(self, *args, datastores: list, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["datastore"].choices = [(row.name, _label_of(row)) for row in datastores]


def _label_of(row) -> str:
    return f"{row.name} ({row.get_kind_display()})" if row.is_database else row.name


class DeprecationForm(forms.Form):
    replacement = forms.ChoiceField(
        label="Use instead",
        required=False,
        help_text="A data asset that warnings and pages name; nothing is redirected.",
    )

    def __init__(self, *args, assets, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["replacement"].choices = [("", "Nothing"), *((one.name, one.name) for one in assets)]


class SettingsForm(forms.Form):
    """The settings that make files a table."""

    file_format = forms.ChoiceField(label="File format", choices=list(FORMATS.items()))
    separator = forms.ChoiceField(label="Delimiter", choices=list(SEPARATORS.items()), required=False)
    encoding = forms.ChoiceField(choices=[(word, word) for word in ENCODINGS], required=False)
    header = forms.ChoiceField(label="Column headers", choices=list(HEADERS.items()), required=False)

    def read_step(self) -> dict:
        data = self.cleaned_data
        step: dict = {"type": data["file_format"]}
        if step["type"] == "read_delimited":
            step |= {"separator": data["separator"] or ",", "header": int(data["header"] or 3)}
            step["encoding"] = data["encoding"] or "utf8"
        return step


class QueryForm(forms.Form):
    """A query of a database."""

    query = forms.CharField(
        max_length=MAX_QUERY,
        label="SQL query",
        help_text="One statement that only reads, such as SELECT id, age FROM people.",
        widget=forms.Textarea(attrs={"rows": 8, "class": "mono", "spellcheck": "false"}),
    )
    query_timeout = forms.IntegerField(
        min_value=1,
        max_value=MAX_QUERY_SECONDS,
        initial=QUERY_SECONDS,
        label="Time limit in seconds",
        help_text="The query is stopped after this time, each time that the rows are read.",
    )

    def read_step(self) -> dict:
        data = self.cleaned_data
        return {"type": "read_sql", "query": data["query"], "query_timeout": data["query_timeout"]}


class QualityRuleForm(forms.Form):
    """A new rule, with the values that its type needs."""

    rule_type = forms.ChoiceField(label="Rule", choices=list(RULES.items()))
    column = forms.CharField(
        max_length=quality.MAX_LENGTH, widget=forms.TextInput(attrs={"list": "rule-columns", "autocomplete": "off"})
    )
    minimum = forms.CharField(required=False, max_length=60, help_text="For a range: a number, a time, or empty.")
    maximum = forms.CharField(required=False, max_length=60, help_text="A number or a time, or empty.")
    values = forms.CharField(required=False, max_length=5000, help_text="For a set: the values, separated by commas.")
    hours = forms.FloatField(required=False, help_text="For freshness: how old the newest row may be.")

    @property
    def status(self) -> int:
        return 400 if self.errors else 200

    def read_rule(self) -> dict:
        """Raises Invalid."""
        data = self.cleaned_data
        values = [value.strip() for value in data["values"].split(",") if value.strip()]
        given = {"min": _read_bound(data["minimum"]), "max": _read_bound(data["maximum"])}
        given |= {"values": values, "hours": data["hours"]}
        chosen = {name: given[name] for name in quality.VALUES[data["rule_type"]] if given[name] not in (None, "")}
        return quality.check_rules([{"type": data["rule_type"], "column": data["column"], **chosen}])[0]


def _read_bound(text: str):
    """A number, or the text of a time."""
    try:
        return float(text)
    except ValueError:
        return text


COLUMN_TYPES = {name: name.capitalize() for name in TYPES}
