import math

import numpy
import pytest
from azureml.exceptions import AzureMLException, UserErrorException
from lazuli.runs import metric_values


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (1, 1),
        (1.5, 1.5),
        ("a", "a"),
        (True, True),
        (None, None),
        (numpy.int64(3), 3),
        (numpy.float32(0.5), 0.5),
        (numpy.bool_(True), True),
        (numpy.str_("x"), "x"),
        (numpy.array(7), 7),
        (math.nan, "NaN"),
        (-math.inf, "-Infinity"),
        (numpy.float64("inf"), "Infinity"),
        ({"a": 1}, "{'a': 1}"),
    ],
)
def test_values_become_json(given, sent):
    value = metric_values.scalar_metric("m", given)["value"]
    assert value == sent
    assert type(value) is type(sent)


@pytest.mark.parametrize("value", [[1], range(2), (number for number in [1])])
def test_log_takes_one_value(value):
    with pytest.raises(UserErrorException, match="log_list"):
        metric_values.scalar_metric("m", value)


def test_lists():
    assert metric_values.list_metric("m", (1, 2))["value"] == [1, 2]
    assert metric_values.list_metric("m", numpy.array(["a", "b"]))["value"] == ["a", "b"]
    with pytest.raises(AzureMLException, match="contains lists"):
        metric_values.list_metric("m", [[1], [2]])
    with pytest.raises(UserErrorException, match="empty"):
        metric_values.list_metric("m", [])


def test_tables():
    assert metric_values.row_metric("m", {"x": 1, "y": numpy.float64(2)})["rows"] == [{"x": 1, "y": 2.0}]
    assert metric_values.table_metric("m", {"x": [1, 2], "y": [3, 4]})["rows"] == [{"x": 1, "y": 3}, {"x": 2, "y": 4}]
    with pytest.raises(AzureMLException, match="same length"):
        metric_values.table_metric("m", {"x": [1, 2], "y": [3]})
    with pytest.raises(AzureMLException, match="log_table"):
        metric_values.row_metric("m", {"x": [1]})
    with pytest.raises(UserErrorException, match="dict of lists"):
        metric_values.table_metric("m", [1])


@pytest.mark.parametrize(
    ("kind", "values", "shown"),
    [
        ("scalar", [1], 1),
        ("scalar", [1, 2], [1, 2]),
        ("list", ["a"], "a"),
        ("list", [1, 2], [1, 2]),
        ("table", [{"x": 1, "y": 2}], {"x": 1, "y": 2}),
        ("table", [{"x": 1, "y": 2}, {"x": 3}], {"x": [1, 3], "y": [2, None]}),
        ("image", ["aml://first", "aml://second"], "aml://first"),
        ("scalar", ["Infinity"], math.inf),
    ],
)
def test_get_metrics_shows(kind, values, shown):
    assert metric_values.decode_series({"kind": kind, "values": values}) == shown


def test_json_metrics_must_be_json():
    assert (
        metric_values.encode_json_text({"data": {"matrix": numpy.array([[1, 2]])}}, "x")
        == '{"data": {"matrix": [[1, 2]]}}'
    )
    with pytest.raises(UserErrorException, match="not JSON"):
        metric_values.encode_json_text("{", "confusion matrix")


def test_long_lists_go_in_pieces_and_batches_stay_small():
    from lazuli.runs.metrics_queue import batch_length

    whole = metric_values.list_metric("m", range(2500))
    parts = list(metric_values.split_metric(whole))
    assert [len(part["value"]) for part in parts] == [1000, 1000, 500]
    assert [value for part in parts for value in part["value"]] == list(range(2500))
    assert batch_length(parts * 10) == 6
    assert batch_length([metric_values.scalar_metric("m", 1)] * 600) == 500
    assert batch_length([]) == 0
    table = metric_values.table_metric("t", {"x": list(range(1500))})
    assert [len(part["rows"]) for part in metric_values.split_metric(table)] == [1000, 500]
