"""The keys of the Secret are those that this database was written with. With others every new fact would be a stranger
to the old ones, and nobody would notice before someone looks."""

from __future__ import annotations

from marsad_center import db
from marsad_center.keys import Keys, KeysError


async def check(connection: db.Connection, keys: Keys) -> None:
    """Note keys that are new. Raises KeysError when one of a known name is another than it was."""
    names, prints = list(keys.fingerprints), list(keys.fingerprints.values())
    await connection.execute(
        "INSERT INTO center_key (name, fingerprint) SELECT * FROM unnest($1::text[], $2::bytea[])"
        " ON CONFLICT (name) DO NOTHING",
        names,
        prints,
    )
    rows = await connection.fetch("SELECT name, fingerprint FROM center_key WHERE name = ANY($1::text[])", names)
    for row in rows:
        if row["fingerprint"] != keys.fingerprints[row["name"]]:
            raise KeysError(
                f"entry `{row['name']}` of the Secret center-key is not the key that this database was written with:"
                " apply your copy of the Secret and restart the gateway (docs/how-to/keys.md)"
            )
