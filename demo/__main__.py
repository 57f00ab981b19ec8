"""Keystead's story, told by the official SDKs against a server on a manual clock in a temporary folder.

Run by `make demo` in the SDKs' own environment. Every line is a step with its figures; a step that does not hold ends the story
with exit status 1. Money and keys are touched through the SDKs only; the operator's command line makes the accounts, tops them
up, grants a coupon, plans, exports bills and moves the clock, because no SDK can.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from demo import dedicated, keys, letters, life, month, networks
from demo.cast import START, Customer, Server, Story


def main() -> None:
    """Tell it."""
    story = Story()
    with tempfile.TemporaryDirectory(prefix="keystead-demo-") as folder, letters.sink() as box:
        server = Server(Path(folder), box.settings())
        try:
            story.tell("started on a manual clock", server.ports, f"{START}, ready after {server.start_seconds:.1f} s")
            customer = Customer(server, "demo", "10000.00")
            instance_id, _key_id, blob = life.buy_and_use(story, customer)
            life.expire_and_release(story, server, customer, instance_id, blob)
            life.change_and_give_back(story, server, Customer(server, "demo-two", "10000.00"))
            month.live_through(story, server, box, Path(folder))
            keys.live(story, server)
            dedicated.live(story, server, Path(folder))
            networks.live(story, Path(folder) / "networks")
            story.tell("stopped", server.stop() == 0)
        finally:
            if server.process.poll() is None:
                server.process.kill()
            if os.environ.get("KEYSTEAD_DEMO_LOG"):
                sys.stderr.write((Path(folder) / "server.log").read_text()[-20000:])
    print(f"{story.steps} steps held.")


if __name__ == "__main__":
    main()
