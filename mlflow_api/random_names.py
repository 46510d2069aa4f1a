"""Random names for runs and models without a name."""

import random

ADJECTIVES = """able bold brave calm clever eager fair fine gentle glad grand happy keen kind lively lucky neat nimble noble
proud quick quiet rare shiny silent smart swift tidy vivid wise"""
NOUNS = """ant bear bee bird cat crane crow deer dove duck eel elk finch fish fox frog goat gull hare hawk horse ibis jay
lark lynx mole moose moth newt otter owl panda perch pike quail ram raven robin seal shrew sloth stork swan tern toad
trout wolf wren yak"""


def random_name() -> str:
    return f"{random.choice(ADJECTIVES.split())}-{random.choice(NOUNS.split())}-{random.randint(1, 999)}"
