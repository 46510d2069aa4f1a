"""Passwords that consist mostly of words that an attacker of this studio tries first."""

import re
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError

WORDS = {"lazuli", "studio", "azure", "azureml", "workspace", "password", "admin"}
# Shorter ones, such as "ai", are in many good passwords.
MIN_LETTERS = 4
# Letters and digits that must remain without these words.
MIN_REST = 6


class OwnWordsValidator:
    def validate(self, password, user=None):
        words = sorted(WORDS | own_words(user), key=len, reverse=True)
        rest, found = re.subn("|".join(map(re.escape, words)), "", password.lower())
        if found and len(re.sub(r"\W", "", rest)) < MIN_REST:
            raise ValidationError("This password is mostly a name of this studio or of you. Choose another one.")

    def get_help_text(self):
        return "Not only the name of this studio or your own."


def own_words(user) -> set[str]:
    """The parts of the host name, and of the names and address of the person."""
    texts = [urlsplit(settings.PUBLIC_URL).hostname or ""]
    if user is not None:
        texts += [user.username, user.first_name, user.last_name, user.email.partition("@")[0]]
    return {word for text in texts for word in re.split(r"\W+", text.lower()) if len(word) >= MIN_LETTERS}
