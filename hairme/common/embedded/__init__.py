"""PostgreSQL and Redis from PyPI wheels, run as child processes of whoever needs them (`manage.py up`, the test suite)."""
