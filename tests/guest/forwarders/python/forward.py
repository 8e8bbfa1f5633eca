"""The guest tests' forwarder in Python; what it does: ../c/forward.c."""

import contextlib
import sys

import ixy

TOUCHED_BYTE = 48
BATCH = 32
EXIT_DEVICE = 3


class Forwarder:
    def __init__(self, frames: int) -> None:
        self.left = frames

    def pass_on(self, packets: list[ixy.Packet], to: ixy.Device) -> None:
        for packet in packets:
            packet[TOUCHED_BYTE] = (packet[TOUCHED_BYTE] + 1) & 255
        self.left -= len(packets)
        while packets:
            del packets[: to.tx(packets)]

    def poll(self, ways: list[tuple[ixy.Device, ixy.Device]]) -> None:
        while self.left > 0:
            for source, sink in ways:
                self.pass_on(source.rx(count=BATCH), sink)

    def wait(self, ways: list[tuple[ixy.Device, ixy.Device]]) -> None:
        """A task each way; the last frame or an error ends both."""
        import asyncio  # a second's work for an emulated processor

        async def one_way(source: ixy.Device, sink: ixy.Device) -> None:
            while True:
                self.pass_on(await source.rx_async(count=BATCH), sink)
                if self.left <= 0:
                    return

        async def both_ways() -> None:
            tasks = [asyncio.create_task(one_way(*way)) for way in ways]
            done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            for task in done:
                task.result()

        asyncio.run(both_ways())


def reason(error: ixy.Error, devices: list[ixy.Device]) -> str:
    """A packet call has no text of its own; of a device that failed, its link tells why."""
    if isinstance(error, ixy.DeviceError):
        for device in devices:
            try:
                _ = device.link
            except ixy.DeviceError as why:
                return str(why)
    return str(error)


def main(arguments: list[str]) -> int:
    wait = arguments[0] == "--wait"
    frames, *addresses = arguments[wait:]
    forwarder = Forwarder(int(frames))
    devices: list[ixy.Device] = []
    status = 0
    try:
        with contextlib.ExitStack() as opened:
            pool = opened.enter_context(ixy.Pool())
            for address in addresses:
                devices.append(opened.enter_context(ixy.open(address, pool=pool)))
            print("forwarding")
            ways = list(zip(devices, reversed(devices), strict=True))
            try:
                if wait:
                    forwarder.wait(ways)
                else:
                    forwarder.poll(ways)
            except ixy.DeviceError as error:
                print(f"{error.name}: {reason(error, devices)}")
                status = EXIT_DEVICE
    except ixy.Error as error:
        print(f"{error.name}: {error}")
        return 1
    print(f"{int(frames) - forwarder.left} frames\nclosed cleanly")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
