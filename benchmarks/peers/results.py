"""From samples to medians, ratios and the table: pure arithmetic, no measuring."""

from collections.abc import Iterable
from typing import Any

from runner.figures import BETTER_STATE_NS, WAITED_MAX, median, spread
from sides import OURS, OURS_STATIC, SIDES, THEIRS, THEIRS_VECTORISED

BAR = 0.9
AIM = 1.0
NEAR, FAR, CHANGED = "near", "far", "changed"

Sample = dict[str, Any]
RATIOS = [
    (OURS.name, THEIRS.name),
    (OURS.name, THEIRS_VECTORISED.name),
    (OURS_STATIC.name, THEIRS.name),
    (OURS_STATIC.name, THEIRS_VECTORISED.name),
]


def state(before: float, after: float) -> str:
    """Of the machine during a sample, from the round trips of a cache line between the two cores around it."""
    near = [trip < BETTER_STATE_NS for trip in (before, after)]
    return NEAR if all(near) else CHANGED if any(near) else FAR


def disturbed(waited: Iterable[float | None]) -> bool:
    """Whether a thread that was measured had to wait for its core."""
    return any(share is not None and share > WAITED_MAX for share in waited)


def usable(sample: Sample) -> bool:
    return not sample["disturbed"] and sample["state"] != CHANGED


def ratio(rates: dict[tuple[int, str], float], ours: str, theirs: str) -> Sample | None:
    """The median over the rounds of one side's rate by the other's in the same round."""
    numbers = sorted({number for number, _ in rates})
    pairs = [
        rates[number, ours] / rates[number, theirs]
        for number in numbers
        if (number, ours) in rates and (number, theirs) in rates
    ]
    if not pairs:
        return None
    return {"ours": ours, "theirs": theirs, "ratio": median(pairs), "ratio_spread": spread(pairs)}


def of_state(samples: list[Sample], wanted: str) -> Sample:
    """Each side's rate and the ratios, from the usable samples of one state of the machine."""
    rates = {
        (sample["round"], sample["side"]): sample["mpps"]
        for sample in samples
        if usable(sample) and sample["state"] == wanted
    }
    sides = {}
    for side in SIDES:
        own = [rate for (_, name), rate in rates.items() if name == side.name]
        if own:
            sides[side.name] = {"mpps": median(own), "mpps_spread": spread(own)}
    ratios = [found for ours, theirs in RATIOS if (found := ratio(rates, ours, theirs))]
    return {"state": wanted, "sides": sides, "ratios": ratios}


def row(layout: str, mode: str, samples: list[Sample]) -> Sample:
    """One layout in one mode, in the state in which more rounds can be compared. The bar is for the checked library,
    against the faster of DPDK's paths."""
    states = [of_state(samples, NEAR), of_state(samples, FAR)]
    found = max(states, key=lambda one: sum(each["ratio_spread"]["count"] for each in one["ratios"]))
    judged = [each["ratio"] for each in found["ratios"] if each["ours"] == OURS.name]
    verdict = "not measured"
    if judged:
        verdict = "aim" if min(judged) >= AIM else "reached" if min(judged) >= BAR else "MISSED"
    return {"layout": layout, "mode": mode} | found | {"verdict": verdict}


def table(rows: list[Sample]) -> str:
    columns = ["shared/theirs", "shared/vector", "static/theirs", "static/vector"]
    lines = [["ring", "mode", "state", *(side.name for side in SIDES), *columns, "bar"]]
    for one in rows:
        found = {(each["ours"], each["theirs"]): each for each in one["ratios"]}
        rates = [_text(one["sides"].get(side.name), "mpps", 1) for side in SIDES]
        ratios = [_text(found.get(pair), "ratio", 2) for pair in RATIOS]
        lines.append(
            [one["layout"], one["mode"], one["state"] if one["sides"] else "-", *rates, *ratios, one["verdict"]]
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _text(figure: Sample | None, name: str, digits: int) -> str:
    """The median, and the middle half of what it was taken from."""
    if figure is None:
        return "-"
    around = figure[f"{name}_spread"]
    return f"{figure[name]:.{digits}f} ({around['p25']:.{digits}f}-{around['p75']:.{digits}f})"
