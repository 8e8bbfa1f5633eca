"""From a forwarder's counts to figures: pure arithmetic, no measuring. README.md says why each is as it is."""

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

Sample = dict[str, Any]

COUNTS = (
    "frames",
    "cycles",
    "nanoseconds",
    "model_cycles",
    "steps",
    "idle_steps",
    "bracket_cycles",
    "polls",
    "empty_polls",
    "freed",
    "generated",
    "verified",
    "damaged",
    "repeated",
    "foreign",
    "rx_missed",
    "violations",
)

BETTER_STATE_NS = 200.0  # a core-to-core round trip below this is the machine's better state
WAITED_MAX = 0.03  # a thread that waited longer than this share for a CPU did not have its core
# The device was the bottleneck when the driver spent more than this share of its time on polls that found nothing, or
# when the batches that it found were less than half full.
EMPTY_TIME_MAX = 0.10
FILL_MIN = 0.50
INLINE_BAR_BATCH_MIN = 8  # below it the time brackets weigh more than the driver


def verify(raw: Sample, frames: int) -> str | None:
    """Why a run is a failed run, or None: every frame is accounted for, and each arrived right and once."""
    missing = [name for name in COUNTS if not isinstance(raw.get(name), int)]
    if missing:
        return f"the forwarder did not report {', '.join(missing)}"
    problems = []
    if raw["frames"] != frames:
        problems.append(f"{raw['frames']} frames instead of {frames}")
    if raw["generated"] != frames:
        problems.append(f"{raw['generated']} of {frames} frames were generated")
    accounted = raw["verified"] + raw["rx_missed"] + raw["freed"]
    if raw["generated"] != accounted:
        problems.append(
            f"{raw['generated']} generated, but {raw['verified']} verified + {raw['rx_missed']} missed "
            f"+ {raw['freed']} freed"
        )
    for name in ("damaged", "repeated", "foreign", "violations"):
        if raw[name] != 0:
            problems.append(f"{raw[name]} {name}")
    if raw["cycles"] <= 0 or raw["nanoseconds"] <= 0:
        problems.append("the clock stood still")
    return "; ".join(problems) or None


def driver_cycles(raw: Sample) -> float:
    """Inline: the cycles of the sample that were not the model's, nor the time brackets' around it."""
    return float(raw["cycles"] - raw["model_cycles"] - raw["steps"] * raw["bracket_cycles"])


def inline_figures(raw: Sample) -> Sample:
    cycles = driver_cycles(raw) / raw["frames"]
    nanoseconds = cycles * raw["nanoseconds"] / raw["cycles"]
    return {"cycles_per_packet": cycles, "ns_per_packet": nanoseconds, "mpps": 1000.0 / nanoseconds}


def threaded_figures(raw: Sample, batch: int, empty_poll_cycles: float | None) -> Sample:
    """Threaded: the rate as it was, and who waited for whom.

    cycles_per_packet_working is an estimate: the sample's cycles without those of its empty polls, an empty poll
    taken to cost what it costs on an idle port.
    """
    nanoseconds = raw["nanoseconds"] / raw["frames"]
    empty = raw["empty_polls"] / raw["polls"] if raw["polls"] else 0.0
    found = raw["polls"] - raw["empty_polls"]
    fill = raw["frames"] / (found * batch) if found else 0.0
    working = None
    waited = empty  # not calibrated: as if every poll cost the same
    if empty_poll_cycles is not None:
        waited = min(1.0, raw["empty_polls"] * empty_poll_cycles / raw["cycles"])
        working = (1.0 - waited) * raw["cycles"] / raw["frames"]
    return {
        "cycles_per_packet": raw["cycles"] / raw["frames"],
        "ns_per_packet": nanoseconds,
        "mpps": 1000.0 / nanoseconds,
        "empty_poll_share": empty,
        "empty_time_share": waited,
        "idle_step_share": raw["idle_steps"] / raw["steps"] if raw["steps"] else 0.0,
        "batch_fill": fill,
        "cycles_per_packet_working": working,
        "device_bottleneck": waited > EMPTY_TIME_MAX or fill < FILL_MIN,
    }


def judge(sample: Sample) -> list[str]:
    """Why a verified sample does not count."""
    reasons = []
    for who in ("driver", "model"):
        waited = sample.get(f"{who}_waited_share")
        if waited is not None and waited > WAITED_MAX:
            reasons.append(f"the {who}'s thread waited {waited:.0%} of the time for a CPU")
    if sample["timing"] == "threaded" and not sample.get("pinned"):
        reasons.append("the threads could not be pinned to two CPUs")
    return reasons


def better_state(round_trips: Sequence[float | None]) -> bool | None:
    """Whether the machine was in its better state before and after; None where it was not measured."""
    known = [trip for trip in round_trips if trip is not None]
    return all(trip < BETTER_STATE_NS for trip in known) if known else None


def quantile(values: Sequence[float], share: float) -> float:
    """Linear between the two nearest."""
    ordered = sorted(values)
    position = share * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


def spread(values: Iterable[float | None]) -> Sample | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return {
        "p25": quantile(known, 0.25),
        "p75": quantile(known, 0.75),
        "min": min(known),
        "max": max(known),
        "count": len(known),
    }


def median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def used_samples(samples: Sequence[Sample], timing: str) -> tuple[list[Sample], list[str]]:
    """The samples that a row's medians are taken from, and what a reader must know about them."""
    good = [sample for sample in samples if sample["verified"]]
    if not good:
        return [], []
    notes = []
    counting = [sample for sample in good if sample["counts"]]
    if not counting:
        notes.append("disturbed: in no sample did the threads have their CPUs to themselves")
        counting = good
    if timing == "threaded":
        better = [sample for sample in counting if sample["better_state"]]
        if better:
            counting = better
        else:
            notes.append("not measured in the better state")
    return counting, notes


def pair_ratios(samples: Sequence[Sample], references: Sequence[Sample]) -> list[tuple[float, Sample, Sample]]:
    """Each sample against the reference's of the same round, device, batch and timing; threaded, also of one state."""
    by_round = {sample["round"]: sample for sample in references if sample["verified"]}
    pairs = []
    for sample in samples:
        reference = by_round.get(sample["round"])
        if reference is None or not sample["verified"]:
            continue
        if reference.get("better_state") == sample.get("better_state"):
            pairs.append((reference["ns_per_packet"] / sample["ns_per_packet"], sample, reference))
    return pairs


def fit_for_bars(sample: Sample) -> bool:
    if not sample["counts"]:
        return False
    if sample["timing"] == "inline":
        return bool(sample["batch"] >= INLINE_BAR_BATCH_MIN)
    return bool(sample["better_state"]) and not sample["device_bottleneck"]


def summarise(samples: Sequence[Sample], references: Sequence[Sample], timing: str) -> Sample:
    """A row's figures: medians, their spreads, and notes."""
    used, notes = used_samples(samples, timing)
    used_references, _ = used_samples(references, timing)
    pairs = pair_ratios(used, used_references)
    if used and not pairs:
        # The two rows never had a usable sample in the same round: better a ratio with a note than none.
        pairs = pair_ratios(samples, references)
        if pairs:
            notes.append("ratio from rounds that were disturbed or in mixed states")
    working = [
        reference["cycles_per_packet_working"] / sample["cycles_per_packet_working"]
        for _, sample, reference in pairs
        if sample.get("cycles_per_packet_working") and reference.get("cycles_per_packet_working")
    ]
    for_bars = [ratio for ratio, sample, reference in pairs if fit_for_bars(sample) and fit_for_bars(reference)]
    row: Sample = {}
    for name in ("ns_per_packet", "mpps", "cycles_per_packet"):
        values = [sample[name] for sample in used]
        row[name], row[f"{name}_spread"] = median(values), spread(values)
    ratios = [ratio for ratio, _, _ in pairs]
    row["ratio_to_c"], row["ratio_to_c_spread"] = median(ratios), spread(ratios)
    row["ratio_for_bars"], row["ratio_for_bars_spread"] = median(for_bars), spread(for_bars)
    if timing == "threaded":
        row["ratio_working"], row["ratio_working_spread"] = median(working), spread(working)
        names = (
            "core_to_core_ns",
            "empty_poll_share",
            "empty_time_share",
            "idle_step_share",
            "batch_fill",
            "cycles_per_packet_working",
        )
        for name in names:
            row[name] = median(sample[name] for sample in used)
        bound = sum(1 for sample in used if sample["device_bottleneck"])
        row["device_bottleneck_share"] = bound / len(used) if used else None
        row["better_state"] = bool(used) and all(sample["better_state"] for sample in used)
        if used and bound * 2 > len(used):
            notes.append("the device was the bottleneck")
    row["samples_used"] = len(used)
    row["verified"] = bool(samples) and all(sample["verified"] for sample in samples)
    row["notes"] = notes
    return row
