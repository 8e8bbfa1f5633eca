"""The whole runner over fake forwarders: exit codes, files, and rows that are never silently missing."""

import json
import os
import subprocess
import sys

import matrix as program
import pytest
from conftest import BENCHMARKS
from runner import devices, forwarder, languages

HONEST = {"variant": "static", "faults": ["cycles=10"]}
SLOWER = {"variant": "safe", "faults": ["cycles=20"]}

NUMBERS = {"ns_per_packet", "mpps", "cycles_per_packet", "ratio_to_c"}
TEXTS = {"language", "boundary", "variant", "level", "device", "timing"}


@pytest.fixture
def matrix(tmp_path, fake_matrix):
    """Runs matrix.py on fakes; returns its exit code, matrix.json and what it printed."""

    def run(rows, *options, ci=False):
        environment = dict(os.environ, CI="true" if ci else "")
        code = (
            "import sys; from pathlib import Path; import matrix; from runner import languages as l;"
            f"read = l.load; matrix.load = lambda build: read(build, Path({str(fake_matrix(rows))!r}));"
            "sys.exit(matrix.main())"
        )
        devices = [] if "--devices" in options else ["--devices", "82599"]
        words = [
            *devices,
            "--timings",
            "inline",
            "--rounds",
            "3",
            "--batches",
            "8,32",
            "--no-instructions",
            "--no-safety",
            *options,
        ]
        done = subprocess.run(
            [sys.executable, "-c", code, "--out", str(tmp_path / "out"), "--build", str(tmp_path), *words],
            cwd=BENCHMARKS,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        file = tmp_path / "out" / "matrix.json"
        return done.returncode, json.loads(file.read_text()) if file.exists() else None, done.stdout + done.stderr

    return run


def test_rows_carry_the_documented_members(matrix, tmp_path):
    code, result, text = matrix({"C": [HONEST], "Rust": [SLOWER]})
    assert code == 0
    assert {"schema", "machine", "versions", "commit", "started", "rows", "bars", "failures", "missing"} <= set(result)
    assert len(result["rows"]) == 4
    for row in result["rows"]:
        assert all(isinstance(row[name], str) for name in TEXTS)
        assert all(isinstance(row[name], float) for name in NUMBERS)
        assert row["device"] == "82599"
        assert row["verified"] is True
        assert row["missing"] is None
        assert len(row["samples"]) == 3
        assert row["ns_per_packet_spread"]["count"] == row["samples_used"]
        assert all(sample["raw"]["verified"] == sample["raw"]["frames"] for sample in row["samples"])
    rust = [row for row in result["rows"] if row["language"] == "Rust"]
    assert [row["batch"] for row in rust] == [8, 32]
    assert [row["ratio_to_c"] for row in rust] == pytest.approx([0.5, 0.5], abs=0.01)
    assert result["versions"]["Rust"] == "fake 1"
    assert [entry["language"] for entry in result["boundaries"]] == ["C", "Rust"]
    for entry in result["boundaries"]:
        assert entry["ns_per_call"] == pytest.approx(10.0) or "two cores" in entry["missing"]
    assert "boundaries: a call that moves nothing" in text
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("<svg") >= 3
    assert "http://" not in page.replace("http://www.w3.org", "").replace("http://creativecommons.org", "").replace(
        "http://purl.org", ""
    )


ALL_DEVICES = ",".join(device.name for device in devices.DEVICES)


def test_ratios_are_to_c_on_the_same_device(matrix, tmp_path):
    rows = {
        "C": [{"variant": "static", "faults": ["cycles=10", "virtio-cycles=30"]}],
        "Rust": [{"variant": "safe", "faults": ["cycles=20", "virtio-cycles=40"]}],
    }
    code, result, text = matrix(rows, "--devices", ALL_DEVICES)
    assert code == 0
    assert result["devices"] == ALL_DEVICES.split(",")
    rust = [row for row in result["rows"] if row["language"] == "Rust"]
    assert len(result["rows"]) == 2 * len(rust) == 2 * 2 * len(devices.DEVICES)
    for row in rust:
        expected = 0.5 if row["device"] == "82599" else 0.75
        assert row["ratio_to_c"] == pytest.approx(expected, abs=0.01)
        assert {sample["device"] for sample in row["samples"]} == {row["device"]}
    page = (tmp_path / "out" / "report.html").read_text()
    for device in devices.DEVICES:
        assert f"{device.label}, inline" in text
        assert f'id="panel-{device.name}"' in page


@pytest.mark.parametrize("words", [[], ["--quick"]])
def test_without_the_option_every_device_is_measured(monkeypatch, words):
    monkeypatch.setattr(sys, "argv", ["matrix", *words])
    assert program.plan_of(program.arguments()).devices == devices.DEVICES


def test_a_device_that_a_forwarder_cannot_open_fails_its_rows_alone(matrix):
    rows = {"C": [HONEST], "Go": [{"variant": "safe", "faults": ["lacks=emu:virtio,ring=packed"]}]}
    code, result, text = matrix(rows, "--devices", "virtio-packed,82599")
    assert code == 1
    assert "FAILED  Go safe, VirtIO packed, batch 8, inline: " in text
    assert "emu:virtio,ring=packed: there is no such device" in text
    for row in result["rows"]:
        assert row["verified"] == (row["language"] == "C" or row["device"] == "82599")


@pytest.mark.parametrize(("names", "told"), [("82599,e1000", "no device e1000"), (",", "--devices names none")])
def test_an_unknown_device_is_told(matrix, names, told):
    code, result, text = matrix({"C": [HONEST]}, "--devices", names)
    assert (code, result) == (2, None)
    assert f"{told}; there are: 82599, virtio-split, virtio-packed" in text


@pytest.mark.parametrize("fault", ["lose=1", "damage=1", "violate=1"])
def test_a_frame_that_did_not_arrive_right_fails_the_run(matrix, fault):
    code, result, text = matrix({"C": [HONEST], "Rust": [{"variant": "safe", "faults": [fault]}]})
    assert code == 1
    assert "FAILED  Rust safe" in text
    assert all(row["verified"] == (row["language"] == "C") for row in result["rows"])
    assert any("Rust safe" in failure for failure in result["failures"])


@pytest.mark.parametrize("fault", ["error", "die"])
def test_a_forwarder_that_fails_fails_the_run(matrix, fault):
    code, result, text = matrix({"C": [HONEST], "Go": [{"variant": "safe", "faults": [fault]}]})
    assert code == 1
    assert {"error": "the pool is empty", "die": "out of cheese"}[fault] in text
    assert all(row["verified"] for row in result["rows"] if row["language"] == "C")


def test_a_missing_language_is_a_row_that_says_so(matrix):
    rows = {"C": [HONEST], "OCaml": [{"variant": "safe", "faults": [], "command": ["/nowhere/forwarder"]}]}
    code, result, text = matrix(rows)
    assert code == 0
    ocaml = [row for row in result["rows"] if row["language"] == "OCaml"]
    assert len(ocaml) == 2
    for row in ocaml:
        assert "not built" in row["missing"]
        assert row["ns_per_packet"] is None
        assert row["verified"] is False
    assert "missing" in text
    assert result["missing"] == {"OCaml safe": ocaml[0]["missing"]}


def test_a_missing_language_fails_in_ci(matrix):
    rows = {"C": [HONEST], "OCaml": [{"variant": "safe", "faults": ["silent-start"]}]}
    code, result, text = matrix(rows, ci=True)
    assert code == 1
    assert "OCaml safe is missing" in text
    assert "does not want to start" in result["missing"]["OCaml safe"]


def test_languages_selects_and_keeps_the_reference(matrix):
    rows = {"C": [HONEST, {"variant": "shared", "faults": []}], "Rust": [SLOWER], "Go": [SLOWER]}
    code, result, _ = matrix(rows, "--languages", "rust")
    assert code == 0
    assert {f"{row['language']} {row['variant']}" for row in result["rows"]} == {"C static", "Rust safe"}
    code, _, text = matrix(rows, "--languages", "cobol")
    assert code == 2
    assert "no language cobol" in text


def test_a_row_of_another_level_is_told_apart():
    rows = [row for language in languages.load(BENCHMARKS) for row in language.rows]
    assert {row.level for row in rows} == {"batch", "packet"}
    assert {row.language for row in rows} == {"C", "Rust", "Go", "OCaml", "Python", "Lua"}
    assert len({row.name for row in rows}) == len(rows) == 17


def test_a_silent_process_is_killed(tmp_path):
    process = forwarder.LineProcess([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path, dict(os.environ))
    with pytest.raises(forwarder.ForwarderError, match="no answer"):
        process.receive(0.2)
    assert not process.alive
    process.close()


def test_a_line_may_come_in_pieces(tmp_path):
    slow = "import sys, time; sys.stdout.write('ab'); sys.stdout.flush(); time.sleep(.1); print('c\\nd')"
    process = forwarder.LineProcess([sys.executable, "-c", slow], tmp_path, dict(os.environ))
    assert process.receive(5) == "abc"
    assert process.receive(5) == "d"
    process.close()
