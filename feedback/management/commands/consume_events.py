"""Keep the hourly sums of what was shown, liked and measured: read the event stream until stopped."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from feedback.stream import consumer, replay


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--once", action="store_true", help="take in what is there, then end")
        what.add_argument("--replay", action="store_true", help="make the sums anew from all events that are kept, then end")
        what.add_argument(
            "--check",
            action="store_true",
            help="take in what is there and add it up independently; status 1 where the sums differ",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["once"]:
            self.stdout.write(f"{consumer.drain()} taken in")
        elif options["replay"]:
            self.stdout.write(f"{replay.replay()} events replayed")
        elif options["check"]:
            self._check()
        else:
            stop = threading.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())
            consumer.run(stop)

    def _check(self) -> None:
        consumer.drain()
        wrong = replay.differences()
        for (hour, dimension, value), (stored, computed) in sorted(wrong.items())[:20]:
            self.stderr.write(f"{hour:%Y-%m-%d %H} {dimension} {value}: stored {stored}, computed {computed}")
        if wrong:
            raise CommandError(f"{len(wrong)} sums are not what the events add up to; --replay makes them anew")
        self.stdout.write("the sums are what the events add up to")
