from django.apps import AppConfig

from studio import encryption
from studio.admin_site import Site
from studio.api import Bearer
from studio.findings import APP_CHECKS
from studio.shell import Shell


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self):
        # Imported here because they need the models, which are not loaded earlier.
        from accounts import activity_checks, identity_providers, second_factors, sign_in_checks
        from accounts.actors import actor_of_request
        from accounts.authentication import actor_of_token

        Bearer.authenticate_token = staticmethod(actor_of_token)
        Shell.actor_of = staticmethod(actor_of_request)
        Site.record = staticmethod(activity_checks.record_row)
        encryption.ENCRYPT_AGAIN.append(second_factors.encrypt_again)
        encryption.register_columns(identity_providers.IdentityProvider, "secret_text")
        APP_CHECKS.extend([activity_checks.check_chains, activity_checks.check_stream, sign_in_checks.check_providers])
