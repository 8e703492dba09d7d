"""HealthCluster: one declaration that becomes a running control center."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from marsad.api.codes import LocalCodes
from marsad.api.components import Overrides
from marsad.api.database import Database, DatabaseStatus
from marsad.api.history import History
from marsad.api.locales import DisplayNames, Locale
from marsad.api.model import CONTROL, Condition, Model, Resource, or_empty, rule, rules
from marsad.api.recommendations import RULES, RecommendationRule
from marsad.api.security import Security
from marsad.api.thresholds import Threshold
from marsad.api.tls import Hl7Tls
from marsad.api.zones import UTC, TimeZone


class Size(StrEnum):
    """How large a center is; each component's replicas and resources follow from it."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


class DeletionPolicy(StrEnum):
    """What happens to the data when the HealthCluster is deleted."""

    RETAIN = "Retain"
    DELETE = "Delete"


class Hl7(Model):
    """HL7 v2 over MLLP."""

    enabled: bool = True
    """Whether the gateway listens for HL7 v2 on port 2575."""
    tls: Hl7Tls | None = None
    """Mutual TLS, for feeds whose transport is MLLPS (port 2576) and, where FHIR is enabled, FHIRS (port 8443), with
    one certificate and one list of authorities; nobody listens there where it is absent."""


class Fhir(Model):
    """FHIR R4 over HTTP."""

    enabled: bool = False
    """Whether the gateway accepts FHIR R4 resources on port 8080, and on port 8443 where pipelines.hl7.tls is given."""


class Pipelines(Model):
    """Roads by which facilities send events to the gateway."""

    hl7: Hl7 = Hl7()
    """HL7 v2 messages over MLLP, acknowledged only after they are committed."""
    fhir: Fhir = Fhir()
    """FHIR R4 resources and transactions."""


class DashboardLocale(Model):
    """A language that the dashboard offers."""

    locale: Locale
    """Language code: ar, en, fr or zh."""
    default: bool = False
    """Whether this language is shown when the reader's browser asks for none of the list."""


class Dashboards(Model):
    """What the dashboard shows, and in which languages."""

    locales: Annotated[
        tuple[DashboardLocale, ...],
        Field(
            max_length=len(Locale) + 4,
            json_schema_extra=rules(
                rule(
                    "self.filter(item, item.default).size() == 1",
                    "exactly one of dashboards.locales must have default: true",
                ),
                x_kubernetes_list_type="map",
                x_kubernetes_list_map_keys=["locale"],
            ),
        ),
    ] = (DashboardLocale(locale=Locale.EN, default=True), DashboardLocale(locale=Locale.AR))
    """Languages offered, in this order; exactly one is the default."""

    @property
    def default_locale(self) -> Locale:
        """The one language marked as default; the first where none is (which admission refuses)."""
        return next((item.locale for item in self.locales if item.default), self.locales[0].locale)


class Freshness(Model):
    """The promise of how soon a change in a facility is on the dashboard."""

    objective_seconds: Annotated[
        int,
        Field(
            json_schema_extra=rules(
                rule("self >= 10", "freshness.objectiveSeconds must be at least 10: a shorter promise cannot be kept"),
                rule("self <= 3600", "freshness.objectiveSeconds must be at most 3600: older figures are not live"),
            )
        ),
    ] = 120
    """Seconds within which 95 % of a facility's events must be shown; FreshnessMet reports it."""


class National(Model):
    """What the national coordination unit receives from this center."""

    reporting: bool = False
    """Whether de-identified aggregates are sent to the national unit. Patient data never is."""


class HealthClusterSpec(Model):
    """What a health cluster's control center should be."""

    display_names: DisplayNames
    """Names shown to people, by locale: ar, en, fr or zh."""
    code: Annotated[
        str,
        Field(
            max_length=64,
            json_schema_extra=rules(
                rule("self.matches('^[A-Z][A-Z0-9]{1,7}$')", "code has 2 to 8 capital letters or digits, such as MKH"),
                rule("self == oldSelf", "code cannot be changed: facts and reports are filed under it"),
            ),
        ),
    ]
    """Short code of the health cluster in reports, such as MKH; it cannot be changed later."""
    region: Annotated[
        str,
        Field(
            max_length=120,
            json_schema_extra=rules(
                rule("self.size() > 0", "region may not be empty"),
                rule(f"!self.matches('{CONTROL}')", "region is one line of text, without control characters"),
            ),
        ),
    ]
    """Administrative region that the health cluster serves."""
    time_zone: TimeZone = UTC
    """Time zone of the health cluster, such as Asia/Riyadh: the dashboard shows times in it, and times that a sender
    writes without an offset are read in it."""
    release: Annotated[
        str | None,
        Field(
            max_length=64,
            json_schema_extra=rules(
                rule(
                    "self.matches('^[0-9]+[.][0-9]+[.][0-9]+([-+][0-9A-Za-z.-]+)?$')",
                    "release must be a version such as 0.1.0",
                )
            ),
        ),
    ] = None
    """Version of the control center to run; the operator's own version where absent."""
    size: Size = Size.MEDIUM
    """Preset of replicas, database instances and resources: small has one of each, medium and large have spares."""
    overrides: Overrides = Overrides()
    """Deviations from the size, a component each."""
    database: Database = Database()
    """Where facts are kept."""
    pipelines: Annotated[
        Pipelines,
        Field(
            json_schema_extra=rules(
                rule(
                    "self.hl7.enabled || self.fhir.enabled",
                    "enable at least one of pipelines.hl7 and pipelines.fhir: without both nothing can be received",
                )
            )
        ),
    ] = Pipelines()
    """Roads by which facilities send events."""
    dashboards: Dashboards = Dashboards()
    """What the dashboard shows, and in which languages."""
    freshness: Freshness = Freshness()
    """How soon a change in a facility must be on the dashboard."""
    indicators: Annotated[
        tuple[Threshold, ...],
        Field(
            max_length=100,
            json_schema_extra=rules(x_kubernetes_list_type="map", x_kubernetes_list_map_keys=["id"]),
        ),
    ] = ()
    """Targets and bands of this health cluster, where they differ from the catalogue's."""
    recommendations: Annotated[
        tuple[RecommendationRule, ...],
        Field(
            max_length=len(RULES) + 4,
            json_schema_extra=rules(x_kubernetes_list_type="map", x_kubernetes_list_map_keys=["id"]),
        ),
    ] = ()
    """Rules of the recommendations, where they differ from the center's own in this health cluster."""
    history: History = History()
    """For how long the series of figures are kept."""
    codes: LocalCodes = ()
    """What local codes mean that all facilities share; a facility's own `codes` go before."""
    security: Security
    """Where data may be held, and who may reach the center or be reached by it."""
    national: National = National()
    """What the national coordination unit receives."""
    paused: bool = False
    """Whether the operator leaves everything as it is: it observes and reports, and writes nothing else."""
    deletion_policy: DeletionPolicy = DeletionPolicy.RETAIN
    """Retain keeps volumes, claims and credentials after deletion, for a new HealthCluster of the same name to adopt;
    Delete removes them."""


class Endpoints(Model):
    """Addresses inside the Kubernetes cluster, of what is turned on."""

    hl7: str | None = None
    """host:port that facilities send HL7 v2 over MLLP to."""
    hl7_tls: str | None = None
    """host:port that facilities send HL7 v2 over MLLP with TLS to."""
    fhir: str | None = None
    """Base address for FHIR R4."""
    fhir_tls: str | None = None
    """Base address for FHIR R4 over mutual TLS."""
    dashboard: str | None = None
    """Address of the dashboard and its JSON API."""


class FacilityCoverage(Model):
    """How many of the declared facilities report."""

    declared: int = 0
    """Accepted Facilities of this namespace."""
    reporting: int | None = None
    """Of those, how many send; absent while it cannot be observed."""
    coverage: str = ""
    """Both for people, such as 2/3, or ?/3 while it cannot be observed."""


class FreshnessStatus(Model):
    """Measured freshness against its objective."""

    p95_seconds: float | None = None
    """Seconds after which 95 % of the last hour's events were shown, over all feeds; absent while unknown."""
    objective_seconds: int = 120
    """The objective it is judged by."""
    silent_feeds: int = 0
    """Feeds that used to send and no longer do; each is a breach."""
    display: str = ""
    """For people, such as 3s/120s."""


class HealthClusterStatus(Model):
    """What was observed of a control center."""

    observed_generation: int = 0
    """The metadata.generation that this status was judged for."""
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=32,
            json_schema_extra=rules(x_kubernetes_list_type="map", x_kubernetes_list_map_keys=["type"]),
        ),
    ] = ()
    """Accepted, SecurityReady, DatabaseReady, PipelinesReady and DashboardsReady make Ready; FreshnessMet stands beside
    them; Reconciling and Stalled say whether change is under way or waits for a person."""
    release: str | None = None
    """Version of the control center that runs."""
    endpoints: Endpoints | None = None
    """Where the center is reached."""
    facilities: FacilityCoverage | None = None
    """How many of the declared facilities report."""
    freshness: FreshnessStatus | None = None
    """Measured freshness."""
    database: DatabaseStatus | None = None
    """What the database engine reports."""


class HealthCluster(Resource):
    """A health cluster's resource control center: database, gateway, analytics and dashboard in one namespace."""

    spec: HealthClusterSpec
    """What the control center should be."""
    status: HealthClusterStatus = HealthClusterStatus()
    """What was observed of it; written by the operator only."""


class UnreadableHealthCluster(Resource):
    """A HealthCluster whose spec this release cannot read, such as one that a newer release let in."""

    status: Annotated[HealthClusterStatus, or_empty(HealthClusterStatus)] = HealthClusterStatus()
    fault: str
    """What cannot be read, and why."""
