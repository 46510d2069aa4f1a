"""`manage.py rotate_vault_keys`: encrypt all secrets with a new key."""

from django.conf import settings
from django.core.management.base import BaseCommand

from studio import encryption
from workspaces.vault.models import SecretVersion

BATCH = 500


class Command(BaseCommand):
    help = "Make a new key for the key vaults, and encrypt every stored secret by it. The studio may run meanwhile."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument(
            "--forget-old", action="store_true", help="remove the old keys; backups made before need a copy of them"
        )

    def handle(self, *args, forget_old, **options):
        # With the setting, the administrator has put the new key first.
        keys = encryption.load_keys() if settings.KEY_VAULT_KEYS else encryption.add_key()
        number = encrypt_again(keys)
        others = sum(encrypt(keys) for encrypt in encryption.ENCRYPT_AGAIN)
        self.stdout.write(f"{number:,} versions of secrets are encrypted by the key {keys.current_id} now.")
        self.stdout.write(
            f"{others:,} other secrets too: of second factors, identity providers, endpoints and webhooks."
        )
        if settings.KEY_VAULT_KEYS:
            self.stdout.write("The other keys of KEY_VAULT_KEYS are needed by older backups alone.")
        elif forget_old:
            encryption.forget_old_keys()
            self.stdout.write(f"The old keys are removed from {encryption.name_key_source()}.")


def encrypt_again(keys: encryption.Keys) -> int:
    """Encrypt values of other keys, repeatedly, because another process may still be using the old key."""
    number = 0
    while True:
        old = SecretVersion.objects.exclude(key_id=keys.current_id).select_related("secret__workspace")[:BATCH]
        batch = list(old)
        if not batch:
            return number
        for version in batch:
            owner = version.secret.owner_of_text
            text = keys.encrypt(keys.decrypt(version.text, owner), owner)
            same = SecretVersion.objects.filter(pk=version.pk, text=version.text)
            number += same.update(text=text, key_id=keys.current_id)
