"""The arithmetic of figures and what counts as a verified run."""

import pytest
from runner import figures


def test_a_clean_run_is_verified(raw):
    assert figures.verify(raw(), 1000) is None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"verified": 999}, "1000 generated, but 999 verified"),
        ({"verified": 1001}, "1001 verified"),
        ({"verified": 999, "damaged": 1}, "1 damaged"),
        ({"repeated": 2}, "2 repeated"),
        ({"foreign": 3}, "3 foreign"),
        ({"violations": 4}, "4 violations"),
        ({"frames": 998, "generated": 998, "verified": 998}, "998 frames instead of 1000"),
        ({"generated": 900, "verified": 900}, "900 of 1000 frames were generated"),
        ({"cycles": 0}, "the clock stood still"),
    ],
)
def test_what_fails_a_run(raw, changes, told):
    assert told in figures.verify(raw(**changes), 1000)


def test_missed_and_freed_frames_are_accounted_for(raw):
    assert figures.verify(raw(verified=990, rx_missed=6, freed=4), 1000) is None


def test_a_count_that_is_not_reported_fails(raw):
    counts = raw()
    del counts["damaged"]
    assert "did not report damaged" in figures.verify(counts, 1000)


def test_inline_takes_off_the_model_and_the_brackets(raw):
    got = figures.inline_figures(raw())
    assert got["cycles_per_packet"] == pytest.approx(10.0)  # (60,000 - 49,000 - 100 * 10) / 1000
    assert got["ns_per_packet"] == pytest.approx(10.0 / 3)  # three cycles a nanosecond
    assert got["mpps"] == pytest.approx(300.0)


def test_threaded_figures_and_who_waited(raw):
    got = figures.threaded_figures(raw(), 32, 100.0)
    assert got["ns_per_packet"] == pytest.approx(20.0)
    assert got["mpps"] == pytest.approx(50.0)
    assert got["empty_poll_share"] == pytest.approx(0.2)
    assert got["empty_time_share"] == pytest.approx(1000 / 60_000)
    assert got["idle_step_share"] == pytest.approx(0.1)
    assert got["batch_fill"] == pytest.approx(1000 / (40 * 32))
    assert got["cycles_per_packet_working"] == pytest.approx(59.0)
    assert got["device_bottleneck"] is False


@pytest.mark.parametrize("changes", [{"empty_polls": 40, "polls": 80}, {"polls": 500}])
def test_the_device_was_the_bottleneck(raw, changes):
    """Much time on empty polls in one case, nearly empty batches in the other."""
    assert figures.threaded_figures(raw(**changes), 32, 200.0)["device_bottleneck"] is True


def test_an_empty_poll_never_costs_more_than_there_was(raw):
    got = figures.threaded_figures(raw(empty_polls=49, polls=50), 1000, 5000.0)
    assert got["empty_time_share"] == 1.0
    assert got["cycles_per_packet_working"] == 0.0


def test_uncalibrated_empty_polls_leave_the_estimate_open(raw):
    got = figures.threaded_figures(raw(), 32, None)
    assert got["cycles_per_packet_working"] is None
    assert got["empty_time_share"] == got["empty_poll_share"]


def test_quantiles_lie_between_values():
    assert figures.quantile([1, 2, 3, 4], 0.25) == pytest.approx(1.75)
    assert figures.quantile([7], 0.75) == 7
    assert figures.spread([]) is None
    assert figures.spread([3, None, 1]) == {"p25": 1.5, "p75": 2.5, "min": 1, "max": 3, "count": 2}


def test_the_state_needs_both_round_trips_short():
    assert figures.better_state([120.0, 130.0]) is True
    assert figures.better_state([120.0, 530.0]) is False
    assert figures.better_state([None]) is None


def sample(round_, ns, timing="inline", **changes):
    made = {
        "round": round_,
        "batch": 32,
        "timing": timing,
        "verified": True,
        "counts": True,
        "ns_per_packet": ns,
        "mpps": 1000 / ns,
        "cycles_per_packet": ns * 3,
    }
    if timing == "threaded":
        made |= {
            "better_state": True,
            "device_bottleneck": False,
            "pinned": True,
            "core_to_core_ns": 120.0,
            "empty_poll_share": 0.0,
            "empty_time_share": 0.0,
            "idle_step_share": 0.5,
            "batch_fill": 1.0,
            "cycles_per_packet_working": ns * 3,
        }
    return made | changes


def test_ratios_pair_samples_of_one_round():
    reference = [sample(0, 10.0), sample(1, 20.0), sample(2, 30.0)]
    row = figures.summarise([sample(0, 20.0), sample(2, 40.0)], reference, "inline")
    assert row["ratio_to_c"] == pytest.approx((0.5 + 0.75) / 2)
    assert row["ratio_to_c_spread"]["count"] == 2
    assert row["ns_per_packet"] == 30.0
    assert row["verified"] is True


def test_no_ratio_for_bars_below_batch_8():
    low = [sample(0, 10.0, batch=4)]
    assert figures.summarise(low, low, "inline")["ratio_to_c"] == 1.0
    assert figures.summarise(low, low, "inline")["ratio_for_bars"] is None


def test_a_failed_sample_fails_the_row_and_gives_no_figure():
    row = figures.summarise([sample(0, 10.0), sample(1, 5.0, verified=False)], [], "inline")
    assert row["verified"] is False
    assert row["ns_per_packet"] == 10.0
    assert figures.summarise([], [], "inline")["verified"] is False


def test_samples_without_their_cpu_do_not_count():
    assert "driver's thread waited 10%" in figures.judge({"timing": "inline", "driver_waited_share": 0.10})[0]
    assert figures.judge({"timing": "threaded", "pinned": False, "model_waited_share": 0.0})
    assert figures.judge({"timing": "threaded", "pinned": True, "model_waited_share": 0.01}) == []
    row = figures.summarise([sample(0, 10.0), sample(1, 99.0, counts=False)], [], "inline")
    assert row["ns_per_packet"] == 10.0
    row = figures.summarise([sample(0, 99.0, counts=False)], [], "inline")
    assert row["ns_per_packet"] == 99.0
    assert "disturbed" in row["notes"][0]


def test_threaded_rows_use_the_better_state_or_say_so():
    mixed = [sample(0, 30.0, "threaded"), sample(1, 90.0, "threaded", better_state=False)]
    row = figures.summarise(mixed, mixed, "threaded")
    assert row["ns_per_packet"] == 30.0
    assert row["better_state"] is True
    worse = figures.summarise(mixed[1:], mixed, "threaded")
    assert "not measured in the better state" in worse["notes"]
    assert worse["ratio_for_bars"] is None


def test_ratios_compare_one_state_only():
    reference = [sample(0, 10.0, "threaded")]
    other = [sample(0, 40.0, "threaded", better_state=False)]
    assert figures.summarise(other, reference, "threaded")["ratio_to_c"] is None


def test_a_bottleneck_of_the_device_is_told_and_satisfies_no_bar():
    reference = [sample(0, 10.0, "threaded")]
    row = figures.summarise([sample(0, 10.0, "threaded", device_bottleneck=True)], reference, "threaded")
    assert row["ratio_to_c"] == 1.0
    assert row["ratio_for_bars"] is None
    assert "the device was the bottleneck" in row["notes"]
