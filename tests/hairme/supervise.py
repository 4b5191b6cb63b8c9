"""A supervisor of small Python programs, run as a script by test_supervisor.py: `python supervise.py SPECS`, SPECS in JSON."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hairme.common.running.child import ProcessSpec
from hairme.common.running.console import Console
from hairme.common.running.processes import Command
from hairme.common.running.supervisor import Supervisor
from hairme.common.running.watchdog import Watchdog


def main(specs: list[dict[str, object]], files: list[str]) -> None:
    with Supervisor(Console(sys.stdout, width=1), Watchdog([Path(file) for file in files])) as supervisor:
        for spec in specs:
            supervisor.start(
                ProcessSpec(
                    name=str(spec["name"]),
                    command=Command(argv=[sys.executable, "-u", "-c", str(spec["code"])]),
                    stage=int(str(spec.get("stage", 0))),
                    stop=((signal.SIGTERM, float(str(spec.get("patience", 5)))),),
                )
            )
        while not supervisor.should_stop:
            supervisor.turn(10)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2:])
