"""What bars.json asks for, judged on made-up results."""

import json

from runner import bars, devices, languages
from runner.languages import TOP


def row(name, ratio, **changes):
    language, variant = name.split()
    return {
        "language": language,
        "variant": variant,
        "device": "82599",
        "batch": 32,
        "timing": "inline",
        "missing": None,
        "verified": True,
        "mpps": 100.0,
        "ratio_for_bars": ratio,
        "instructions_per_packet": None,
        "notes": [],
    } | changes


def judge(tmp_path, bar, *rows):
    file = tmp_path / "bars.json"
    file.write_text(json.dumps([{"device": "82599", "timing": "inline", "batch": 32, "figure": "ratio"} | bar]))
    return bars.judge({"rows": list(rows)}, file)[0]


def test_reached_and_not_reached(tmp_path):
    assert judge(tmp_path, {"row": "Go safe", "at_least": 0.5}, row("Go safe", 0.51))["reached"] is True
    missed = judge(tmp_path, {"row": "Go safe", "at_least": 0.5}, row("Go safe", 0.49))
    assert missed["reached"] is False
    assert "NOT reached" in missed["verdict"]


def test_a_bar_against_another_row(tmp_path):
    bar = {"row": "Rust safe", "to": "C shared", "at_least": 0.95}
    assert judge(tmp_path, bar, row("Rust safe", 0.76), row("C shared", 0.80))["value"] == 0.95
    assert judge(tmp_path, bar, row("Rust safe", 0.76))["reached"] is None


def test_a_bar_is_about_one_device(tmp_path):
    bar = {"row": "Rust safe", "to": "C shared", "at_least": 0.95, "device": "virtio-packed"}
    rows = [row("Rust safe", 0.5), row("C shared", 0.5), row("Rust safe", 0.4, device="virtio-packed")]
    assert judge(tmp_path, bar, *rows)["reached"] is None
    judged = judge(tmp_path, bar, *rows, row("C shared", 0.8, device="virtio-packed"))
    assert judged["value"] == 0.5
    assert "VirtIO packed" in judged["text"]


def test_at_most(tmp_path):
    bar = {"row": "C static", "figure": "instructions", "at_most": 90}
    assert judge(tmp_path, bar, row("C static", 1.0, instructions_per_packet=90.0))["reached"] is True
    assert judge(tmp_path, bar, row("C static", 1.0, instructions_per_packet=90.1))["reached"] is False


def test_not_measured_says_why(tmp_path):
    bar = {"row": "Go safe", "at_least": 0.5}
    assert judge(tmp_path, bar, row("Go safe", None, missing="go not installed"))["verdict"].endswith("not installed")
    assert "the row failed" in judge(tmp_path, bar, row("Go safe", 0.9, verified=False))["verdict"]
    assert (
        "bottleneck" in judge(tmp_path, bar, row("Go safe", None, notes=["the device was the bottleneck"]))["verdict"]
    )
    assert judge(tmp_path, bar)["verdict"] == "not measured: not selected"


def test_every_bar_names_a_row_of_the_matrix():
    known = {row.name for language in languages.load(TOP / "build") for row in language.rows}
    for bar in json.loads(bars.BARS_FILE.read_text()):
        assert bar["row"] in known
        assert bar.get("to", bar["row"]) in known


def test_every_device_has_the_ratio_bars_of_the_82599():
    ratios: dict[str, list[dict[str, object]]] = {device.name: [] for device in devices.DEVICES}
    for bar in json.loads(bars.BARS_FILE.read_text()):
        device = bar.pop("device")
        assert device in ratios
        if bar["figure"] == "ratio":
            ratios[device].append(bar)
    assert len(ratios["82599"]) > 10
    assert all(of_device == ratios["82599"] for of_device in ratios.values())
