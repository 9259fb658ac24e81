# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Results in one SQLite file that is sound whenever the process ends.

    runs      a finished run: key, status (done or failed), error, its configuration
    points    what was measured at each evaluated step of a run
    layers    what was measured of each layer until then, since the evaluation before
    contents  the text of models and policies by hash
    studies   what was asked for, and how many runs that is
    members   which runs belong to a study, with the settings as the study says them

The journal is a write-ahead log; one sweep writes in short transactions, another one may
write between them, and readers never wait. A row appears when its run is over: what is
not there is to be done. The file's user_version is the schema's; older ones are migrated
when opened, newer ones refused.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prec.study.file import Study
    from prec.study.runs import Run

APPLICATION = 0x50524543  # "PREC"
PATIENCE = 30.0  # seconds that a locked store is waited for

MIGRATIONS = (
    """
    CREATE TABLE runs (
        key TEXT PRIMARY KEY,
        status TEXT NOT NULL CHECK (status IN ('done', 'failed')),
        error TEXT,
        config TEXT NOT NULL,
        program TEXT NOT NULL,
        finished TEXT NOT NULL,
        seconds REAL,
        steps INTEGER,
        diverged_at INTEGER,
        test_accuracy REAL,
        loss REAL
    ) WITHOUT ROWID;
    CREATE TABLE points (
        key TEXT NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
        step INTEGER NOT NULL,
        epoch INTEGER NOT NULL,
        loss REAL,
        accuracy REAL,
        test_accuracy REAL,
        test_accuracy_f32 REAL,
        PRIMARY KEY (key, step)
    ) WITHOUT ROWID;
    CREATE TABLE contents (hash TEXT PRIMARY KEY, suffix TEXT NOT NULL, text TEXT NOT NULL)
        WITHOUT ROWID;
    CREATE TABLE studies (
        name TEXT NOT NULL,
        form TEXT NOT NULL,
        document TEXT NOT NULL,
        planned INTEGER NOT NULL,
        PRIMARY KEY (name, form)
    ) WITHOUT ROWID;
    CREATE TABLE members (
        name TEXT NOT NULL,
        form TEXT NOT NULL,
        key TEXT NOT NULL,
        settings TEXT NOT NULL,
        PRIMARY KEY (name, form, key)
    ) WITHOUT ROWID;
    """,
    # 2: who computed a run, and which of a study's axes differ (reports label by them).
    """
    ALTER TABLE runs ADD COLUMN worker TEXT;
    ALTER TABLE studies ADD COLUMN axes TEXT NOT NULL DEFAULT '[]';
    """,
    # 3: the order of a study's runs is the file's, in reports and exports too.
    """
    ALTER TABLE members ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
    """,
    # 4: on what machine a run was computed and what it cost there.
    """
    ALTER TABLE runs ADD COLUMN machine TEXT;
    ALTER TABLE runs ADD COLUMN cpu_seconds REAL;
    """,
    # 5: losses of data that are values, gradients and roundings by layer, how many samples.
    """
    ALTER TABLE runs ADD COLUMN test_loss REAL;
    ALTER TABLE runs ADD COLUMN samples INTEGER;
    ALTER TABLE points ADD COLUMN training_loss REAL;
    ALTER TABLE points ADD COLUMN test_loss REAL;
    ALTER TABLE points ADD COLUMN test_loss_f32 REAL;
    CREATE TABLE layers (
        key TEXT NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
        step INTEGER NOT NULL,
        layer TEXT NOT NULL,
        gradient_norm REAL,
        overflow REAL,
        underflow REAL,
        saturation REAL,
        PRIMARY KEY (key, step, layer)
    ) WITHOUT ROWID;
    """,
)
VERSION = len(MIGRATIONS)
POINT = ("step", "epoch", "loss", "accuracy", "test_accuracy", "test_accuracy_f32",
         "training_loss", "test_loss", "test_loss_f32")  # fmt: skip
LAYER = ("gradient_norm", "overflow", "underflow", "saturation")
MEASURED = ("seconds", "steps", "diverged_at", "test_accuracy", "test_loss", "loss", "worker",
            "machine", "cpu_seconds", "samples")  # fmt: skip


class StoreError(RuntimeError):
    """The store cannot be used; the text is for the user."""


class Store:
    """One open file. Usable from the thread that opened it."""

    def __init__(self, path: str | Path, create: bool = True, patience: float = PATIENCE) -> None:
        self.path = Path(path)
        if not create and not self.path.exists():
            raise StoreError(f"there is no store '{path}'")
        with self._explained():
            self.database = sqlite3.connect(self.path, timeout=patience, isolation_level=None)
            try:
                self._open()
            except BaseException:
                self.database.close()
                raise

    def _open(self) -> None:
        self.database.execute("PRAGMA foreign_keys = ON")
        version, application = self._pragma("user_version"), self._pragma("application_id")
        empty = not self.database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
        if application != APPLICATION and not (empty and version == 0 and application == 0):
            raise StoreError(f"'{self.path}' is an SQLite file of another program, not a store")
        if version > VERSION:
            raise StoreError(f"'{self.path}' has schema version {version}, this program knows up "
                             f"to {VERSION}; use the version of prec that wrote it")  # fmt: skip
        if version == VERSION:
            return
        self.database.execute("PRAGMA journal_mode = WAL")
        with self.transaction():
            # Another process may have migrated it while this one waited.
            for number in range(self._pragma("user_version"), VERSION):
                for statement in MIGRATIONS[number].split(";"):
                    self.database.execute(statement)
            self.database.execute(f"PRAGMA user_version = {VERSION}")
            self.database.execute(f"PRAGMA application_id = {APPLICATION}")

    def _pragma(self, name: str) -> Any:
        return self.database.execute(f"PRAGMA {name}").fetchone()[0]

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """What SQLite says, in words that tell what to do."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            text = str(error)
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code == sqlite3.SQLITE_NOTADB:
                text = "it is not an SQLite file"
            elif code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                text = "another process holds it locked; try again when that has ended"
            elif code == sqlite3.SQLITE_FULL:
                text = "the disk is full; what was stored before is sound, make room and go on"
            elif code == sqlite3.SQLITE_READONLY:
                text = "it may only be read"
            raise StoreError(f"cannot use the store '{self.path}': {text}") from None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        with self._explained():
            self.database.execute("BEGIN IMMEDIATE")
            try:
                yield self.database
                self.database.execute("COMMIT")
            except BaseException:
                if self.database.in_transaction:
                    self.database.execute("ROLLBACK")
                raise

    def rows(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        with self._explained():
            cursor = self.database.execute(query, arguments)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row)) for row in cursor]

    def plan(self, study: Study, runs: dict[str, Run], contents: dict[str, dict[str, str]], planned: int | None = None) -> None:
        """Records what a study asks for: these runs, and `planned` with those that only later
        are known. An older plan of the same name and form goes."""
        document = study.text
        with self.transaction() as database:
            same = (study.name, study.form)
            database.execute("DELETE FROM members WHERE name = ? AND form = ?", same)
            database.execute(
                "INSERT OR REPLACE INTO studies (name, form, document, planned, axes)"
                " VALUES (?, ?, ?, ?, ?)",
                (*same, document, planned or len(runs), json.dumps(study.axis_names())),
            )
            database.executemany(
                "INSERT INTO members VALUES (?, ?, ?, ?, ?)",
                (
                    (*same, run.key, json.dumps(run.settings), position)
                    for position, run in enumerate(runs.values())
                ),
            )
            database.executemany(
                "INSERT OR IGNORE INTO contents VALUES (?, ?, ?)",
                ((name, held["suffix"], held["text"]) for name, held in contents.items()),
            )

    def finished(self, keys: Iterable[str]) -> dict[str, str]:
        """{key: status} of those that are over."""
        known = {row["key"]: row["status"] for row in self.rows("SELECT key, status FROM runs")}
        return {key: known[key] for key in keys if key in known}

    def forget_failed(self, keys: Iterable[str]) -> None:
        with self.transaction() as database:
            database.executemany(
                "DELETE FROM runs WHERE key = ? AND status = 'failed'", ((key,) for key in keys)
            )

    def add(self, run: Run, result: dict[str, Any]) -> None:
        """Stores a run that is over, whole. One that is there already stays as it is."""
        with self.transaction() as database:
            row = (run.key, "failed" if result.get("error") else "done", result.get("error"),
                   json.dumps(run.config), run.config["program"],
                   datetime.now(timezone.utc).isoformat(timespec="seconds"))  # fmt: skip
            names = ("key", "status", "error", "config", "program", "finished", *MEASURED)
            _insert(database, "runs", names, [(*row, *map(result.get, MEASURED))])
            points = [(run.key, *map(point.get, POINT)) for point in result["points"]]
            _insert(database, "points", ("key", *POINT), points)
            layers = [(run.key, point["step"], layer, *map(measured.get, LAYER))
                      for point in result["points"]
                      for layer, measured in point.get("layers", {}).items()]  # fmt: skip
            _insert(database, "layers", ("key", "step", "layer", *LAYER), layers)

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _insert(database: sqlite3.Connection, table: str, names: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    marks = ", ".join("?" * len(names))
    text = f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({marks})"
    database.executemany(text, rows)
