"""FHIR R4 over HTTP: what a facility's record system posts is stored, shown once, and refused with what to do."""

from __future__ import annotations

import gzip
import json
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from e2e import facts
from e2e.console import REPOSITORY
from e2e.kind.center import Center
from e2e.kind.senders.conftest import NETWORK, Cli, Senders
from e2e.kubectl import eventually
from marsad_center.tests.gateway.fhir.resources import bundle, concept, encounter, resource

pytestmark = pytest.mark.kind
RUN = f"{time.time_ns()}"
FEED = "HADAEHR|HADA"
PERSON = REPOSITORY / "center/marsad_center/tests/gateway/fhir/testdata/person-4.json.gz"  # of Synthea
SECRET = "SECRET-OF-A-PATIENT"
Document = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    status: int
    body: Document

    @property
    def issue(self) -> Document:
        """The only issue of an OperationOutcome."""
        assert self.body["resourceType"] == "OperationOutcome"
        (found,) = self.body["issue"]
        return dict(found)


def ask(method: str, url: str, content: Document | bytes | None = None, feed: str = FEED) -> Answer:
    """One request, as curl would make it."""
    body = json.dumps(content).encode() if isinstance(content, dict) else content
    headers = {"Content-Type": "application/fhir+json", "X-Marsad-Feed": feed}
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return Answer(answer.status, json.load(answer))
    except urllib.error.HTTPError as error:
        return Answer(error.code, json.load(error))


def moment(minutes: float = 0) -> str:
    """So many minutes ago."""
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Shown:
    """What the dashboard says of Al-Hada."""

    present: int
    urgent: int
    accepted: int


def shown(center: Center) -> Shown:
    """None is no figure yet: nobody has come."""
    census, waiting = (center.figure(each, "HADA") for each in ("ed.census", "ed.waiting"))
    urgent = (waiting["breakdown"] or {}).get("2", 0)
    return Shown(int(census["value"] or 0), int(urgent), center.feed("HADA", "ehr")["accepted"])


def stored(center: Center) -> list[list[str]]:
    return center.kube.psql(center.name, facts.fingerprint("HADA"))


VISITS = [f"alone-{RUN}", f"together-{RUN}"]
ARRIVED, NOW = moment(20), moment()
ALONE = encounter(VISITS[0], "1", NOW, period={"start": ARRIVED})
ACUITY = resource(
    "Observation", f"acuity-{RUN}", "1", NOW, status="final", code=concept("11283-9", "http://loinc.org"),
    encounter={"reference": f"Encounter/{VISITS[1]}"}, effectiveDateTime=ARRIVED, valueInteger=2,
)  # fmt: skip
TOGETHER = bundle(
    "transaction",
    (f"PUT Encounter/{VISITS[1]}", encounter(VISITS[1], "1", NOW, period={"start": ARRIVED})),
    (f"PUT Observation/acuity-{RUN}", ACUITY),
    timestamp=NOW,
)


def send_all(center: Center) -> list[int]:
    """A single resource, a transaction of two, and a person's whole record as Synthea tells it."""
    record = json.loads(gzip.decompress(PERSON.read_bytes())) | {"timestamp": NOW}  # not sent by an earlier run
    answers = [
        ask("PUT", f"{center.fhir}/Encounter/{VISITS[0]}", ALONE),
        ask("POST", center.fhir, TOGETHER),
        ask("POST", center.fhir, record),
    ]
    assert answers[1].body["type"] == answers[2].body["type"] == "transaction-response"
    assert len(answers[2].body["entry"]) == len(record["entry"])
    return [answer.status for answer in answers]


def test_the_service_says_what_it_takes(senders: Senders) -> None:
    declared = senders.center.kube.get("healthcluster", senders.center.name, senders.center.name)
    assert declared is not None
    address = declared["status"]["endpoints"]["fhir"]
    assert address == f"http://gateway.{senders.center.name}.svc:8080/fhir"
    program = f"import urllib.request as u; print(u.urlopen('{address}/metadata', timeout=10).read().decode())"
    told = json.loads(senders.center.kube.run("exec", "-n", NETWORK, "his", "--", "python", "-c", program))
    assert (told["resourceType"], told["fhirVersion"]) == ("CapabilityStatement", "4.0.1")
    taken = {each["type"] for each in told["rest"][0]["resource"]}
    assert {"Encounter", "Observation", "Patient", "ServiceRequest"} <= taken


def test_single_resources_and_transactions_are_shown_and_the_same_again_changes_nothing(senders: Senders) -> None:
    center = senders.center
    before = shown(center)
    assert set(send_all(center)) <= {200, 201}
    expected = Shown(before.present + 2, before.urgent + 1, before.accepted + 3)
    eventually("all of it is shown", lambda: shown(center) == expected, 120)
    record = json.loads(gzip.decompress(PERSON.read_bytes()))
    resources = Counter(entry["resource"]["resourceType"] for entry in record["entry"])
    numbers = {table: int(rows) for table, rows, _ in stored(center)}
    assert (numbers["document"], numbers["vaccination"]) == (resources["DiagnosticReport"], resources["Immunization"])

    told, duplicates = stored(center), center.feed("HADA", "ehr")["duplicate"]
    assert set(send_all(center)) <= {200, 201}
    eventually("they are counted as duplicates", lambda: center.feed("HADA", "ehr")["duplicate"] == duplicates + 3, 120)
    assert shown(center) == expected
    assert stored(center) == told


@pytest.mark.parametrize(
    ("change", "status", "code", "says"),
    [
        ({"status": None}, 400, "required", "Encounter.status"),
        ({"status": SECRET}, 422, "code-invalid", "status"),
        ({"period": {"start": SECRET}}, 400, "value", "period.start"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_resource_is_answered_with_what_to_do_and_kept(
    senders: Senders, marsad: Cli, change: Document, status: int, code: str, says: str
) -> None:
    center, id_ = senders.center, f"broken-{time.time_ns()}"
    present = shown(center).present
    broken = {name: value for name, value in (encounter(id_, "1", NOW) | change).items() if value is not None}
    answer = ask("PUT", f"{center.fhir}/Encounter/{id_}", broken)
    assert (answer.status, answer.issue["code"]) == (status, code)
    assert says in answer.issue["diagnostics"] + str(answer.issue.get("expression"))
    newest, *_ = rows = marsad.json("quarantine", "list", "--feed", "HADA/ehr")["rows"]
    assert (newest["answered"], says in newest["detail"]) == (str(status), True)
    assert SECRET not in json.dumps([answer.body, rows])
    assert shown(center).present == present


def test_what_is_no_json_and_whoever_is_not_declared_is_told_so(senders: Senders) -> None:
    url = f"{senders.center.fhir}/Encounter/{VISITS[0]}"
    torn = ask("PUT", url, b'{"resourceType": "Encounter", ')
    assert (torn.status, torn.issue["code"]) == (400, "structure")
    strange = ask("PUT", url, ALONE, feed="NOBODY|NOWHERE")
    assert (strange.status, strange.issue["code"]) == (403, "forbidden")
    assert "have it declared with transport FHIR" in strange.issue["diagnostics"]
