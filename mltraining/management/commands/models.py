from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat

from hairme.common.errors import ApplicationError
from hairme.ml.artifacts import ArtifactError, open_artifact
from mltraining.models import ModelTransition, ModelVersion
from mltraining.selectors import registry as reads
from mltraining.services import model_files, registry

ACTOR = "command"


class Command(BaseCommand):
    help = "The registry of models: list, show, compare, register, promote, roll back, reject, verify, back up, restore, prune."
    requires_system_checks: list[str] = []  # it is the way out where a model is what a check complains of

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        every = actions.add_parser("list", help="every version, who serves, states and sizes")
        every.add_argument("name", nargs="?", help="of this model only")
        show = actions.add_parser("show", help="one version: card, figures, history")
        show.add_argument("version", metavar="NAME[@VERSION]", help="without a version: the champion")
        compare = actions.add_parser("compare", help="the figures of two versions side by side")
        compare.add_argument("first", metavar="NAME[@VERSION]")
        compare.add_argument("second", metavar="NAME@VERSION")
        add = actions.add_parser("register", help="a folder beneath the models folder; without one: what ships with the code")
        add.add_argument("folder", nargs="?", type=Path)
        for name, text in (("promote", "make a version the champion"), ("reject", "keep a version from ever serving")):
            action = actions.add_parser(name, help=text)
            action.add_argument("version", metavar="NAME@VERSION")
            action.add_argument("--reason", required=True)
        back = actions.add_parser("rollback", help="make the champion before the champion serve again")
        back.add_argument("name")
        back.add_argument("--reason", required=True)
        verify = actions.add_parser("verify", help="hash every file, load, replay golden answers; exit 1 on a problem")
        verify.add_argument("name", nargs="?", help="a model, or NAME@VERSION (default: all)")
        for action in (every, show, verify):
            action.add_argument("--json", action="store_true", dest="as_json")
        prune = actions.add_parser("prune", help="remove files of versions without alias, reign, run or experiment")
        prune.add_argument("--keep", type=int, default=5, help="newest ones of each model to keep all the same (default 5)")
        prune.add_argument("--dry-run", action="store_true")
        for name in ("backup", "restore"):
            action = actions.add_parser(name, help=f"{name} the files of every version")
            action.add_argument("folder", type=Path)

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        try:
            getattr(self, f"_{action}")(**options)
        except ApplicationError as error:
            raise CommandError(error.message) from None
        except ArtifactError as error:
            raise CommandError(str(error)) from None

    def _list(self, name: str | None, as_json: bool, **options: Any) -> None:
        found = [view for model in ([name] if name else reads.names()) for view in reads.views(model)]
        if as_json:
            self._json([_facts(view) for view in found])
            return
        for view in found:
            size = filesizeformat(view.size).replace("\xa0", " ") if view.size is not None else "no files"
            self.stdout.write(
                f"{view.version.key:42} {', '.join(view.aliases) or '-':22} {view.version.state:10} {size:>10}  "
                f"{view.version.created_at:%Y-%m-%d %H:%M}"
            )

    def _show(self, version: str, as_json: bool, **options: Any) -> None:
        found = reads.find(version)
        [view] = [view for view in reads.views(found.name) if view.version == found]
        moves = [move for move in reads.transitions(found.name) if found in (move.before, move.after)]
        if as_json:
            self._json({**_facts(view), "card": found.card, "transitions": [_move(move) for move in moves]})
            return
        facts = _facts(view)
        for name in ("key", "aliases", "state", "reason", "bytes", "parent", "dataset_hash", "code_revision", "card_sha256"):
            if facts[name]:
                value = ", ".join(facts[name]) if isinstance(facts[name], list) else facts[name]
                self.stdout.write(f"{name:14} {value}")
        for name, value in reads.figures(found.card.get("metrics", {})):
            self.stdout.write(f"  {name:48} {value:.6g}")
        for move in moves:
            self.stdout.write(f"{move.at:%Y-%m-%d %H:%M}  {move.kind:9} {move.actor}: {move.reason}")

    def _compare(self, first: str, second: str, **options: Any) -> None:
        left, right = reads.find(first), reads.find(second)
        self.stdout.write(f"{'':48} {left.version:>16} {right.version:>16} {'difference':>12}")
        for row in reads.compare(left, right):
            cells = [f"{value:.6g}" if value is not None else "-" for value in (row.first, row.second, row.difference)]
            self.stdout.write(f"{row.name:48} {cells[0]:>16} {cells[1]:>16} {cells[2]:>12}")

    def _register(self, folder: Path | None, **options: Any) -> None:
        if folder is None:
            for line in registry.register_shipped():
                self.stdout.write(line)
            return
        version = registry.register(open_artifact(folder.resolve()), actor=_actor(), reason="registered by hand")
        self.stdout.write(f"registered {version.key}")

    def _promote(self, version: str, reason: str, **options: Any) -> None:
        made = registry.promote(_exactly(version), actor=_actor(), reason=reason)
        self.stdout.write(f"champion {made.after} (before: {made.before or 'none'})")

    def _rollback(self, name: str, reason: str, **options: Any) -> None:
        self.stdout.write(f"champion {registry.rollback(name, actor=_actor(), reason=reason)}")

    def _reject(self, version: str, reason: str, **options: Any) -> None:
        self.stdout.write(f"rejected {registry.reject(_exactly(version), actor=_actor(), reason=reason).before}")

    def _verify(self, name: str | None, as_json: bool, **options: Any) -> None:
        versions = ModelVersion.objects.order_by("name", "pk")
        if name:
            versions = versions.filter(pk=reads.find(name).pk) if "@" in name else versions.filter(name=name)
        found = model_files.verify(versions, actor=_actor())
        if as_json:
            self._json([{"key": finding.version.key, "problem": finding.problem} for finding in found])
        for finding in found if not as_json else []:
            self.stdout.write(f"{finding.version.key:42} {finding.problem or 'whole'}")
        bad = sum(not finding.is_good for finding in found)
        if bad:
            raise CommandError(f"{bad} of {len(found)} versions cannot serve")

    def _prune(self, keep: int, dry_run: bool, **options: Any) -> None:
        gone = model_files.prunable(keep)
        if not dry_run:
            model_files.prune(gone, actor=_actor())
        for version in gone:
            self.stdout.write(f"{'would remove' if dry_run else 'removed'} the files of {version.key}")

    def _backup(self, folder: Path, **options: Any) -> None:
        for key in model_files.backup(folder.resolve()):
            self.stdout.write(f"copied {key}")

    def _restore(self, folder: Path, **options: Any) -> None:
        for key in model_files.restore(folder.resolve(), actor=_actor()):
            self.stdout.write(f"restored {key}")

    def _json(self, value: Any) -> None:
        self.stdout.write(json.dumps(value, ensure_ascii=False, indent=2))


def _actor() -> str:
    return f"{ACTOR}:{os.environ['USER']}" if os.environ.get("USER") else ACTOR


def _exactly(key: str) -> ModelVersion:
    if "@" not in key:
        raise CommandError(f"say which version: {key}@VERSION (models list {key})")
    return reads.find(key)


def _facts(view: reads.VersionView) -> dict[str, Any]:
    version = view.version
    return {
        "key": version.key,
        "aliases": list(view.aliases),
        "state": version.state,
        "reason": version.reason,
        "bytes": view.size,
        "registered": version.created_at.isoformat(),
        "ships_with_code": version.ships_with_code,
        "parent": version.parent.key if version.parent else None,
        "dataset_hash": version.dataset_hash,
        "code_revision": version.code_revision,
        "card_sha256": version.card_sha256,
    }


def _move(move: ModelTransition) -> dict[str, Any]:
    return {
        "at": move.at.isoformat(),
        "kind": move.kind,
        "before": move.before.key if move.before else None,
        "after": move.after.key if move.after else None,
        "actor": move.actor,
        "reason": move.reason,
        "metrics": move.metrics,
    }
