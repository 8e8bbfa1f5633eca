"""A forwarder that moves no packets but speaks the protocol.

fake_forwarder.py LANGUAGE VARIANT [cycles=N] [virtio-cycles=N] [lose=N] [damage=N] [violate=N] [error] [die]
                  [silent-start] [lacks=DEVICE] [call-cycles=N] [lose-calls=N] [no-calls]
"""

import json
import sys

NS_PER_CYCLE = 0.5
DEVICES = ("emu:82599", "emu:virtio,ring=split", "emu:virtio,ring=packed")


def main() -> None:
    language, variant, *words = sys.argv[1:]
    faults = dict(word.split("=", 1) if "=" in word else (word, "1") for word in words)
    if "silent-start" in faults:
        sys.exit("this fake does not want to start")
    print(json.dumps({"ready": True, "language": language, "variants": [variant], "toolchain": "fake 1"}), flush=True)
    for line in sys.stdin:
        match line.split():
            case ["quit"]:
                return
            case ["run", _, batch, timing, frames, *device] if len(device) <= 1:
                reply = run(int(batch), timing, int(frames), device[0] if device else "emu:82599", faults)
            case ["call", _, calls]:
                reply = call(int(calls), faults)
            case _:
                reply = {"error": f"not understood: {line.strip()}"}
        print(json.dumps(reply), flush=True)


def call(calls: int, faults: dict[str, str]) -> dict[str, object]:
    """A call of a threaded device, whose thread does not run here."""
    if "no-calls" in faults:
        return {"error": "what is a call?"}
    cycles = calls * int(faults.get("call-cycles", "20"))
    return {
        "calls": calls - int(faults.get("lose-calls", "0")),
        "cycles": cycles,
        "nanoseconds": int(cycles * NS_PER_CYCLE),
    }


def run(batch: int, timing: str, frames: int, device: str, faults: dict[str, str]) -> dict[str, object]:
    if "die" in faults:
        sys.exit("out of cheese")
    if "error" in faults:
        return {"error": "the pool is empty"}
    if device not in DEVICES or device == faults.get("lacks"):
        return {"error": f"{device}: there is no such device"}
    driver = frames * int(faults.get("cycles", "10"))
    if "virtio" in device and "virtio-cycles" in faults:
        driver = frames * int(faults["virtio-cycles"])
    model = frames * 40 if timing == "inline" else 0
    steps = frames // batch + 1
    cycles = driver + model + steps * 5 * (timing == "inline")
    return {
        "frames": frames,
        "cycles": cycles,
        "nanoseconds": int(cycles * NS_PER_CYCLE),
        "model_cycles": model,
        "steps": steps,
        "idle_steps": 0,
        "bracket_cycles": 5,
        "polls": frames // batch,
        "empty_polls": 0,
        "freed": 0,
        "generated": frames,
        "verified": frames - int(faults.get("lose", "0")) - int(faults.get("damage", "0")),
        "damaged": int(faults.get("damage", "0")),
        "repeated": 0,
        "foreign": 0,
        "rx_missed": 0,
        "violations": int(faults.get("violate", "0")),
    }


main()
