"""Forms of labeling projects, with the rules of the models."""

from django import forms

from accounts.edit_conflicts import EditConflicts
from labeling import rules
from labeling.models import LabelingItem, LabelingProject
from studio.forms import NumberField, TextField, check_field

PEOPLE = "With more than one, an item gets the label that most of them gave; others are reviewed."


class LabelsField(forms.CharField):
    """Labels as text, one a line."""

    widget = forms.Textarea(attrs={"rows": 5, "placeholder": "cat\ndog"})
    rule = rules.LABELS

    def clean(self, value):
        lines = (line.strip() for line in (super().clean(value) or "").splitlines())
        return check_field(self.rule.check, [line for line in lines if line])

    def prepare_value(self, value):
        return "\n".join(value) if isinstance(value, list) else value


class LabelsForm(forms.Form):
    labels = LabelsField(help_text="One label per line; the first nine have the keys 1 to 9.")
    instructions = TextField(
        rules.INSTRUCTIONS,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="What the labels mean, and what to do if in doubt. Everybody sees this while labeling.",
    )


class ProjectEditForm(EditConflicts, LabelsForm):
    """The settings of a project."""


class ProjectForm(LabelsForm):
    name = TextField(rules.NAME)
    kind = forms.ChoiceField(label="Type", choices=LabelingProject.Kind.choices)
    data_asset = forms.ChoiceField(label="Data asset", help_text="The current newest version is labeled.")
    column = forms.CharField(
        required=False,
        max_length=255,
        label="Column with the texts",
        help_text="For text classification: a column of the table. Texts are shortened to 5,000 characters.",
    )
    labelers_per_item = NumberField(rules.LABELERS, label="Labelers per item", initial=1, help_text=PEOPLE)

    field_order = ["name", "kind", "data_asset", "column", "labels", "instructions", "labelers_per_item"]

    def __init__(self, *args, assets, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["data_asset"].choices = [(name, name) for name in assets]

    def clean(self):
        data = super().clean()
        is_text = data.get("kind") == LabelingProject.Kind.TEXT
        if is_text and not data.get("column"):
            self.add_error("column", "Text classification needs the name of the column with the texts.")
        if not is_text and data.get("column"):
            self.add_error("column", "Images have no column. Leave it empty, or choose text classification.")
        return data


class ItemsForm(forms.Form):
    """The filter of the items of a project."""

    state = forms.ChoiceField(
        required=False,
        choices=[("", "All states"), *LabelingItem.State.choices],
        widget=forms.Select(attrs={"class": "input"}),
    )
    label = forms.ChoiceField(required=False, widget=forms.Select(attrs={"class": "input"}))

    def __init__(self, *args, labels, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["label"].choices = [("", "All labels"), *((label, label) for label in labels)]
