"""One launch over the USB cable, by this project's own interface. Runs inside a virtual machine, as root.

usb_launch.py MODEL SEQUENCES: prints one JSON object, what the samples say.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from android_runner.bundle import device_bundle
from android_runner.discover import choose
from android_runner.run import Order, launch, send, set_up
from android_runner.sequences import read


def main(model: Path, sequences: Path) -> None:
    link = choose("usb", environment={})
    place = set_up(link, "/data/local/tmp/mobilebert-bench", device_bundle("arm64-v8a"))
    sent = {
        path: send(place, path, path.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
        for path in (model, sequences)
    }
    order = Order(
        model=sent[model],
        model_sha256=hashlib.sha256(model.read_bytes()).hexdigest(),
        sequences=sent[sequences],
        row_ids=read(sequences).row_ids,
        threads=2,
        cores=(),
        seed=1,
        inferences=7,
        warmup_inferences=2,
        warmup_s=0.0,
        timeout_s=60.0,
    )
    samples, _ = launch(place, order)
    print(
        json.dumps(
            {
                "over": link.name,
                "abi": samples.abi,
                "latencies_ns": [int(one) for one in samples.timed_ns],
                "logits": {
                    int(row): [float(one) for one in logits] for row, logits in samples.logits.items()
                },
            }
        )
    )
    link.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
