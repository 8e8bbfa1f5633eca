"""What a call costs over each boundary: the arithmetic, and its way through the runner."""

import sys

import pytest
from conftest import FAKE
from runner import boundaries
from runner.devices import DEVICES
from runner.languages import Row
from runner.measure import Measurement, Plan


def sample(number, ns, counts=True):
    return {"round": number, "ns_per_call": ns, "cycles_per_call": 2 * ns, "counts": counts}


def test_a_call_is_compared_with_the_reference_of_its_round():
    reference = [sample(0, 10.0), sample(1, 20.0), sample(2, 10.0)]
    entry = boundaries.summarise([sample(0, 15.0), sample(1, 25.0), sample(2, 16.0)], reference)
    assert entry["ns_per_call"] == 16.0
    assert entry["cycles_per_call"] == 32.0
    assert entry["ns_over_reference"] == 5.0
    assert entry["ns_per_call_spread"]["min"] == 15.0
    assert (entry["samples_used"], entry["notes"]) == (3, [])


def test_disturbed_samples_do_not_count():
    entry = boundaries.summarise([sample(0, 15.0), sample(1, 900.0, False)], [sample(0, 10.0), sample(1, 10.0)])
    assert entry["ns_per_call"] == 15.0
    assert entry["samples_used"] == 1
    entry = boundaries.summarise([sample(0, 900.0, False)], [sample(0, 10.0)])
    assert entry["ns_per_call"] == 900.0
    assert "disturbed" in entry["notes"][0]
    entry = boundaries.summarise([sample(0, 15.0), sample(1, 30.0, False)], [sample(0, 9.0, False), sample(1, 10.0)])
    assert entry["ns_over_reference"] == 13.0
    assert entry["notes"] == ["over C static from rounds that were disturbed"]


def test_nothing_measured_is_no_figure():
    entry = boundaries.summarise([], [])
    assert entry["ns_per_call"] is entry["ns_over_reference"] is entry["ns_per_call_spread"] is None


@pytest.mark.parametrize(
    ("changes", "problem"),
    [({}, None), ({"calls": 9}, "9 calls"), ({"cycles": 0}, "stood still"), ({"nanoseconds": None}, "did not report")],
)
def test_a_reply_is_verified(changes, problem):
    found = boundaries.verify({"calls": 10, "cycles": 5, "nanoseconds": 5} | changes, 10)
    assert found is None if problem is None else problem in found


def fake_row(language, variant, *faults):
    return Row(language, "none", variant, "batch", (sys.executable, str(FAKE), language, variant, *faults))


def row_of(crossing_row, ns):
    return {
        "language": crossing_row.language,
        "boundary": crossing_row.boundary,
        "variant": crossing_row.variant,
        "level": "batch",
        "device": "82599",
        "timing": "inline",
        "batch": 32,
        "ns_per_packet": ns,
        "missing": None,
    }


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """The table of rows, and what failed. The fakes have no thread to pin, so no sample counts; two cores or not."""
    monkeypatch.setattr("runner.measure.two_cores", lambda: (0, 0))
    monkeypatch.setattr("runner.placement.PIN_PATIENCE", 0.0)

    def measure(*rows):
        measurement = Measurement(
            list(rows), Plan(DEVICES, (32,), ("inline",), 1, None, {"inline": 1.0}), tmp_path, print
        )
        try:
            calls = boundaries.Calls(measurement)
            calls.take(3, lambda text: None)
        finally:
            measurement.close()
        return boundaries.table_of(calls.crossings, [row_of(row, 7.0) for row in rows], True), measurement.failures

    return measure


def test_rows_take_turns_and_are_in_the_table(measured):
    static, slow = fake_row("C", "static", "call-cycles=20"), fake_row("Go", "safe", "call-cycles=60")
    entries, failures = measured(static, slow)
    assert failures == []
    assert [entry["language"] for entry in entries] == ["C", "Go"]
    assert [len(entry["samples"]) for entry in entries] == [3, 3]
    assert entries[0]["ns_per_call"] == pytest.approx(10.0)
    assert entries[1]["ns_over_reference"] == pytest.approx(20.0)
    assert entries[1]["ns_per_packet"] == {"32": 7.0}
    assert entries[1]["samples"][-1]["raw"]["calls"] > boundaries.CALLS_MIN
    text = boundaries.cells(entries[1], boundaries.batches(entries))
    assert text[:4] == ["Go", "safe", "none", "30.0 [30.0..30.0]"]
    assert len(text) == len(boundaries.head(entries))


@pytest.mark.parametrize(("fault", "told"), [("no-calls", "what is a call?"), ("lose-calls=1", "calls instead of")])
def test_a_forwarder_that_cannot_is_told(measured, fault, told):
    entries, failures = measured(fake_row("C", "static"), fake_row("Go", "safe", fault))
    assert entries[0]["ns_per_call"] is not None
    assert entries[1]["ns_per_call"] is None
    assert any(failure.startswith("Go safe, calls: ") and told in failure for failure in failures)
    assert told in boundaries.cells(entries[1], [])[-1]
