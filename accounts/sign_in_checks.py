"""The check of the identity providers for `manage.py doctor`."""

from accounts.identity_providers import IdentityProvider
from studio.findings import Finding, passed, warn

WHAT = "identity providers"
# The doctor must finish in seconds; the page of a provider checks each.
MAX_PROVIDERS = 3


def check_providers() -> Finding:
    # Imported here because OpenID Connect's libraries take 40 MB, and every process imports this module.
    from accounts import oidc

    rows = list(IdentityProvider.objects.filter(is_active=True).order_by("pk")[:MAX_PROVIDERS])
    if not rows:
        return passed(WHAT, "None is set up: people sign in with passwords and passkeys.")
    for row in rows:
        for is_good, step, text in oidc.check_connection(row):
            if not is_good:
                return warn(WHAT, f"{row}: {step}: {text}", "Open its page under Identity providers and select Test.")
    return passed(WHAT, f"{', '.join(map(str, rows))}: discovery and keys can be read.")
