"""Which certificates are issued and when anew, and what is said of those that are missing or wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from marsad.api.conditions import Reason
from marsad.core.certificates import AUTHORITY, CERTIFICATE, KEY, SERVER, Step, due, names, read
from marsad.core.deletion import deletion
from marsad.core.stages_certificates import judge_certificates
from marsad.core.world import Held, Key, Manifest, Observed
from marsad.shell.issuing import authority, pair, pem, server
from marsad.tests.core.worlds import (
    NOW,
    TLS,
    changed,
    cluster,
    deleting,
    issued,
    key,
    secret,
    wanted,
    with_objects,
    without,
    world,
)  # fmt: skip

FAR = NOW + timedelta(days=3000)
OWN, PAIR = key("Secret", AUTHORITY), key("Secret", SERVER)
CLIENTS = key("ConfigMap", "facilities")
FACILITIES: Manifest = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "facilities", "namespace": "makkah"},
}
SIGNER = authority("makkah", NOW)


def settled(**tls: Any) -> Observed:
    """A center with TLS for which everything is there and valid."""
    hl7 = TLS["hl7"]["tls"] | tls
    observed = world(cluster(pipelines={"hl7": {"tls": hl7}}), objects=issued() | {CLIENTS: FACILITIES})
    declared = observed.cluster.spec.pipelines.hl7.tls
    assert declared is not None
    called = names(observed, declared)
    own, pair_ = read(pair(SIGNER.certificate, SIGNER.key)), read(server(called, SIGNER, NOW))
    return replace(observed, certificates={OWN: own, PAIR: pair_, CLIENTS: Held(expires_at=FAR)})


def holding(observed: Observed, at: Key, **changes: Any) -> Observed:
    return replace(observed, certificates={**observed.certificates, at: replace(observed.certificates[at], **changes)})


class TestWhatIsIssued:
    def test_a_center_without_tls_needs_none(self) -> None:
        assert due(world()) is None

    def test_a_new_center_gets_an_authority_of_its_own(self) -> None:
        found = due(world(cluster(pipelines=TLS)))
        assert found is not None
        assert found.authority is Step.MAKE
        services = ("gateway.makkah.svc", "gateway.makkah.svc.cluster.local", "gateway.makkah", "gateway")
        assert found.names == (*services, "hl7.makkah.example")

    def test_what_is_there_and_valid_is_kept(self) -> None:
        assert due(settled()) is None

    @pytest.mark.parametrize(
        ("days", "step"),
        [
            pytest.param(31, None, id="in its second third"),
            pytest.param(29, Step.KEEP, id="a month before its end"),
            pytest.param(-5, Step.KEEP, id="expired"),
        ],
    )
    def test_a_certificate_is_issued_anew_well_before_it_expires(self, days: int, step: Step | None) -> None:
        found = due(holding(settled(), PAIR, expires_at=NOW + timedelta(days=days)))
        assert (found.authority if found else None) is step

    def test_the_authority_is_renewed_two_years_before_its_end_with_its_old_key(self) -> None:
        found = due(holding(settled(), OWN, expires_at=NOW + timedelta(days=700)))
        assert found is not None
        assert found.authority is Step.RENEW

    def test_one_that_was_deleted_is_issued_by_the_authority_that_is_there(self) -> None:
        found = due(without(settled(), PAIR))
        assert found is not None
        assert found.authority is Step.KEEP

    def test_one_of_another_authority_or_of_other_names_is_issued_anew(self) -> None:
        assert due(holding(settled(), PAIR, issuer="another")) is not None
        assert due(holding(settled(), PAIR, names=frozenset({"gateway"}))) is not None

    def test_an_address_may_be_written_in_more_than_one_way(self) -> None:
        assert due(settled(names=["FD00:0::7", "10.20.0.7"])) is None

    def test_one_that_someone_spoiled_is_issued_anew(self) -> None:
        assert due(holding(settled(), PAIR, fault="tls.key is missing")) is not None
        found = due(holding(settled(), OWN, fault="tls.key is missing"))
        assert found is not None
        assert found.authority is Step.MAKE

    def test_what_could_not_be_read_is_left_alone(self) -> None:
        assert due(replace(settled(), certificates={})) is None

    def test_what_someone_else_made_is_used_and_never_replaced(self) -> None:
        theirs = [changed(secret(name), "metadata.labels", {}) for name in (AUTHORITY, SERVER)]
        observed = with_objects(settled(), *theirs)
        assert due(holding(observed, PAIR, fault="tls.key is missing")) is None
        assert due(holding(observed, OWN, fault="tls.key is missing")) is None
        assert due(without(observed, PAIR)) is not None, "it may sign: an authority of the ministry"

    def test_nothing_is_issued_where_a_certificate_is_brought_or_nothing_may_be_written(self) -> None:
        bare = world(cluster(pipelines=TLS))
        brought = {"hl7": {"tls": {"clientAuthority": {"secretName": "ca"}, "secretName": "ours"}}}
        for observed in (
            replace(bare, cluster=cluster(pipelines=brought)),
            replace(bare, cluster=cluster(pipelines=TLS, paused=True)),
            replace(bare, cluster=deleting(cluster(pipelines=TLS))),
            replace(bare, cluster=cluster(pipelines=TLS, release="9.9.9")),
        ):
            assert due(observed) is None

    def test_the_authoritys_certificate_is_published_and_nothing_else_of_it(self) -> None:
        (published,) = [one for one in wanted(settled()) if one["metadata"]["name"] == AUTHORITY]
        assert published["kind"] == "ConfigMap"
        assert published["data"] == {"ca.crt": "CERTIFICATE\n"}
        assert not [one for one in wanted(world(cluster(pipelines=TLS))) if one["metadata"]["name"] == AUTHORITY]


class TestWhatIsSaid:
    def said(self, observed: Observed) -> tuple[Reason, str]:
        found = judge_certificates(observed)
        assert found is not None
        return found.reason, found.message

    def test_nothing_where_all_is_well_or_tls_is_not_declared(self) -> None:
        assert judge_certificates(settled()) is None
        assert judge_certificates(world()) is None

    def test_a_missing_authority_of_the_facilities(self) -> None:
        assert self.said(without(settled(), CLIENTS)) == (
            Reason.CERTIFICATE_MISSING,
            "ConfigMap facilities with the authorities that sign the facilities' certificates is missing, and nobody "
            "gets in over TLS. Create it: "
            "kubectl create configmap facilities --namespace makkah --from-file=ca.crt=FILE",
        )

    def test_a_missing_certificate_that_is_to_be_brought(self) -> None:
        observed = settled(secretName="ours", names=[])
        assert self.said(observed) == (
            Reason.CERTIFICATE_MISSING,
            "Secret ours with the gateway's certificate is missing, and nobody gets in over TLS. Create it: "
            "kubectl create secret tls ours --namespace makkah --cert=FILE --key=FILE",
        )

    def test_a_broken_one_by_its_fault(self) -> None:
        assert self.said(holding(settled(), CLIENTS, fault="ca.crt holds no certificate in PEM")) == (
            Reason.CERTIFICATE_INVALID,
            "ConfigMap facilities cannot serve senders over TLS: ca.crt holds no certificate in PEM. Replace what it "
            "holds; the gateway takes it up alone.",
        )

    def test_an_expired_one_with_its_day(self) -> None:
        reason, message = self.said(holding(settled(), CLIENTS, expires_at=NOW - timedelta(days=3)))
        assert reason is Reason.CERTIFICATE_INVALID
        assert "what it holds expired on 2026-02-26" in message

    def test_ones_own_is_being_made(self) -> None:
        assert self.said(without(settled(), PAIR))[0] is Reason.PROVISIONING


class TestReading:
    def test_a_pair_tells_its_names_and_who_signed_it(self) -> None:
        held = read(server(("gateway.makkah.svc", "10.20.0.7"), SIGNER, NOW))
        assert held.names == {"gateway.makkah.svc", "10.20.0.7"}
        assert held.issuer == read(pair(SIGNER.certificate, SIGNER.key)).signs
        assert held.expires_at == NOW + timedelta(days=90)

    def test_an_authority_that_is_renewed_signs_what_the_old_one_vouches_for(self) -> None:
        renewed = authority("makkah", NOW + timedelta(days=3000), SIGNER)
        assert renewed.certificate.public_key() == SIGNER.certificate.public_key()
        assert renewed.certificate.subject == SIGNER.certificate.subject
        assert renewed.certificate != SIGNER.certificate

    @pytest.mark.parametrize(
        ("data", "fault"),
        [
            pytest.param({}, "tls.crt and tls.key are missing", id="nothing"),
            pytest.param({CERTIFICATE: pem(SIGNER.certificate)}, "tls.key is missing", id="no key"),
            pytest.param({CERTIFICATE: b"?", KEY: b"?"}, "tls.crt holds no certificate in PEM", id="no certificate"),
            pytest.param(
                {CERTIFICATE: pem(SIGNER.certificate), KEY: b"?"},
                "tls.key holds no key in PEM without a password",
                id="?",
            ),
            pytest.param(
                {**pair(SIGNER.certificate, SIGNER.key), KEY: server(("a",), SIGNER, NOW)[KEY]},
                "tls.key does not belong to tls.crt",
                id="another key",
            ),
            pytest.param({"ca.crt": b"?"}, "ca.crt holds no certificate in PEM", id="no authority"),
        ],
    )
    def test_what_cannot_be_used_is_said_by_its_key(self, data: dict[str, bytes], fault: str) -> None:
        assert read(data).fault == fault

    def test_a_bundle_is_valid_as_long_as_one_of_it_is(self) -> None:
        later = authority("makkah", NOW + timedelta(days=100)).certificate
        held = read({"ca.crt": pem(SIGNER.certificate) + pem(later)})
        assert held == Held(expires_at=later.not_valid_after_utc)


@pytest.mark.parametrize(("policy", "kept"), [("Retain", True), ("Delete", False)])
def test_what_was_issued_stays_or_goes_with_the_data(policy: str, kept: bool) -> None:
    observed = replace(settled(), cluster=deleting(cluster(pipelines=TLS, deletionPolicy=policy)))
    gone = {Key.of(live) for live in deletion(observed).deletes}
    assert ({OWN, PAIR} <= gone) is not kept
