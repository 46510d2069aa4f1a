"""Passwords that were found in breaches, from a list on disk, so that nothing about a password leaves this machine.

The list has one SHA-1 in hexadecimal digits per line, sorted, with or without `:count`, as haveibeenpwned's downloader writes it.
A binary search reads about 35 of its lines, however long it is.
"""

import hashlib
import os
import pathlib

from django.conf import settings
from django.core.exceptions import ValidationError

# Longer than any line.
LINE = 100
DIGITS = 40


class BreachListValidator:
    def validate(self, password, user=None):
        if settings.BREACH_LIST and is_listed(settings.BREACH_LIST, password):
            raise ValidationError("This password is known from a breach of another site. Choose another one.")

    def get_help_text(self):
        return "Not a password from a known data breach."


def is_listed(path: str | pathlib.Path, password: str) -> bool:
    wanted = hashlib.sha1(password.encode(errors="replace"), usedforsecurity=False).hexdigest().upper().encode()
    with open(path, "rb") as file:
        low, high = 0, file.seek(0, os.SEEK_END)
        # The searched line begins between the two.
        while low < high:
            middle = (low + high) // 2
            start, found = _line_from(file, middle)
            if found and found < wanted:
                low = start + 1
            else:
                high = middle
        return _line_from(file, low)[1] == wanted


def _line_from(file, position: int) -> tuple[int, bytes]:
    """The position and the digits of the first line that begins at the position or later; no digits at the end of the
    file."""
    file.seek(max(position - 1, 0))
    if position:
        file.readline(LINE)
    start = file.tell()
    return start, file.readline(LINE)[:DIGITS].upper()
