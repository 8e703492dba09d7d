"""A real PostgreSQL server for tests, with the roles that CloudNativePG would make."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import asyncpg

from e2e.ports import free_port
from marsad_center.settings import DatabaseSettings

PASSWORD = "test-only"
ROLES = ("owner", "gateway", "analytics", "reader")


def binaries() -> Path | None:
    """The folder of initdb and postgres: the newest of Debian's, else whatever PATH has."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if debian:
        return debian[-1].parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


class PostgresServer:
    """initdb, start, kill -9 and start again, on a free loopback port. `durable` keeps fsync on (fault tests need it).

    PostgreSQL refuses to run as root, so root runs it as the user `postgres`.
    """

    def __init__(self, *, durable: bool = False) -> None:
        found = binaries()
        if found is None:
            raise RuntimeError("no PostgreSQL server found: install the package postgresql")
        self._binaries = found
        self.folder = Path(tempfile.mkdtemp(prefix="marsad-pg-"))
        self._data = self.folder / "data"
        self.port = free_port()
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            account = pwd.getpwnam(self._user)
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        password = self.folder / "superuser"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        arguments = [str(found / "initdb"), "-D", str(self._data), "-U", "postgres", "-A", "scram-sha-256"]
        subprocess.run(
            [*arguments, "--pwfile", str(password), "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
            check=True,
            stdout=subprocess.DEVNULL,
            user=self._user,
            cwd="/",
        )
        self.credentials = {role: self._credentials(role) for role in ("postgres", *ROLES)}

    def _credentials(self, role: str) -> Path:
        folder = self.folder / "credentials" / role
        folder.mkdir(parents=True)
        (folder / "username").write_text(role)
        (folder / "password").write_text(PASSWORD)
        return folder

    def settings(self, role: str, database: str) -> DatabaseSettings:
        """How `role` reaches `database` on this server."""
        return DatabaseSettings(
            host="127.0.0.1", port=self.port, name=database, credentials=self.credentials[role], ca=None
        )

    @property
    def pid(self) -> int:
        """Of the server's first process, whose children are all others."""
        assert self._process is not None
        return self._process.pid

    def start(self, settings: Mapping[str, str] | None = None) -> None:
        """Start and return; connections are accepted a little later (use `wait`). `settings` go before our own."""
        options = [f"port={self.port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={self.folder}"]
        options += ["max_connections=100", "shared_buffers=32MB", "log_min_messages=fatal"]
        if not self._durable:
            options += ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        options += [f"{name}={value}" for name, value in (settings or {}).items()]
        arguments = [str(self._binaries / "postgres"), "-D", str(self._data)]
        for option in options:
            arguments += ["-c", option]
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            arguments, stdout=log, stderr=log, user=self._user, cwd="/", start_new_session=True
        )
        log.close()

    async def wait(self, seconds: float = 120) -> None:
        """Return when a superuser can connect; TimeoutError after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                connection = await self.superuser("postgres")
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                if time.monotonic() > deadline:
                    raise TimeoutError((self.folder / "log").read_text()[-2000:]) from None
                time.sleep(0.05)  # noqa: ASYNC251 - start of a fixture; nothing else runs
            else:
                await connection.close()
                return

    async def superuser(self, database: str) -> asyncpg.Connection:
        """A superuser's connection, to look at or break what no role of the center may."""
        return await asyncpg.connect(
            host="127.0.0.1", port=self.port, user="postgres", password=PASSWORD, database=database, timeout=60
        )

    async def make_roles(self) -> None:
        """The roles that the operator's CloudNativePG Cluster declares."""
        connection = await self.superuser("postgres")
        for role in ROLES:
            await connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
        await connection.close()

    def died(self) -> bool:
        """Whether the server has ended by itself."""
        return self._process is not None and self._process.poll() is not None

    def kill(self) -> None:
        """kill -9 of the whole server, as a node that dies would do it. `start` recovers it."""
        assert self._process is not None
        pid = self._process.pid
        family = [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
        for member in family:  # the backends too: they are sessions of their own
            with suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
        self._process.wait()
        while any(Path(f"/proc/{member}").exists() for member in family):  # a new server refuses to start beside them
            time.sleep(0.01)

    def close(self) -> None:
        """Stop and remove everything."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
