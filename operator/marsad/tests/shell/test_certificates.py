"""The operator issues the gateway's certificate in a real API server: once, and anew when it must."""

from __future__ import annotations

import base64
import json
import ssl

from cryptography import x509

from marsad.core.certificates import AUTHORITY, SERVER
from marsad.core.kinds import CONFIG_MAP, SECRET
from marsad.core.world import Manifest
from marsad.shell.client import path
from marsad.shell.issuing import authority, pem
from marsad.tests.core.worlds import NOW
from marsad.tests.shell.conftest import World
from marsad.tests.shell.process import Operator
from marsad.tests.shell.waiting import eventually, until

FACILITIES = pem(authority("facilities", NOW).certificate).decode()
Data = dict[str, bytes]


def over_tls(spec: Manifest) -> None:
    """Declare TLS whose clients' authorities are in the ConfigMap `facilities`."""
    spec["pipelines"] = {"hl7": {"tls": {"clientAuthority": {"configMapName": "facilities"}}}}


async def authorities(world: World, text: str = FACILITIES) -> None:
    """Make the ConfigMap `facilities`."""
    metadata = {"name": "facilities", "namespace": world.namespace}
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"ca.crt": text}}
    await world.client.create(CONFIG_MAP, made)


async def content(world: World, name: str) -> Data:
    """What a Secret holds, as only an administrator and the gateway read it; empty where there is none."""
    found = await world.center.get(SECRET, name)
    if found is None:
        return {}
    data = (await world.client.ask("GET", path(SECRET, world.namespace, name)))["data"]
    return {key: base64.b64decode(value) for key, value in data.items()}


async def until_other(world: World, name: str, before: Data) -> Data:
    """Wait until a Secret holds something else; what it holds."""

    async def changed() -> bool:
        return bool(found := await content(world, name)) and found != before

    await until(changed, f"{name} is made anew")
    return await content(world, name)


def vouches(authority_pem: bytes, certificate_pem: bytes) -> bool:
    """Whether an authority signed a certificate."""
    certificate = x509.load_pem_x509_certificates(certificate_pem)[0]
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority_pem))
    return True


async def test_a_center_with_tls_becomes_ready_with_a_certificate_that_facilities_can_trust(
    world: World, operator: Operator
) -> None:
    await authorities(world)
    await world.center.declare(over_tls)
    await world.center.become_ready()
    own, server = await content(world, AUTHORITY), await content(world, SERVER)
    published = await world.center.get(CONFIG_MAP, AUTHORITY)
    assert published is not None
    assert published["data"] == {"ca.crt": own["tls.crt"].decode()}
    assert vouches(own["tls.crt"], server["tls.crt"])
    certificate = x509.load_pem_x509_certificates(server["tls.crt"])[0]
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert f"gateway.{world.namespace}.svc" in names.get_values_for_type(x509.DNSName)
    assert ssl.create_default_context(cadata=published["data"]["ca.crt"]).get_ca_certs()
    endpoints = (await world.center.live())["status"]["endpoints"]
    assert endpoints["hl7Tls"] == f"gateway.{world.namespace}.svc:2576"

    looks = operator.metric("marsad_reconcile_total")
    await world.center.edit(freshness={"objectiveSeconds": 60})
    await eventually(lambda: operator.metric("marsad_reconcile_total") > looks, "a look")
    await world.center.become_ready()
    assert (await content(world, AUTHORITY), await content(world, SERVER)) == (own, server), "kept across looks"

    told = operator.log.read_text() + json.dumps([str(one) for one in (await world.center.objects()).values()])
    for key in (own["tls.key"], server["tls.key"]):
        assert key.decode().splitlines()[1] not in told, "a private key is nowhere but in its Secret"


async def test_what_is_deleted_or_spoiled_is_issued_anew_by_the_same_authority(
    world: World, operator: Operator
) -> None:
    await authorities(world)
    await world.center.declare(over_tls)
    await world.center.become_ready()
    own, first = await content(world, AUTHORITY), await content(world, SERVER)

    live = await world.client.get(SECRET, world.namespace, SERVER)
    await world.client.delete(SECRET, live, same_version=False)
    second = await until_other(world, SERVER, first)
    spoiled = {"data": {"tls.key": base64.b64encode(b"spoiled").decode()}}
    await world.client.patch(SECRET, world.namespace, SERVER, spoiled)
    third = await until_other(world, SERVER, second | {"tls.key": b"spoiled"})
    names = {"hl7": {"tls": {"names": ["hl7.makkah.example"]}}}
    await world.center.edit(pipelines=names)
    fourth = await until_other(world, SERVER, third)
    for found in (second, third, fourth):
        assert vouches(own["tls.crt"], found["tls.crt"])
    assert await content(world, AUTHORITY) == own


async def test_an_authority_that_is_lost_is_made_anew_and_published(world: World, operator: Operator) -> None:
    await authorities(world)
    await world.center.declare(over_tls)
    await world.center.become_ready()
    own, server = await content(world, AUTHORITY), await content(world, SERVER)
    live = await world.client.get(SECRET, world.namespace, AUTHORITY)
    await world.client.delete(SECRET, live, same_version=False)
    anew = await until_other(world, AUTHORITY, own)
    assert vouches(anew["tls.crt"], (await until_other(world, SERVER, server))["tls.crt"])

    async def published() -> bool:
        found = await world.center.get(CONFIG_MAP, AUTHORITY)
        return found is not None and found["data"]["ca.crt"] == anew["tls.crt"].decode()

    await until(published, "facilities can read whom to trust now")


async def test_what_a_person_must_bring_is_asked_for_and_looked_at(world: World, operator: Operator) -> None:
    await world.center.declare(over_tls)

    async def asked() -> bool:
        await world.center.grow()
        return bool((await world.center.condition("PipelinesReady"))["reason"] == "CertificateMissing")

    await until(asked, "it says that the authorities of the facilities are missing")
    told = (await world.center.condition("PipelinesReady"))["message"]
    assert "kubectl create configmap facilities --namespace" in told
    await authorities(world, "no certificate")
    await world.center.is_("PipelinesReady", "False", "CertificateInvalid")
    body = {"data": {"ca.crt": FACILITIES}}
    await world.client.patch(CONFIG_MAP, world.namespace, "facilities", body)
    await world.center.is_("PipelinesReady", "True", "Available")


async def test_certificates_are_kept_with_retain_and_removed_with_delete(world: World, operator: Operator) -> None:
    await authorities(world)
    await world.center.declare(over_tls)
    await world.center.become_ready()
    own, server = await content(world, AUTHORITY), await content(world, SERVER)
    await world.center.delete()
    await world.center.vanish()
    assert (await content(world, AUTHORITY), await content(world, SERVER)) == (own, server)

    def removed(spec: Manifest) -> None:
        over_tls(spec)
        spec["deletionPolicy"] = "Delete"

    await world.center.declare(removed, facilities=False)
    await world.center.become_ready()
    assert (await content(world, AUTHORITY), await content(world, SERVER)) == (own, server), "adopted as they were"
    await world.center.delete()
    await world.center.vanish()
    assert (await content(world, AUTHORITY), await content(world, SERVER)) == ({}, {})
