"""The report: one HTML file that needs nothing else."""

import json
from html import escape
from pathlib import Path
from typing import Any

from . import boundaries, devices, plots, safety_report
from .table import Notes

HERE = Path(__file__).resolve().parent
STUDY_FILE = HERE.parent / "reference" / "published.json"

METHOD = """
<p>Every forwarder runs the same workload on two emulated ports, each a 82599 or a VirtIO-net device with split or with
packed rings, in both directions: receive a batch, add one to byte 48 of each frame, transmit the batch on the other
port, free what was not taken. Each frame carries a number and check bytes, and the far end verifies it: a run that
lost, repeated or damaged a frame without counting it is a failed run, not a figure.</p>
<p>Rows take turns. A <em>round</em> is one sample of every row; the order changes from round to round; a ratio
divides the figure of C static by that of the row, both of one round, device, batch size and timing. Figures are
medians, brackets are the middle half of the samples.</p>
<p><b>Inline</b>: the device model is stepped on the driver's own thread and the time it takes is taken off (time
stamps fenced, the cost of an empty bracket calibrated and subtracted), so what is left is the driver and the
language, with warm caches. Below batch 8 the brackets weigh more than the driver. <b>Threaded</b>: the model runs on
a core of its own, as hardware would, and cache lines travel between the cores. There a figure also depends on the
machine: the host moves virtual cores about, and the round trip of a cache line between them is measured beside every
sample. Samples with a round trip under {better:.0f} ns are in the machine's <em>better state</em>. A sample in which
a measured thread waited more than {waited:.0%} of the time for a CPU does not count.</p>
<p>In a threaded sample the device was the bottleneck when the driver spent more than {empty:.0%} of its time looking
at empty rings, or when the batches it found were less than half full. Such a sample tells about the device model and
cannot satisfy a goal for a ratio. Cycles in polls that found work are an estimate: an empty poll is taken to cost
what it costs on an idle port.</p>
<p><b>C static</b> calls the driver's core directly, with the checks that protect it from a lying device and without
handle checks; every other row goes through libixy's ABI with every check. Instructions are counted by callgrind:
those of the forwarding loop without those of the device model's steps.</p>
"""


def _n(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _table(head: list[str], lines: list[list[str]], text_columns: int = 1, firsts: set[int] | None = None) -> str:
    """Cells hold HTML. The first text_columns are text, a last one named "notes" too, the rest are numbers."""

    def kind(column: int) -> str:
        if head[column] == "notes":
            return ' class="wide"'
        return "" if column < text_columns else ' class="n"'

    def cells(tag: str, line: list[str]) -> str:
        return "".join(f"<{tag}{kind(column)}>{cell}</{tag}>" for column, cell in enumerate(line))

    body = "".join(
        f"<tr{' class=first' if firsts and i in firsts else ''}>{cells('td', line)}</tr>"
        for i, line in enumerate(lines)
    )
    return f'<div class="scroll"><table><thead><tr>{cells("th", head)}</tr></thead><tbody>{body}</tbody></table></div>'


def _section(title: str, body: str, kind: str = "") -> str:
    return f'<section class="{kind}"><h2>{escape(title)}</h2>{body}</section>'


def _figure(svg: str | None) -> str:
    return f'<div class="plot">{svg}</div>' if svg else '<p class="faint">Nothing was measured for this plot.</p>'


def _cards(result: dict[str, Any]) -> str:
    """The headline: inline ratios where rows are compared."""
    cards = []
    for row in plots.compared(result, "inline", "ratio_to_c"):
        name = plots.name_of(row)
        reference = name == result["reference"]
        big = f"{row['mpps']:.0f} M/s" if reference else f"{row['ratio_to_c']:.2g} ×"
        small = f"{row['ns_per_packet']:.3g} ns"
        colour = plots.style(name)[0]
        cards.append(
            f'<div class="card" style="--colour:{colour}"><span>{escape(plots.label(name))}</span><b>{big}</b>'
            f"<span>{small}, batch {row['batch']}</span></div>"
        )
    return f'<div class="cards">{"".join(cards)}</div>' if cards else ""


def _spread(row: dict[str, Any], figure: str, digits: int) -> str:
    spread = row.get(f"{figure}_spread")
    if row.get(figure) is None or spread is None:
        return "–"
    return f"{row[figure]:,.{digits}f} <small>[{spread['p25']:,.{digits}f}..{spread['p75']:,.{digits}f}]</small>"


def _verified(row: dict[str, Any]) -> str:
    if row["missing"]:
        return "<small>missing</small>"
    return '<span class="good">yes</span>' if row["verified"] else '<span class="bad">NO</span>'


def _rows_table(result: dict[str, Any], timing: str) -> str:
    rows = [row for row in result["rows"] if row["timing"] == timing]
    head = ["language", "boundary", "variant", "verified", "batch", "ns a packet", "Mpps", "cycles", "of C static"]
    if timing == "threaded":
        head += ["working, of C static", "driver waited", "device waited", "cycles working", "round trip, ns"]
    head += ["samples", "notes"]
    lines: list[list[str]] = []
    firsts: set[int] = set()
    told: set[str] = set()
    last = None
    marks = Notes()
    for row in rows:
        name = plots.name_of(row)
        if row["missing"]:
            if name in told:
                continue
            told.add(name)
        if name != last:
            firsts.add(len(lines))
            last = name
        line = [
            escape(row["language"]),
            escape(row["boundary"]),
            escape(row["variant"]),
            _verified(row),
            "" if row["missing"] else str(row["batch"]),
            _spread(row, "ns_per_packet", 2),
            _n(row["mpps"]),
            _n(row["cycles_per_packet"], 1),
            _spread(row, "ratio_to_c", 3),
        ]
        if timing == "threaded":
            line += [
                _spread(row, "ratio_working", 3),
                _share(row.get("empty_time_share")),
                _share(row.get("idle_step_share")),
                _n(row.get("cycles_per_packet_working"), 1),
                _n(row.get("core_to_core_ns"), 0),
            ]
        notes = [row["missing"].splitlines()[0]] if row["missing"] else row["notes"] + row["failures"]
        line += [f"{row['samples_used']}/{len(row['samples'])}", marks.mark(notes)]
        lines.append(line)
    notes_list = "".join(f"<li>{escape(text)}</li>" for text in marks.texts())
    return _table(head, lines, 4, firsts) + f'<ol class="faint">{notes_list}</ol>' if lines else ""


def _devices_table(result: dict[str, Any], timing: str) -> str:
    """Each row on every device, at the batch size where it is compared."""
    by_name: dict[str, dict[str, dict[str, Any]]] = {}
    for device in result["devices"]:
        for row in plots.compared(plots.of_device(result, device), timing, "ns_per_packet"):
            by_name.setdefault(f"{plots.label(plots.name_of(row))} ({row['batch']})", {})[device] = row
    head = [timing]
    for device in result["devices"]:
        head += [f"{escape(devices.label(device))}, ns", "of C static"]
    lines = []
    for name, rows in by_name.items():
        line = [escape(name)]
        for device in result["devices"]:
            row = rows.get(device, {})
            line += [_n(row.get("ns_per_packet")), _n(row.get("ratio_to_c"), 3)]
        lines.append(line)
    return _table(head, lines) if lines else ""


def _all_devices(result: dict[str, Any]) -> str:
    tables = [_devices_table(result, timing) for timing in ("inline", "threaded")]
    return "<p>Nanoseconds a packet (batch size in brackets), and the ratio to C static on the same device.</p>" + (
        "".join(tables) or '<p class="faint">Nothing was measured.</p>'
    )


def _device_panel(result: dict[str, Any], device: str) -> str:
    """All that is about one device alone. result: of that device."""
    label = devices.label(device)
    empty = '<p class="faint">Not selected.</p>'
    parts = [
        _cards(result),
        _section(
            f"{label}: throughput over batch size",
            "<p>Verified frames, both directions together. Shaded: the middle half of the samples.</p>"
            + _figure(plots.throughput(result)),
        ),
        _section(
            f"{label}: against native C",
            "<p>Each row against C static of the same round.</p>" + _figure(plots.ratios(result)),
        ),
        _section(
            f"{label}, threaded runs: waiting",
            "<p>A threaded figure is the slower side's. The left plot shows which side that was, the right one how the "
            "figures follow the machine's state.</p>" + _figure(plots.waits(result)),
        ),
        _section(f"{label}, all figures: inline", _rows_table(result, "inline") or empty),
        _section(f"{label}, all figures: threaded", _rows_table(result, "threaded") or empty),
    ]
    return f'<div class="panel" id="panel-{escape(device)}">{"".join(parts)}</div>'


def _device_panels(result: dict[str, Any]) -> str:
    """A panel for each device; a selector, which needs no script, shows one of them. On paper all are shown."""
    names = [escape(device) for device in result["devices"]]
    choices = "".join(
        f'<input type="radio" name="device" id="show-{name}"{" checked" if name == names[0] else ""}>'
        f'<label for="show-{name}">{escape(devices.label(device))}</label>'
        for name, device in zip(names, result["devices"], strict=True)
    )
    shown = ",".join(f"#show-{name}:checked~#panel-{name}" for name in names)
    panels = "".join(_device_panel(plots.of_device(result, device), device) for device in result["devices"])
    return f'<style>{shown}{{display:block}}</style><div class="devices">{choices}{panels}</div>'


def _bars(result: dict[str, Any]) -> str:
    """A goal a line, what came of it on each device beside it."""
    verdicts: dict[str, dict[str, str]] = {}
    for bar in result["bars"]:
        kind = {True: "good", False: "bad", None: "faint"}[bar["reached"]]
        verdict = f'<span class="{kind}">{escape(bar["verdict"])}</span>'
        verdicts.setdefault(bar["goal"], {})[bar["device"]] = verdict
    lines = [[escape(goal), *(of.get(name, "–") for name in result["devices"])] for goal, of in verdicts.items()]
    return _table(["goal", *(escape(devices.label(name)) for name in result["devices"])], lines, 1 + len(lines[0]))


def _boundaries(result: dict[str, Any]) -> str:
    entries = result["boundaries"]
    if not entries:
        return '<p class="faint">Not measured.</p>'
    known = boundaries.batches(entries)
    lines = [[escape(cell) for cell in boundaries.cells(entry, known)] for entry in entries]
    return (
        "<p>What each way of crossing into C costs: a receive that moves nothing, made in a loop of the language on an "
        "idle threaded device, and how much that is over C static's of the same round; beside it, a packet of the "
        f"workload, inline on {escape(devices.label(result['devices'][0]))}.</p>"
        + _table(boundaries.head(entries), lines, 3)
    )


def _instructions(result: dict[str, Any], study: dict[str, Any]) -> str:
    lines = []
    for device, counted in result["instructions"].items():
        for name, value in counted.items():
            text = value.get("not_measured")
            figure = f"not measured: {escape(text)}" if text else _n(value["instructions_per_packet"], 1)
            where = f"{escape(name)}, {escape(devices.label(device))}, batch {value.get('batch', '–')}"
            lines.append([where, figure, "callgrind, inline, device model off"])
    for batch, languages in study["events_per_packet_1.6GHz"].items():
        for language, events in languages.items():
            lines.append(
                [
                    f"{escape(language)}, batch {batch.removeprefix('batch')}",
                    _n(events["instructions"], 0),
                    f"published, hardware counters, 1.6 GHz, {events['cycles']} cycles",
                ]
            )
    return _table(["row", "instructions a packet", "how"], lines, 3)


def _study(study: dict[str, Any]) -> str:
    size = study["implementation_size"]
    sizes = [[language, *map(str, figures)] for language, figures in size.items() if language != "columns"]
    speeds = []
    for clock, languages in study["throughput_mpps_by_batch"].items():
        for language, points in languages.items():
            batches = ("1", "2", "4", "8", "16", "32", "64", "128", "256")
            speeds.append([clock.replace("GHz", " GHz"), language, *(_n(points.get(batch)) for batch in batches)])
    batches_head = [str(2**i) for i in range(9)]
    return (
        f'<p class="faint">Source: {escape(study["source"])}. Setup: {escape(study["setup"])}.</p>'
        "<details><summary>Throughput, Mpps by batch size</summary>"
        + _table(["clock", "language", *batches_head], speeds, 2)
        + "</details><details><summary>Size of the drivers</summary>"
        + _table(["language", *size["columns"]], sizes)
        + "</details>"
    )


def _safety(result: dict[str, Any], study: dict[str, Any]) -> str:
    """Our table, and the study's beside it."""
    published = study["safety"]
    marks = [[escape(text) for text in (name, *texts)] for name, texts in published.items() if name != "columns"]
    return (
        safety_report.body(result["safety"])
        + "<h3>The published study's table</h3><p>There a driver was written in each language, and the table is its "
        "authors' account, by kinds of mistake. “wrapper”: by a class that was written for it; "
        f'“never freed”: because buffers are not.</p><p class="faint">Source: {escape(study["source"])}.</p>'
        + _table(["language", *map(escape, published["columns"])], marks, 1 + len(published["columns"]))
    )


def _facts(facts: dict[str, Any]) -> str:
    def value(fact: Any) -> str:
        if isinstance(fact, dict):
            return ", ".join(f"{name} {part}" for name, part in fact.items())
        return "unknown" if fact is None else f"{fact:.2%}" if isinstance(fact, float) and fact < 1 else str(fact)

    pairs = (f"<dt>{escape(name.replace('_', ' '))}</dt><dd>{escape(value(fact))}</dd>" for name, fact in facts.items())
    return f"<dl>{''.join(pairs)}</dl>"


def page(result: dict[str, Any]) -> str:
    study = json.loads(STUDY_FILE.read_text())
    limits = result["thresholds"]
    method = METHOD.format(
        better=limits["better_state_ns"], waited=limits["waited_share_max"], empty=limits["empty_time_share_max"]
    )
    labels = ", ".join(devices.label(name) for name in result["devices"])
    parts = [
        "<h1>One C driver, many languages</h1>",
        f'<div class="meta">The libixy matrix on emulated ports: {escape(labels)} · {escape(result["started"])} · '
        f"{escape(str(result['machine']['cpu']))}, {result['machine']['cpus']} CPUs · {result['rounds']} rounds · "
        f"commit {escape(result['commit'][:12] or 'unknown')}{' (changed)' if 'dirty' in result['commit'] else ''}"
        f"{' · quick run' if result['quick'] else ''}</div>",
    ]
    if result["failures"] or result["missing"]:
        told = [f'<li class="bad">{escape(text)}</li>' for text in result["failures"]]
        told += [
            f"<li>{escape(name)} is missing: {escape(reason.splitlines()[0])}</li>"
            for name, reason in result["missing"].items()
        ]
        kind = "alarm" if result["failures"] else ""
        parts.append(_section("Failed or missing", f"<ul>{''.join(told)}</ul>", kind))
    parts += [
        _section("Every device", _all_devices(result)),
        _device_panels(result),
        _section("Boundaries", _boundaries(result)),
        _section("Goals", _bars(result)),
        _section("Instructions", _instructions(result, study)),
        _section("Safety", _safety(result, study)),
        _section(
            "Beside the published study",
            "<p>There, each language had a driver of its own on a real NIC; here, one C driver serves all of them and "
            "the device is emulated. So compare how languages stand to C, not the packets a second. At 3.3 GHz "
            "the fastest drivers reached the NIC's limit; the ratios are therefore from 1.6 GHz. Grey: others.</p>"
            + _figure(plots.published(plots.of_device(result, result["devices"][0]), study))
            + _study(study),
        ),
        _section("How this was measured", method),
        _section("Machine", _facts(result["machine"])),
        _section("Versions", _facts(result["versions"])),
    ]
    css = (HERE / "report.css").read_text()
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>libixy: the matrix</title>'
        f'<meta name="viewport" content="width=device-width"><style>{css}</style></head>'
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )
