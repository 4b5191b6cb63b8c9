"""Every performance figure this project claims: ``make bench`` (or ``python -m bench NAME...``). Prints figures with their protocol."""

from __future__ import annotations

import argparse
import os
import platform
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hairme.settings")


def main() -> int:
    from bench import batch, engine, site, starting

    parts = {"engine": engine.run, "batch": batch.run, "site": site.run, "start": starting.run}
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", choices=[*parts, []], help="default: engine batch site start (without the fresh clone)"
    )
    parser.add_argument("--clone", action="store_true", help="also time `make run` in a fresh clone (installs everything again)")
    arguments = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for name in arguments.parts or parts:
        print(f"\n## {name}")
        parts[name]()
    if arguments.clone:
        print("\n## fresh clone")
        starting.fresh_clone()
    return 0


if __name__ == "__main__":
    sys.exit(main())
