"""What small, medium and large mean: replicas, and resources and PostgreSQL settings that go with them.

Requests are what a quiet center uses, because 22 of them may share one Kubernetes cluster; limits leave room for a
morning's rush. A small center requests 125m of processor in all, a medium one 350m.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from marsad.api.healthcluster import Size
from marsad.core.quantity import MIB, amount


@dataclass(frozen=True)
class Amounts:
    """Processor and memory as Kubernetes quantities."""

    cpu: str
    memory: str

    @property
    def numbers(self) -> tuple[Decimal, Decimal]:
        """(cores, bytes)."""
        return amount(self.cpu), amount(self.memory)


@dataclass(frozen=True)
class Share:
    """How many pods of a component, and what each is guaranteed and may use at most."""

    replicas: int
    requests: Amounts
    limits: Amounts


@dataclass(frozen=True)
class SizeTable:
    """A size's row. `unnamed` is for a container that says nothing itself. `shared_buffers_mib` is PostgreSQL's cache,
    `max_wal_mib` the log between checkpoints."""

    gateway: Share
    analytics: Share
    dashboard: Share
    database: Share
    unnamed: Share
    shared_buffers_mib: int
    work_mem_mib: int
    max_wal_mib: int
    max_connections: int


SIZES: Mapping[Size, SizeTable] = {
    Size.SMALL: SizeTable(
        gateway=Share(1, Amounts("25m", "96Mi"), Amounts("1", "384Mi")),
        analytics=Share(1, Amounts("25m", "96Mi"), Amounts("1", "384Mi")),
        dashboard=Share(1, Amounts("25m", "96Mi"), Amounts("1", "384Mi")),
        database=Share(1, Amounts("50m", "256Mi"), Amounts("2", "1Gi")),
        unnamed=Share(1, Amounts("25m", "64Mi"), Amounts("500m", "256Mi")),
        shared_buffers_mib=128,
        work_mem_mib=4,
        max_wal_mib=512,
        max_connections=100,
    ),
    Size.MEDIUM: SizeTable(
        gateway=Share(2, Amounts("50m", "128Mi"), Amounts("2", "512Mi")),
        analytics=Share(1, Amounts("50m", "128Mi"), Amounts("2", "512Mi")),
        dashboard=Share(2, Amounts("25m", "128Mi"), Amounts("1", "512Mi")),
        database=Share(2, Amounts("75m", "384Mi"), Amounts("2", "2Gi")),
        unnamed=Share(1, Amounts("25m", "64Mi"), Amounts("1", "512Mi")),
        shared_buffers_mib=256,
        work_mem_mib=8,
        max_wal_mib=1024,
        max_connections=100,
    ),
    Size.LARGE: SizeTable(
        gateway=Share(3, Amounts("250m", "256Mi"), Amounts("4", "1Gi")),
        analytics=Share(1, Amounts("500m", "512Mi"), Amounts("4", "2Gi")),
        dashboard=Share(2, Amounts("100m", "192Mi"), Amounts("2", "1Gi")),
        database=Share(3, Amounts("500m", "2Gi"), Amounts("8", "8Gi")),
        unnamed=Share(1, Amounts("100m", "128Mi"), Amounts("2", "1Gi")),
        shared_buffers_mib=1024,
        work_mem_mib=16,
        max_wal_mib=4096,
        max_connections=200,
    ),
}

MIGRATE = Share(1, Amounts("25m", "96Mi"), Amounts("1", "384Mi"))
"""The Job `migrate`, the same in every size: what a Job is made of cannot be changed."""

CONNECTIONS_A_POD = 12
"""Connections one pod of a component may hold; twice its pool, so that a rollout's old and new pods fit together."""
_RESERVED_CONNECTIONS = 30  # replication, CloudNativePG's own, migrations, a person with psql


def connections(table: SizeTable, pods: int) -> int:
    """PostgreSQL's max_connections for that many pods; not below the size's, because each change restarts it."""
    return max(table.max_connections, pods * CONNECTIONS_A_POD + _RESERVED_CONNECTIONS)


def parameters(table: SizeTable, pods: int, storage: Decimal) -> dict[str, str]:
    """PostgreSQL's settings, given the pods of the center and the bytes of an instance's volume.

    The write-ahead log may not fill the volume: what checkpoints, slots and lagging replicas keep is bounded by it.
    The log of the server may hold nothing of patients: slow statements are logged without their values, and failed ones
    not at all, because an error quotes the row it is about (in CloudNativePG's CSV whatever log_error_verbosity says).
    Whoever sent the statement is told of it, and `log_min_messages: log` keeps what the server says of itself.
    """
    volume_mib = int(storage / MIB)
    max_wal = max(64, min(table.max_wal_mib, volume_mib // 8))
    return {
        "shared_buffers": f"{table.shared_buffers_mib}MB",
        "effective_cache_size": f"{table.shared_buffers_mib * 3}MB",
        "work_mem": f"{table.work_mem_mib}MB",
        "maintenance_work_mem": f"{table.work_mem_mib * 8}MB",
        "max_connections": str(connections(table, pods)),
        "max_wal_size": f"{max_wal}MB",
        "min_wal_size": f"{max(32, max_wal // 4)}MB",
        "wal_keep_size": f"{max_wal // 2}MB",
        "max_slot_wal_keep_size": f"{max(128, volume_mib // 4)}MB",
        "wal_compression": "on",
        "random_page_cost": "1.1",
        "jit": "off",  # queries of a control center end before a compiler would have begun
        "idle_in_transaction_session_timeout": "60s",
        "log_lock_waits": "on",
        "log_min_duration_statement": "1s",
        "log_min_messages": "log",  # above `error`
        "log_parameter_max_length": "0",
        "log_parameter_max_length_on_error": "0",
    }
