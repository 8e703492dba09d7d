"""Condition types and their reasons: the words in which the operator says how a control center is.

A reason is a documented constant: `Reason.X.doc` says what it means and what to do, and the documentation is made
from it. Reasons may be added; one that was released keeps its meaning.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class ConditionType(StrEnum):
    """The condition types of HealthCluster and Facility, in the order in which the stages establish them."""

    ACCEPTED = "Accepted"
    SECURITY_READY = "SecurityReady"
    DATABASE_READY = "DatabaseReady"
    PIPELINES_READY = "PipelinesReady"
    DASHBOARDS_READY = "DashboardsReady"
    FRESHNESS_MET = "FreshnessMet"
    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    CONNECTED = "Connected"  # of a Facility


STAGES = (
    ConditionType.ACCEPTED,
    ConditionType.SECURITY_READY,
    ConditionType.DATABASE_READY,
    ConditionType.PIPELINES_READY,
    ConditionType.DASHBOARDS_READY,
)
"""Ready is true exactly when all of these are; FreshnessMet is a service signal beside them."""


class ConditionStatus(StrEnum):
    """What a condition says: `Unknown` when the thing could not be observed, never a stale `True`."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Reason(StrEnum):
    """Why a condition has its status. The second word of each member is its documentation."""

    doc: str

    def __new__(cls, value: str, doc: str = "") -> Self:  # Reason("Paused") looks up by value alone
        member = str.__new__(cls, value)
        member._value_ = value
        member.doc = doc
        return member

    # Accepted
    ACCEPTED = "Accepted", "The declaration is understood and this operator acts on it. Nothing to do."
    INVALID = "Invalid", "The declaration contradicts itself or another object. Correct what the message names."
    NAMESPACE_TAKEN = (
        "NamespaceTaken",
        "An older HealthCluster owns this namespace. Delete one of the two, or move this one to its own namespace.",
    )
    NAMESPACE_RESERVED = (
        "NamespaceReserved",
        "The namespace holds pods of Kubernetes, the operator or what serves it. Move this one to its own namespace.",
    )
    NOT_IN_RELEASE = (
        "NotInRelease",
        "This operator lacks the release or a feature that the spec asks for. Correct it, or upgrade the operator.",
    )
    PAUSED = "Paused", "spec.paused is true: nothing is written until it is false again. Status is still observed."
    DELETING = "Deleting", "The object is being deleted; what belongs to it is removed in order. Wait."
    # Accepted of a Facility
    NO_HEALTH_CLUSTER = (
        "NoHealthCluster",
        "No accepted HealthCluster is in this namespace. Create one, or move the Facility to its cluster's namespace.",
    )
    CODE_TAKEN = "CodeTaken", "Another Facility of this namespace had the same code before. Give this one its own code."
    SENDER_TAKEN = (
        "SenderTaken",
        "Another Facility of this namespace had the same sending application and facility before. Correct one of them.",
    )
    # any stage
    PROVISIONING = (
        "Provisioning",
        "What was written is not ready yet. Wait; the message names what is awaited.",
    )
    WAITING_FOR_STAGE = (
        "WaitingForStage",
        "An earlier stage is not ready, so this one was not begun. Look at the earlier condition.",
    )
    APPLY_FAILED = (
        "ApplyFailed",
        "The API server refused an object. The message quotes it; it is tried again with growing pauses.",
    )
    FORBIDDEN = "Forbidden", "The operator's ClusterRole lacks a permission. Upgrade or repair the Helm release."
    UNOBSERVABLE = (
        "Unobservable",
        "What this condition reports could not be read. The center may be well: repair the road to it first.",
    )
    # SecurityReady
    POLICIES_APPLIED = "PoliciesApplied", "Network policies, quota, limits and service accounts are as declared."
    QUOTA_EXCEEDED = (
        "QuotaExceeded",
        "A ResourceQuota of the namespace is too small for what is declared. Raise it, or choose a smaller size.",
    )
    # DatabaseReady
    ENGINE_MISSING = (
        "EngineMissing",
        "CloudNativePG is not installed. Install it (kubectl apply --server-side -f its release manifest), then wait.",
    )
    CREDENTIALS_MISSING = (
        "CredentialsMissing",
        "The Secret of the external database is absent or incomplete. Create it with the keys that the message names.",
    )
    PRIMARY_SERVING = (
        "PrimaryServing",
        "The primary serves, but a replica is missing: the center works without its spare. Watch that it comes back.",
    )
    ALL_INSTANCES_READY = "AllInstancesReady", "Every database instance is ready and the schema is current."
    PRIMARY_BLOCKED = (
        "PrimaryBlocked",
        "CloudNativePG starts no primary while a replica waits for it. The operator mends it; the message says how.",
    )
    FAILING_OVER = "FailingOver", "The primary was lost and a replica takes its place. Wait a minute before acting."
    MIGRATION_RUNNING = "MigrationRunning", "The Job `migrate` brings the schema to the release's version. Wait."
    MIGRATION_FAILED = (
        "MigrationFailed",
        "The Job `migrate` failed. Read its log; the center keeps the schema it had until a migration succeeds.",
    )
    # PipelinesReady, DashboardsReady
    AVAILABLE = "Available", "All wanted replicas run the declared version and are ready."
    ROLLOUT_IN_PROGRESS = (
        "RolloutInProgress",
        "Pods of the declared version are replacing others, or come up. Wait; old ones serve until new ones do.",
    )
    PODS_FAILING = (
        "PodsFailing",
        "Pods cannot be made or started, or do not become ready in time. Read the message, then their log and Events.",
    )
    # any stage that has pods: what Kubernetes says of one of them, in its own words where they stay the same
    UNSCHEDULABLE = (
        "Unschedulable",
        "No node takes a pod; the message quotes the scheduler. Add nodes, free a volume, or lower spec.overrides.",
    )
    IMAGE_PULL_BACK_OFF = (
        "ImagePullBackOff",
        "An image cannot be pulled. Look at its name, the registry and the road to it; it is tried again by itself.",
    )
    CREATE_CONTAINER_CONFIG_ERROR = (
        "CreateContainerConfigError",
        "A pod lacks a Secret, ConfigMap or key, which the message names. Create it; the pod then starts by itself.",
    )
    CRASH_LOOP_BACK_OFF = (
        "CrashLoopBackOff",
        "A container starts and ends again and again. Read its last log with the command in the message.",
    )
    CERTIFICATE_MISSING = (
        "CertificateMissing",
        "A Secret or ConfigMap that spec.pipelines.hl7.tls names is absent. Create it as the message says.",
    )
    CERTIFICATE_INVALID = (
        "CertificateInvalid",
        "A certificate or key for TLS cannot be used or expired. Replace it; the message says what is wrong.",
    )
    DISABLED = "Disabled", "The declaration turns this off. Nothing to do."
    # FreshnessMet, Connected
    WITHIN_OBJECTIVE = "WithinObjective", "95 % of the last hour's events were shown within the objective."
    OBJECTIVE_MISSED = (
        "ObjectiveMissed",
        "Events of the last hour were shown later than the objective. Find out which feed is late on the dashboard.",
    )
    NO_FEEDS = "NoFeeds", "No facility declares a feed, or none was ever heard. Declare one, or connect its sender."
    FEEDS_SILENT = (
        "FeedsSilent",
        "A feed that used to send is silent, which counts as a breach. Ask the facility; look at the quarantine.",
    )
    FEEDS_REFUSED = (
        "FeedsRefused",
        "All that a feed sends is refused, so its figures stand still: a breach. The quarantine says why.",
    )
    LIVE = "Live", "Every feed of the facility sent within the objective."
    STALE = "Stale", "A feed of the facility is later than the objective. Its figures are shown as stale."
    TLS_NOT_DECLARED = (
        "TlsNotDeclared",
        "A feed is over MLLPS or FHIRS, and its HealthCluster speaks no TLS. Declare spec.pipelines.hl7.tls there.",
    )
    FHIR_NOT_ENABLED = (
        "FhirNotEnabled",
        "A feed sends FHIR, and the HealthCluster has no FHIR pipeline. Set its spec.pipelines.fhir.enabled to true.",
    )
    NEVER_HEARD = "NeverHeard", "No message of the facility was ever accepted. Connect its sender; see the quarantine."
    # Ready, Reconciling, Stalled
    ALL_STAGES_READY = "AllStagesReady", "Every stage is ready for this generation. Nothing to do."
    STAGE_NOT_READY = "StageNotReady", "A stage is not ready. The message names it; look at its condition."
    PROGRESSING = "Progressing", "The operator is bringing the center to what is declared. Wait."
    SETTLED = "Settled", "What exists is what is declared; nothing is under way."
    BLOCKED = "Blocked", "Nothing will change without a person. The message says what to correct."
    NOT_STALLED = "NotStalled", "Nothing waits for a person."
