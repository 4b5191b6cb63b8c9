"""The parts of `python manage.py up`: checks before the start, child processes, their supervision, and what others are told."""
