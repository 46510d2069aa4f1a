"""The password hasher: argon2id with OWASP's parameters, which use 19 MiB and some tens of milliseconds."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2(Argon2PasswordHasher):
    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1
