"""Writers of a SQLite file stand in a queue, and its statements are remembered."""

import threading

import pytest
from django.db import connection, transaction

from studio.database import begin_write

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'sqlite' or connection.is_in_memory_db()", reason="SQLite files alone"),
]


def in_thread(act):
    def work():
        try:
            act()
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_writer_waits_until_the_one_before_has_committed():
    said, inside, go_on = [], threading.Event(), threading.Event()

    def first():
        with begin_write():
            inside.set()
            assert go_on.wait(10)
            said.append("first")

    def second():
        with begin_write():
            said.append("second")

    one = in_thread(first)
    assert inside.wait(10)
    other = in_thread(second)
    other.join(0.2)
    assert other.is_alive()
    go_on.set()
    one.join(10)
    other.join(10)
    assert said == ["first", "second"]


def test_an_error_ends_the_turn():
    with pytest.raises(ValueError, match="broken"), begin_write():
        raise ValueError("broken")
    with begin_write():
        assert connection.in_atomic_block


def test_who_is_in_a_transaction_does_not_wait_for_a_turn():
    with transaction.atomic(), begin_write(), begin_write():
        assert connection.in_atomic_block


def test_a_statement_that_is_remembered_takes_other_values():
    for value in ("a", "b%s"):
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s, '50 %%'", [value])
            assert cursor.fetchone() == (value, "50 %")
            cursor.execute("SELECT '50 %'")
            assert cursor.fetchone() == ("50 %",)
