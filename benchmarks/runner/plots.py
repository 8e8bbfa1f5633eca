"""The report's plots, each an SVG text."""

import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.lines import Line2D  # noqa: E402
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator  # noqa: E402

from . import devices  # noqa: E402

INK, FAINT, GRID = "#1f2933", "#6b7785", "#e4e8ec"
# Colour and line style by row. Rows of one language share a hue.
STYLES = {
    "C static": ("#111827", "-"),
    "C shared": ("#5b6b7f", "-"),
    "C libffi": ("#9aa7b5", (0, (4, 2))),
    "Rust safe": ("#d4541b", "-"),
    "Go safe": ("#0797b8", "-"),
    "OCaml safe": ("#c98a00", "-"),
    "OCaml ctypes-stubs": ("#c98a00", (0, (4, 2))),
    "OCaml ctypes-libffi": ("#c98a00", (0, (1, 1.6))),
    "Python bulk": ("#2d5fb0", "-"),
    "Python numpy": ("#2d5fb0", (0, (4, 2))),
    "Python packet": ("#2d5fb0", (0, (1, 1.6))),
    "Python cffi-api": ("#5f86c9", "-"),
    "Python cffi-abi": ("#5f86c9", (0, (4, 2))),
    "Python ctypes": ("#5f86c9", (0, (1, 1.6))),
    "Python swig": ("#7fa3dc", (0, (4, 2))),
    "Python swig-packet": ("#7fa3dc", (0, (1, 1.6))),
    "Lua swig": ("#8a5a9e", (0, (1, 1.6))),
}
LANGUAGE_COLOURS = {
    "C": "#111827",
    "Rust": "#d4541b",
    "Go": "#0797b8",
    "OCaml": "#c98a00",
    "Python": "#2d5fb0",
    "Lua": "#8a5a9e",
}
OTHERS = "#c3cbd4"

plt.rcParams.update(
    {
        "svg.fonttype": "none",
        "font.family": ["DejaVu Sans", "sans-serif"],
        "font.size": 9.5,
        "text.color": INK,
        "axes.edgecolor": "#b6c0ca",
        "axes.labelcolor": FAINT,
        "axes.titlesize": 11,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlepad": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": GRID,
        "grid.linewidth": 0.8,
        "xtick.color": FAINT,
        "ytick.color": FAINT,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "legend.frameon": False,
    }
)


def of_device(result: dict[str, Any], device: str) -> dict[str, Any]:
    """The result as if one device alone had been measured: what each plot below is made from."""
    return result | {
        "devices": [device],
        "rows": [row for row in result["rows"] if row["device"] == device],
        "bars": [bar for bar in result["bars"] if bar["device"] == device],
    }


def name_of(row: dict[str, Any]) -> str:
    return f"{row['language']} {row['variant']}"


def style(name: str) -> tuple[str, Any]:
    return STYLES.get(name, ("#7c5cbf", "-"))


def label(name: str) -> str:
    """ "Rust safe" is just Rust where a language has one row."""
    return name.removesuffix(" safe")


def _svg(figure: Figure, salt: str) -> str:
    """salt: keeps the ids of one plot apart from those of the others on the page."""
    matplotlib.rcParams["svg.hashsalt"] = salt
    text = io.StringIO()
    figure.savefig(text, format="svg", bbox_inches="tight", transparent=True, metadata={"Date": None})
    plt.close(figure)
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"font: ([^;\"']*)'DejaVu Sans', sans-serif", r"font: \1'DejaVu Sans', Verdana, sans-serif", svg)
    return re.sub(r'(<svg [^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg [^>]*?) height="[^"]*"', r"\1", svg, count=1))


def _log_batches(axes: Axes, batches: Sequence[int]) -> None:
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(list(batches)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("batch size")


def _plain_log(axes: Axes, which: str) -> None:
    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    steps = [m * 10.0**e for e in range(-4, 5) for m in (1, 2, 5)]
    axis.set_major_locator(FixedLocator([step for step in steps if low * 0.999 <= step <= high * 1.001]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def _end_labels(axes: Axes, ends: list[tuple[float, str, str]], height: float) -> None:
    """Names at the right end of the lines, moved apart where they would overlap. height: of a label, in axes units."""
    if not ends:
        return
    low, high = axes.transLimits.inverted().transform([(0, 0), (0, 1)])[:, 1]
    places = sorted(
        ((axes.transLimits.transform(axes.transScale.transform((1, value)))[1], text, colour))
        for value, text, colour in ends
    )
    del low, high
    spots = [place for place, _, _ in places]
    for i in range(1, len(spots)):
        spots[i] = max(spots[i], spots[i - 1] + height)
    excess = max(0.0, spots[-1] - 1.0)
    spots[-1] -= excess
    for i in range(len(spots) - 2, -1, -1):
        spots[i] = min(spots[i], spots[i + 1] - height)
    for spot, (_, text, colour) in zip(spots, places, strict=True):
        axes.text(1.015, spot, text, transform=axes.transAxes, color=colour, va="center", fontsize=9, clip_on=False)


def _lines(axes: Axes, rows: list[dict[str, Any]], figure: str) -> list[tuple[float, str, str]]:
    ends = []
    for name in dict.fromkeys(name_of(row) for row in rows):
        points = sorted(
            (row["batch"], row[figure], row[f"{figure}_spread"])
            for row in rows
            if name_of(row) == name and row[figure] is not None
        )
        if not points:
            continue
        colour, dashes = style(name)
        x, y = [point[0] for point in points], [point[1] for point in points]
        low, high = [point[2]["p25"] for point in points], [point[2]["p75"] for point in points]
        axes.fill_between(x, low, high, color=colour, alpha=0.13, linewidth=0)
        axes.plot(x, y, color=colour, linestyle=dashes, linewidth=1.9, marker="o", markersize=3.6)
        ends.append((y[-1], label(name), colour))
    return ends


def throughput(result: dict[str, Any]) -> str | None:
    """Millions of packets a second over batch size, a panel for each timing."""
    measured = [row for row in result["rows"] if row["mpps"] is not None]
    timings = [timing for timing in ("inline", "threaded") if any(row["timing"] == timing for row in measured)]
    if not timings:
        return None
    figure, panels = plt.subplots(1, len(timings), figsize=(5.3 * len(timings), 4.5), squeeze=False)
    figure.subplots_adjust(wspace=0.55)
    titles = {"inline": "Inline: driver and language alone", "threaded": "Threaded: the device on its own core"}
    for axes, timing in zip(panels[0], timings, strict=True):
        rows = [row for row in measured if row["timing"] == timing]
        ends = _lines(axes, rows, "mpps")
        _log_batches(axes, sorted({row["batch"] for row in rows}))
        _plain_log(axes, "y")
        axes.set_ylabel("million packets a second")
        axes.set_title(titles[timing])
        _end_labels(axes, ends, 0.052)
    return _svg(figure, f"throughput {result['devices']}")


def _shown_batch(name: str, batches: list[int]) -> int | None:
    """Where a row is compared: 32, or 256 for Python, as in the project's goals; else the nearest measured."""
    wanted = 256 if name.startswith("Python") else 32
    return min(batches, key=lambda batch: abs(batch - wanted)) if batches else None


def compared(result: dict[str, Any], timing: str, figure: str) -> list[dict[str, Any]]:
    """One row for each language and boundary, at the batch size where it is compared."""
    chosen = []
    for name in dict.fromkeys(name_of(row) for row in result["rows"]):
        rows = [row for row in result["rows"] if name_of(row) == name and row["timing"] == timing]
        rows = [row for row in rows if row.get(figure) is not None]
        batch = _shown_batch(name, [row["batch"] for row in rows])
        chosen += [row for row in rows if row["batch"] == batch]
    return chosen


def ratios(result: dict[str, Any]) -> str | None:
    """Each row against C static of the same round: median, quartiles, and the project's goal."""
    panels_rows = {timing: compared(result, timing, "ratio_to_c") for timing in ("inline", "threaded")}
    panels_rows = {timing: rows for timing, rows in panels_rows.items() if rows}
    if not panels_rows:
        return None
    most = max(len(rows) for rows in panels_rows.values())
    figure, panels = plt.subplots(
        1, len(panels_rows), figsize=(5.3 * len(panels_rows), 0.9 + 0.36 * most), squeeze=False
    )
    figure.subplots_adjust(wspace=0.5)
    for axes, (timing, rows) in zip(panels[0], panels_rows.items(), strict=True):
        low = min(row["ratio_to_c"] for row in rows)
        high = max(row["ratio_to_c_spread"]["p75"] for row in rows)
        axes.set_xlim(min(0.1, low) * 0.7, max(1.0, high) * 1.9)
        axes.axvline(1.0, color=INK, linewidth=1)
        for place, row in enumerate(rows):
            colour, _ = style(name_of(row))
            spread, value = row["ratio_to_c_spread"], row["ratio_to_c"]
            axes.plot([axes.get_xlim()[0], value], [place, place], color=colour, linewidth=6, alpha=0.18)
            axes.errorbar(
                value,
                place,
                xerr=[[value - min(value, spread["p25"])], [max(value, spread["p75"]) - value]],
                fmt="o",
                color=colour,
                markersize=6,
                capsize=3,
                linewidth=1.4,
            )
            axes.annotate(
                f"{value:.3g}",
                (max(value, spread["p75"]), place),
                xytext=(9, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
                color=INK,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.2},
            )
        for bar in result["bars"]:
            if bar["figure"] == "ratio" and "to" not in bar and bar["timing"] == timing:
                for place, row in enumerate(rows):
                    if name_of(row) == bar["row"] and row["batch"] == bar["batch"]:
                        axes.plot([bar["at_least"]] * 2, [place - 0.32, place + 0.32], color="#2e9e5b", linewidth=2)
        axes.set_yticks(range(len(rows)), [f"{label(name_of(row))}  ({row['batch']})" for row in rows])
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.grid(axis="y", visible=False)
        _plain_log(axes, "x")
        axes.set_xlabel("throughput, C static = 1 (batch size in brackets)")
        axes.set_title(timing.capitalize())
    marks = [
        Line2D([], [], marker="o", color=FAINT, linestyle="-", markersize=5, label="median, quartiles"),
        Line2D([], [], marker="|", color="#2e9e5b", linestyle="", markersize=11, markeredgewidth=2, label="goal"),
    ]
    panels[0][-1].legend(handles=marks, loc="lower left", bbox_to_anchor=(0.35, 1.0), ncols=2, fontsize=8.5)
    return _svg(figure, f"ratios {result['devices']}")


def waits(result: dict[str, Any]) -> str | None:
    """Who waited for whom, and what the machine's state did to it."""
    rows = compared(result, "threaded", "empty_time_share")
    if not rows:
        return None
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.6, 0.9 + 0.36 * max(8, len(rows))))
    figure.subplots_adjust(wspace=0.28)
    for place, row in enumerate(rows):
        left.barh(place - 0.17, row["empty_time_share"], height=0.3, color="#d4541b")
        left.barh(place + 0.17, row["idle_step_share"], height=0.3, color="#0797b8")
    left.set_yticks(range(len(rows)), [f"{label(name_of(row))}  ({row['batch']})" for row in rows])
    left.tick_params(axis="y", labelcolor=INK)
    left.set_ylim(len(rows) - 0.5, -0.5)
    left.set_xlim(0, 1)
    left.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))
    left.grid(axis="y", visible=False)
    left.set_title("Who waited for whom")
    handles = [
        Line2D([], [], marker="s", color="#d4541b", linestyle="", label="driver for the device (time)"),
        Line2D([], [], marker="s", color="#0797b8", linestyle="", label="device for the driver (steps)"),
    ]
    left.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.42, -0.1), ncols=2, fontsize=8.5)

    for row in result["rows"]:
        if row["timing"] != "threaded" or row["level"] == "packet":
            continue
        good = [sample for sample in row["samples"] if sample["verified"] and sample.get("core_to_core_ns")]
        for counts in (True, False):
            points = [(s["core_to_core_ns"], s["ns_per_packet"]) for s in good if s["counts"] == counts]
            if points:
                x, y = zip(*points, strict=True)
                colour = style(name_of(row))[0]
                right.scatter(
                    x, y, s=16, facecolors=colour if counts else "none", edgecolors=colour, alpha=0.75, linewidths=0.8
                )
    limit = result["thresholds"]["better_state_ns"]
    right.axvline(limit, color="#2e9e5b", linewidth=1.4)
    right.text(limit, 1.0, " better state: left of here", transform=right.get_xaxis_transform(), fontsize=8.5,
               color="#2e9e5b", va="bottom", ha="left")  # fmt: skip
    right.set_xlim(min(right.get_xlim()[0], limit * 0.4), max(right.get_xlim()[1], limit * 3.2))
    _plain_log(right, "x")
    _plain_log(right, "y")
    right.set_xlabel("core-to-core round trip beside the sample, ns (hollow: sample does not count)")
    right.set_ylabel("ns a packet")
    right.set_title("Every threaded sample", pad=20)
    return _svg(figure, f"waits {result['devices']}")


def published(result: dict[str, Any], study: dict[str, Any]) -> str:
    """The published study's figures beside ours."""
    figure, panels = plt.subplots(1, 3, figsize=(11.6, 4.0))
    figure.subplots_adjust(wspace=0.5)
    by_batch = study["throughput_mpps_by_batch"]
    full, capped = by_batch["3.3GHz"], by_batch["1.6GHz"]

    def lines(axes: Axes, data: dict[str, dict[str, float]], base: dict[str, float] | None) -> None:
        ends = []
        for language, points in data.items():
            colour = LANGUAGE_COLOURS.get(language, OTHERS)
            x = [int(batch) for batch in points if base is None or batch in base]
            y = [points[str(batch)] / (base[str(batch)] if base else 1.0) for batch in x]
            width = 1.9 if language in LANGUAGE_COLOURS else 1.0
            axes.plot(x, y, color=colour, linewidth=width, marker="o", markersize=3 if width > 1 else 2)
            if language in LANGUAGE_COLOURS:
                ends.append((y[-1], language, colour))
        _log_batches(axes, (1, 4, 16, 64, 256))
        _plain_log(axes, "y")
        _end_labels(axes, ends, 0.062)

    lines(panels[0], full, None)
    panels[0].set_ylabel("million packets a second")
    panels[0].set_title("Published, 3.3 GHz")
    lines(panels[1], capped, capped["C"])
    panels[1].set_ylabel("throughput, the study's C = 1")
    panels[1].set_title("Published, 1.6 GHz")

    rows = [row for row in result["rows"] if row["timing"] == "inline" and row["ratio_to_c"] is not None]
    ends = _lines(panels[2], rows, "ratio_to_c")
    if rows:
        _log_batches(panels[2], sorted({row["batch"] for row in rows}))
        _plain_log(panels[2], "y")
        _end_labels(panels[2], ends, 0.062)
    panels[2].set_ylabel("throughput, C static = 1")
    panels[2].set_title(f"Here: {devices.label(result['devices'][0])}, inline")
    return _svg(figure, "published")
