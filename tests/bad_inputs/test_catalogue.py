"""Every row of the catalogue has an existing test, or a reason why it does not apply."""

import pathlib
import re

from tests.bad_inputs.catalogue import ELSEWHERE, NOT_HERE, ROWS

TESTS = pathlib.Path(__file__).parent.parent


def find_rows_here() -> set[str]:
    """In the tables of this folder, and in the docstrings of its tests."""
    texts = [path.read_text() for path in pathlib.Path(__file__).parent.glob("test_*.py")]
    tables = {row for text in texts for row in re.findall(r'\("([AUFSER]\d\d)",', text)}
    said = [line for text in texts for line in re.findall(r'"""Rows? ([^.:;"]*)', text)]
    return tables | {row for line in said for row in re.findall(r"[AUFSER]\d\d", line)}


def test_every_row_stands_in_one_place():
    elsewhere = {line.split()[0] for line in ELSEWHERE.strip().splitlines()}
    not_here = {line.split()[0] for line in NOT_HERE.strip().splitlines()}
    here = find_rows_here()
    assert len(here) > 50 and len(set(ROWS)) == len(ROWS) > 250
    assert set(ROWS) - here - elsewhere - not_here == set()
    assert (elsewhere | not_here) - set(ROWS) == set()
    assert not_here & (here | elsewhere) <= {"U10", "U44", "R53", "A60", "E05", "E53"}


def test_what_is_kept_elsewhere_is_there():
    for line in ELSEWHERE.strip().splitlines():
        row, file, name = line.split()
        assert f"def test_{name}(" in (TESTS / file).read_text(), (row, file, name)


def test_a_reason_is_a_sentence():
    for line in NOT_HERE.strip().splitlines():
        row, _, reason = line.partition(" ")
        assert len(reason) > 6 and reason.endswith("."), row
