"""In what order samples are taken."""

import sys

from conftest import FAKE
from runner.devices import DEVICES
from runner.languages import Row
from runner.measure import Measurement, Plan


def fake_row(variant):
    return Row("C", "none", variant, "batch", (sys.executable, str(FAKE), "C", variant))


def test_rows_of_one_device_batch_and_timing_follow_each_other(tmp_path):
    rows = [fake_row("static"), fake_row("shared"), fake_row("libffi")]
    plan = Plan(DEVICES, (8, 32), ("inline",), 3, None, {"inline": 1.0})
    measurement = Measurement(rows, plan, tmp_path, print)
    measurement.close()
    for number in range(len(rows)):
        order = measurement._order(number)
        assert sorted(map(id, order)) == sorted(map(id, measurement.cells))
        for start in range(0, len(order), len(rows)):
            group = order[start : start + len(rows)]
            assert len({(cell.device, cell.batch, cell.timing) for cell in group}) == 1
            assert group[0].row == rows[number]
