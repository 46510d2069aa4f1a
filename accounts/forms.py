"""Forms for signing in and for a person's own account."""

from django import forms
from django.contrib.auth import password_validation
from django.db import transaction

from accounts import activity, sign_in_limits
from accounts.edit_conflicts import EditConflicts
from accounts.models import SignInPolicy, Token
from accounts.rules import PASSKEY_NAME, PRINCIPAL_NAME, TOKEN_NAME, TOKEN_SCOPE, TokenScope
from studio.forms import SelectField, TextField

# Longer input is refused, not hashed.
MAX_PASSWORD_LENGTH = 4096


class TokenForm(forms.Form):
    name = TextField(TOKEN_NAME, help_text="What it is for, such as “laptop” or “nightly script”.")
    days = forms.TypedChoiceField(
        label="Valid for",
        coerce=int,
        initial=90,
        choices=[(7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "One year"), (0, "Until revoked")],
    )

    scope = SelectField(TOKEN_SCOPE, label="May", choices=TokenScope.choices, initial=TokenScope.ADMIN, required=False)
    workspace = forms.ChoiceField(required=False, help_text="Select one if the script uses only that workspace.")

    def __init__(self, workspaces, *args, **kwargs):
        """`workspaces` are those that the person may open."""
        super().__init__(*args, **kwargs)
        self.workspaces = {str(one.pk): one for one in workspaces}
        names = [(key, one.title) for key, one in self.workspaces.items()]
        self.fields["workspace"].choices = [("", "All workspaces"), *names]

    def create_token(self, user):
        data = self.cleaned_data
        workspace = self.workspaces.get(data["workspace"])
        return Token.create_for(user, data["name"], data["days"] or None, scope=data["scope"], workspace=workspace)


class PrincipalForm(forms.Form):
    name = TextField(PRINCIPAL_NAME, help_text="What it is for, such as “nightly-training”.")


class PrincipalSecretForm(forms.Form):
    days = forms.TypedChoiceField(
        label="Valid for",
        coerce=int,
        initial=180,
        choices=[(30, "30 days"), (90, "90 days"), (180, "180 days"), (365, "One year"), (730, "Two years")],
    )


class NewPasswordForm(forms.Form):
    """For a person who has no password yet."""

    password = forms.CharField(
        label="New password",
        strip=False,
        max_length=MAX_PASSWORD_LENGTH,
        help_text="At least 10 characters.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label="Confirm new password", strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def __init__(self, user, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self):
        password_validation.validate_password(self.cleaned_data["password"], self.user)
        return self.cleaned_data["password"]

    def clean(self):
        if self.cleaned_data.get("password") and self.cleaned_data.get("again") != self.cleaned_data["password"]:
            self.add_error("again", "The two passwords do not match.")

    @transaction.atomic
    def save(self):
        self.user.set_password(self.cleaned_data["password"])
        self.user.save(update_fields=["password"])
        activity.record("password.change", self.user)


class PasswordForm(NewPasswordForm):
    """Asks for the current password if there is one: the first account starts with a sign-in link."""

    current = forms.CharField(
        label="Current password",
        strip=False,
        max_length=MAX_PASSWORD_LENGTH,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    field_order = ["current", "password", "again"]

    def __init__(self, request, *args, **kwargs):
        super().__init__(request.user, *args, **kwargs)
        self.request = request
        if not self.user.has_usable_password():
            del self.fields["current"]

    def clean_current(self):
        # The same limit as for signing in, against guesses in an open browser.
        refused = sign_in_limits.refusal_reason(self.request, self.user.username)
        if refused:
            raise forms.ValidationError(refused)
        attempt = sign_in_limits.record_attempt(self.request, self.user.username)
        if not self.user.check_password(self.cleaned_data["current"]):
            raise forms.ValidationError("That is not your current password.")
        attempt.delete()


class CodeForm(forms.Form):
    code = forms.CharField(
        max_length=20,
        help_text="Six digits of your authenticator app, or one of your recovery codes.",
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True, "size": 12}
        ),
    )


class PasswordAgainForm(forms.Form):
    password = forms.CharField(
        strip=False,
        max_length=MAX_PASSWORD_LENGTH,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )


class PasskeyForm(forms.Form):
    name = TextField(PASSKEY_NAME, label="Name", help_text="Which device it is on, such as “laptop” or “phone”.")
    # The response of the browser.
    credential = forms.CharField(max_length=20_000, widget=forms.HiddenInput, required=False)

    def clean(self):
        self.cleaned_data["answer"] = self.cleaned_data.pop("credential", "")
        return self.cleaned_data


class SecondFactorPolicyForm(EditConflicts, forms.Form):
    second_factor = forms.ChoiceField(label="Who needs a second factor", choices=SignInPolicy.SecondFactor)


class SignInForm(forms.Form):
    username = forms.CharField(
        max_length=150, widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True})
    )
    password = forms.CharField(
        strip=False,
        max_length=MAX_PASSWORD_LENGTH,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
