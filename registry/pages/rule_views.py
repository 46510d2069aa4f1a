"""Pages of promotion rules."""

from django import forms
from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.actors import actor_of_request
from accounts.form_keys import process_once
from registry import rules
from registry.models import ModelVersion, PromotionRule
from runs.pages.access import find_workspace, is_allowed, require_permission
from studio.forms import SelectField, TagsField, TextField, attempt, check_field
from workspaces.members import list_roles


class RuleForm(forms.Form):
    kind = SelectField(
        rules.PROMOTED_KIND, label="Applies to", choices=PromotionRule.Kind.choices, initial=PromotionRule.Kind.ALIAS
    )
    name = forms.CharField(label="Alias or stage", help_text="Such as champion, or Production.")
    model_name = TextField(
        rules.MODEL_NAME, label="Model", required=False, help_text="The name of a model; empty for every model."
    )
    role = forms.ChoiceField(label="Who may set it", required=False)
    needs_other_person = forms.BooleanField(label="Not the person who registered the version", required=False)
    needs_description = forms.BooleanField(label="The version has a description", required=False)
    needs_signature = forms.BooleanField(label="The version has a signature", required=False)
    needs_tags = TagsField(
        label="Required tags", help_text="One per line as name: value; a name alone accepts any value."
    )
    needs_metrics = forms.CharField(
        label="Required metrics",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "accuracy >= 0.9", "class": "mono"}),
        help_text="One per line: the name of a metric, >=, >, <= or <, and a number.",
    )

    def __init__(self, *args, workspace, **kwargs):
        super().__init__(*args, **kwargs)
        named = [(name, name if name == "Owner" else f"{name}, or Owner") for name in list_roles(workspace)]
        self.fields["role"].choices = [("", "Everybody who may edit models"), *named]

    def clean_name(self) -> str:
        rule = rules.PROMOTED[self.cleaned_data.get("kind", PromotionRule.Kind.ALIAS)]
        return check_field(rule.check, self.cleaned_data["name"])

    def clean_needs_metrics(self) -> list[str]:
        return list(filter(None, map(str.strip, self.cleaned_data["needs_metrics"].splitlines())))


@require_http_methods(["GET", "HEAD", "POST"])
@process_once
def rule_list(request, slug):
    """Everybody sees the rules; people who can give roles in the workspace change them."""
    workspace = find_workspace(request, slug)
    may_write = is_allowed(request, "edit_members")
    form = RuleForm(request.POST if request.method == "POST" else None, workspace=workspace)
    if request.method == "POST":
        require_permission(request, "edit_members")
        made = attempt(form, lambda: PromotionRule.add(actor_of_request(request), workspace, **form.cleaned_data))
        if made:
            messages.success(request, f"The rule for the {made} applies from now on.")
            return redirect("registry:rules", slug)
    context = {
        "rules": PromotionRule.objects.filter(workspace=workspace),
        "form": form,
        "may_write": may_write,
        "stages": ModelVersion.Stage.values,
    }
    return render(request, "registry/rules.html", context, status=400 if form.errors else 200)


@require_POST
def rule_delete(request, slug, pk: int):
    workspace = find_workspace(request, slug, "edit_members")
    rule = get_object_or_404(PromotionRule, workspace=workspace, pk=pk)
    rule.remove(actor_of_request(request))
    messages.success(request, f"The rule for the {rule} was deleted.")
    return redirect("registry:rules", slug)
