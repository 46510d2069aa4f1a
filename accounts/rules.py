"""What a person or a program may write of an account, each rule once (studio/rules.py)."""

from studio.rules import text_rule

TOKEN_NAME = text_rule("token name", max_length=100)
CLIENT_NAME = text_rule("client name", max_length=80)
