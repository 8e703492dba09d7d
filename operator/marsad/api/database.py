"""Where a control center keeps its facts: a CloudNativePG cluster, or a PostgreSQL that someone else runs."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from marsad.api.model import CONTROL, Model, Quantity, rule, rules
from marsad.api.security import Destination


class Engine(StrEnum):
    """Who runs PostgreSQL."""

    CLOUDNATIVE_PG = "cloudnative-pg"
    EXTERNAL = "external"


class Storage(Model):
    """The volume of each database instance."""

    size: Annotated[
        Quantity,
        Field(
            json_schema_extra=rules(
                rule(
                    "type(self) == int ? self > 0 : isQuantity(self) && quantity(self).isGreaterThan(quantity('0'))",
                    "database.storage.size must be a positive Kubernetes quantity such as 10Gi",
                ),
                rule(
                    "!isQuantity(string(self)) || !isQuantity(string(oldSelf)) || "
                    "!quantity(string(self)).isLessThan(quantity(string(oldSelf)))",
                    "database.storage.size may not shrink: a volume can only grow",
                ),
                maxLength=32,
            )
        ),
    ] = "10Gi"
    """Size of each instance's volume, such as 10Gi; it may grow later and never shrink."""
    storage_class_name: Annotated[str | None, Field(min_length=1, max_length=253)] = None
    """StorageClass of the volumes; the Kubernetes cluster's default where absent. It cannot be changed later."""


_ADDRESSES = rule(
    "isIP(self.host) || (has(self.addresses) && self.addresses.size() > 0)",
    "database.external.host is a name, and a network policy knows addresses only: say in database.external.addresses "
    "to which it leads, such as 10.4.0.8/32",
)


class ExternalDatabase(Model):
    """How to reach a PostgreSQL that Marsad does not run."""

    model_config = ConfigDict(json_schema_extra=rules(_ADDRESSES))

    host: Annotated[str, Field(min_length=1, max_length=253)]
    """Host name or address of the primary."""
    addresses: Annotated[
        tuple[Destination, ...], Field(max_length=16, json_schema_extra=rules(x_kubernetes_list_type="set"))
    ] = ()
    """Ranges of the addresses to which the host leads, such as 10.4.0.8/32; nothing else is let out to its port. May be
    left out where host is an address itself."""
    port: Annotated[
        int,
        Field(json_schema_extra=rules(rule("self >= 1 && self <= 65535", "a port is a number from 1 to 65535"))),
    ] = 5432
    """TCP port of the primary."""
    database: Annotated[str, Field(min_length=1, max_length=63)] = "center"
    """Name of the database, which must exist and be used for this center alone, on a server without another center."""
    secret_name: Annotated[str, Field(min_length=1, max_length=253)]
    """Secret of this namespace with the keys username and password of the role that owns the database and may create
    roles, and ca.crt, the certificate of the authority that signed the server's."""


_ENGINE_RULES = rules(
    rule("self.engine != 'external' || has(self.external)", "engine external needs the block database.external"),
    rule("self.engine == 'external' || !has(self.external)", "the block database.external is only for engine external"),
)


class Database(Model):
    """PostgreSQL for one control center."""

    model_config = ConfigDict(json_schema_extra=_ENGINE_RULES)

    engine: Annotated[
        Engine,
        Field(
            json_schema_extra=rules(
                rule("self == oldSelf", "database.engine cannot be changed: the data would not follow")
            )
        ),
    ] = Engine.CLOUDNATIVE_PG
    """cloudnative-pg has the CloudNativePG operator run PostgreSQL here; external uses one that exists."""
    instances: Annotated[
        int | None,
        Field(json_schema_extra=rules(rule("self >= 1 && self <= 9", "database.instances must be 1 to 9"))),
    ] = None
    """Number of PostgreSQL instances, one of them the primary; by size where absent. For cloudnative-pg only."""
    storage: Annotated[
        Storage,
        Field(
            json_schema_extra=rules(
                rule(
                    "has(self.storageClassName) == has(oldSelf.storageClassName) && "
                    "(!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",
                    "database.storage.storageClassName cannot be changed: a volume stays in its class",
                )
            )
        ),
    ] = Storage()
    """Volume of each instance. For cloudnative-pg only."""
    parameters: Annotated[
        dict[str, Annotated[str, Field(max_length=1024)]],
        Field(
            max_length=100,
            json_schema_extra=rules(
                rule(  # PostgreSQL reads Fsync as fsync, and the rules below would not
                    "self.all(name, name.matches('^[a-z_][a-z0-9_$]{0,62}([.][a-z_][a-z0-9_$]{0,62})?$'))",
                    "database.parameters names settings of PostgreSQL in lower-case letters, such as max_connections",
                ),
                rule(
                    f"self.all(name, !self[name].matches('{CONTROL}'))",
                    "a value in database.parameters is one line of text, without control characters",
                ),
                rule(
                    "self.all(name, !(name in ['fsync', 'full_page_writes', 'synchronous_commit']))",
                    "database.parameters may not set fsync, full_page_writes or synchronous_commit: "
                    "what was acknowledged must survive a crash",
                ),
                rule(
                    "self.all(name, name != 'ssl' && !name.startsWith('ssl_'))",
                    "database.parameters may not set ssl or ssl_*: connections are always encrypted",
                ),
                rule(
                    "self.all(name, name != 'log_min_messages' && name != 'pgaudit.log_parameter' && "
                    "!name.startsWith('log_parameter_') && !name.startsWith('debug_print_') && "
                    "!name.startsWith('auto_explain.'))",
                    "database.parameters may not set log_min_messages, log_parameter_*, debug_print_*, "
                    "auto_explain.* or pgaudit.log_parameter: what identifies patients may not enter a log",
                ),
            ),
        ),
    ] = Field(default_factory=dict)
    """PostgreSQL settings, added to those of the size. For cloudnative-pg only."""
    external: ExternalDatabase | None = None
    """How to reach the database when engine is external, and absent otherwise."""


class DatabaseStatus(Model):
    """What the database engine reports."""

    engine: str = ""
    """Who runs PostgreSQL."""
    primary: str | None = None
    """Name of the instance that takes writes; absent while there is none."""
    instances: int = 0
    """Instances that are wanted."""
    ready_instances: int = 0
    """Instances that serve."""
