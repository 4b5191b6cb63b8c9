#!/usr/bin/env python
"""HairMe's commands. `python manage.py up` runs everything; `python manage.py help` lists the rest."""

import os
import sys


def main():
    if not (3, 11) <= sys.version_info[:2] <= (3, 12):
        version = ".".join(map(str, sys.version_info[:2]))
        stop(f"HairMe runs on Python 3.11 or 3.12 and this is {version}: run `make run`, which finds one.")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hairme.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ImportError:
        stop(f"Django is not installed for {sys.executable}: run `make run`, or use .venv/bin/python manage.py.")
    try:
        if sys.argv[1:2] == ["up"]:  # it starts processes that load the applications and needs none itself: a second saved
            from hairme.common.management.commands.up import Command

            Command().run_from_argv(sys.argv)
        else:
            execute_from_command_line(sys.argv)
    except ImproperlyConfigured as reason:
        stop(str(reason))


def stop(sentence):
    sys.stderr.write(sentence + "\n")
    sys.exit(2)


if __name__ == "__main__":
    main()
