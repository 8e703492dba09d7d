"""The Job that brings the schema: which one is the release's, and whether what it brought is still there."""

from __future__ import annotations

from datetime import datetime

from marsad.api.names import LABEL_NAME, MIGRATE
from marsad.core.context import CNPG_NAME
from marsad.core.kinds import CLUSTER, CNPG
from marsad.core.world import Manifest, Observed


def is_migration(manifest: Manifest) -> bool:
    """Whether a wanted or live object is a Job that brings the schema."""
    return manifest["kind"] == "Job" and (manifest["metadata"].get("labels") or {}).get(LABEL_NAME) == MIGRATE


def outlived(observed: Observed, job: Manifest) -> bool:
    """Whether a Job brought the schema to a database that is no more: it ended before the present Cluster was made."""
    database = observed.get(CNPG, CLUSTER.kind, CNPG_NAME)
    ended = (job.get("status") or {}).get("completionTime")
    made = database["metadata"].get("creationTimestamp") if database is not None else None
    return bool(ended and made) and datetime.fromisoformat(str(ended)) < datetime.fromisoformat(str(made))
