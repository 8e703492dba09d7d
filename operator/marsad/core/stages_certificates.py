"""Whether TLS can be spoken with what the objects hold that it is declared with: a part of PipelinesReady."""

from __future__ import annotations

from marsad.api.conditions import ConditionType, Reason
from marsad.core.certificates import CA, declared, ends, objects
from marsad.core.conditions import Finding
from marsad.core.world import Key, Manifest, Observed


def judge_certificates(observed: Observed) -> Finding | None:
    """What keeps the gateway from speaking TLS, with what to do; None where nothing does."""
    for kind, name in objects(observed):
        live = observed.get("", kind, name)
        found = _missing(observed, kind, name) if live is None else _amiss(observed, kind, live)
        if found is not None:
            return found
    return None


def _missing(observed: Observed, kind: str, name: str) -> Finding:
    condition, tls = ConditionType.PIPELINES_READY, declared(observed)
    namespace = observed.cluster.namespace
    if tls is not None and (kind, name) != (tls.client_authority.kind, tls.client_authority.name):
        if not tls.secret_name:
            return Finding.false(condition, Reason.PROVISIONING, f"Secret {name} for TLS with senders is being made.")
        how = f"kubectl create secret tls {name} --namespace {namespace} --cert=FILE --key=FILE"
        what = "the gateway's certificate"
    else:
        word = "secret generic" if kind == "Secret" else "configmap"
        how = f"kubectl create {word} {name} --namespace {namespace} --from-file={CA}=FILE"
        what = "the authorities that sign the facilities' certificates"
    message = f"{kind} {name} with {what} is missing, and nobody gets in over TLS. Create it: {how}"
    return Finding.false(condition, Reason.CERTIFICATE_MISSING, message)


def _amiss(observed: Observed, kind: str, live: Manifest) -> Finding | None:
    held, name = observed.certificates.get(Key.of(live)), live["metadata"]["name"]
    if held is None:
        return None
    fault = held.fault
    if not fault and ends(held, observed.now) and held.expires_at is not None:
        fault = f"what it holds expired on {held.expires_at:%Y-%m-%d}"
    if not fault:
        return None
    message = (
        f"{kind} {name} cannot serve senders over TLS: {fault}. Replace what it holds; the gateway takes it up alone."
    )
    return Finding.false(ConditionType.PIPELINES_READY, Reason.CERTIFICATE_INVALID, message)
