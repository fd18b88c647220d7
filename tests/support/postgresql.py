"""A real PostgreSQL server of the tests' own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path

from lse.platform.ports import free_port

__all__ = ["PostgreSQL", "find_postgresql"]


def find_postgresql() -> Path | None:
    """Folder of the server programs, None where they are not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if found := shutil.which("initdb"):
        folders.append(Path(found).resolve().parent)
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


class PostgreSQL:
    """A server on a free port, with its data in a folder."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        # The server refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Make the data folder, where there is none, and run the server, where it does not run."""
        if self._process is not None and self._process.poll() is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._user:
            account = pwd.getpwnam(self._user)
            os.chown(self._folder, account.pw_uid, account.pw_gid)
            for parent in self._folder.parents:
                if parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o001:
                    parent.chmod(parent.stat().st_mode | 0o011)
        data = self._folder / "data"
        if self._process is None:
            subprocess.run(
                [self._programs / "initdb", "-D", data, "-U", "lse", "--auth=trust", "--no-sync", "-E", "UTF8"],
                user=self._user,
                check=True,
                capture_output=True,
                cwd="/",
            )
        else:
            # One that was killed leaves it, and its number may be that of another process by now.
            (data / "postmaster.pid").unlink(missing_ok=True)
        where = ["-D", str(data), "-p", str(self.port), "-h", "127.0.0.1", "-k", str(self._folder)]
        self._process = subprocess.Popen(
            [self._programs / "postgres", *where, "-c", "fsync=off"],
            user=self._user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )
        import psycopg

        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(host="127.0.0.1", port=self.port, user="lse", dbname="postgres").close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self.pid is None:
                    raise
                time.sleep(0.1)
            else:
                return

    @property
    def socket(self) -> Path:
        """Its socket file."""
        return self._folder / f".s.PGSQL.{self.port}"

    @property
    def pid(self) -> int | None:
        """Process of the server, None where it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def new_database(self, name: str) -> str:
        """SQLAlchemy URL of a new, empty database."""
        import psycopg

        with psycopg.connect(
            host="127.0.0.1", port=self.port, user="lse", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return f"postgresql+psycopg://lse@127.0.0.1:{self.port}/{name}"

    def stop(self) -> None:
        """End the server."""
        if self._process is not None:
            # "Fast": it does not wait for those who are connected.
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
