"""What Kubernetes says of a pod reaches the condition of its stage, and stays the same while nothing changes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from marsad.api.conditions import Reason
from marsad.api.model import Condition
from marsad.core.pods import settling
from marsad.core.world import Manifest, Observed
from marsad.tests.core.judging import CLUSTER, FALSE, GATEWAY, TRUE, judged, says
from marsad.tests.core.worlds import NOW, cluster_status, deployment_status, pod, provided, with_objects

NO_ROOM = (
    "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {node.kubernetes.io/not-ready: }. "
    "no new claims to deallocate, preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod."
)


def ago(seconds: float) -> str:
    """A moment before NOW, as Kubernetes writes it."""
    moment: datetime = NOW - timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def unscheduled(message: str = NO_ROOM, *, since: float = 60) -> dict[str, Any]:
    """Status of a pod that the scheduler has no node for."""
    told = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return {"phase": "Pending", "conditions": [told | {"lastTransitionTime": ago(since)}]}


def waiting(reason: str, message: str = "", **container: Any) -> dict[str, Any]:
    """Status of a pod whose container waits for this reason."""
    return containers({"state": {"waiting": {"reason": reason, "message": message}}} | container)


def containers(*told: dict[str, Any]) -> dict[str, Any]:
    """Status of a pod that is on a node, with these containers."""
    named = [{"name": "gateway", "image": "marsad/center:9", "ready": False} | one for one in told]
    return {"phase": "Running", "containerStatuses": named}


def ended(code: int = 1, reason: str = "Error") -> dict[str, Any]:
    """How a container ended."""
    return {"terminated": {"exitCode": code, "reason": reason, "finishedAt": ago(3)}}


def gateway(*statuses: dict[str, Any]) -> Observed:
    """A center of whose gateway one replica is missing, and whose pods say this."""
    observed = provided()
    observed = with_objects(observed, deployment_status(observed.objects[GATEWAY], availableReplicas=1))
    return with_objects(observed, *(pod(f"gateway-5d8-{at}", status) for at, status in enumerate(statuses)))


def pipelines(*statuses: dict[str, Any]) -> Condition:
    return judged(gateway(*statuses))["PipelinesReady"]


def test_a_pod_without_a_node_is_told_in_the_schedulers_own_sentence() -> None:
    found = judged(gateway(unscheduled()))
    says(found["PipelinesReady"], FALSE, Reason.UNSCHEDULABLE, "1 of 2", "not-ready: }.")
    assert "preemption" not in found["PipelinesReady"].message
    assert "claims" not in found["PipelinesReady"].message
    says(found["Ready"], FALSE, Reason.STAGE_NOT_READY, "Insufficient cpu")
    says(found["Stalled"], TRUE, Reason.BLOCKED, "Insufficient cpu")


def test_a_pod_whose_volume_is_made_a_moment_after_it_is_no_news_yet() -> None:
    observed = gateway(unscheduled('0/1 nodes are available: persistentvolumeclaim "database-1" not found.', since=2))
    says(judged(observed)["PipelinesReady"], FALSE, Reason.ROLLOUT_IN_PROGRESS)
    assert settling(observed) == 3
    assert settling(gateway(unscheduled())) is None
    assert settling(gateway(unscheduled(since=-3600))) == 5, "a clock that is ahead delays, and no more"


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName"])
def test_an_image_that_cannot_be_pulled_is_named_in_the_same_words_throughout(reason: str) -> None:
    found = pipelines(waiting(reason, 'Back-off pulling image "marsad/center:9": read udp 10.244.0.7:41234: timeout'))
    says(found, FALSE, Reason.IMAGE_PULL_BACK_OFF, "marsad/center:9", "kubectl describe pod --namespace makkah")
    assert found.message == pipelines(waiting("ErrImagePull", "something else")).message


def test_a_missing_secret_is_quoted_without_the_pods_random_name() -> None:
    message = 'secret "database-gateway" not found for gateway-5d8-0'
    found = pipelines(waiting("CreateContainerConfigError", message))
    says(found, FALSE, Reason.CREATE_CONTAINER_CONFIG_ERROR, 'secret "database-gateway" not found')
    assert "5d8" not in found.message


def test_a_crash_loop_says_the_same_in_all_its_phases() -> None:
    backing_off = "back-off 2m40s restarting failed container=gateway pod=gateway-5d8-0_makkah(4b1f)"
    phases = [
        waiting("CrashLoopBackOff", backing_off, restartCount=5, lastState=ended(137, "OOMKilled")),
        containers(
            {"state": {"running": {"startedAt": ago(2)}}, "restartCount": 6, "lastState": ended(137, "OOMKilled")}
        ),
        containers({"state": ended(137, "OOMKilled"), "restartCount": 6, "lastState": ended(1)}),
    ]
    found = [pipelines(phase) for phase in phases]
    says(found[0], FALSE, Reason.CRASH_LOOP_BACK_OFF, "exit code 137, OOMKilled", "kubectl logs", "--previous")
    assert len({one.message for one in found}) == 1
    for changing in ("2m40s", "5d8", "4b1f", "5", "6"):
        assert changing not in found[0].message


@pytest.mark.parametrize(
    "container",
    [
        {"state": {"running": {"startedAt": ago(2)}}, "restartCount": 1, "lastState": ended()},
        {"state": {"running": {"startedAt": ago(3600)}}, "restartCount": 9, "lastState": ended()},
        {"state": {"running": {"startedAt": ago(2)}}, "restartCount": 0},
        {"state": {"waiting": {"reason": "ContainerCreating"}}, "restartCount": 9, "lastState": ended()},
    ],
    ids=["one crash", "crashes long ago", "none", "a new machine"],
)
def test_a_container_that_comes_up_is_in_no_loop(container: dict[str, Any]) -> None:
    says(pipelines(containers(container)), FALSE, Reason.ROLLOUT_IN_PROGRESS)


def test_whatever_else_keeps_a_pod_from_starting_is_named() -> None:
    found = pipelines(waiting("CreateContainerError", 'failed to reserve name "k8s_gateway_0f3a"'))
    says(found, FALSE, Reason.PODS_FAILING, "CreateContainerError", "kubectl describe")
    assert "0f3a" not in found.message


def test_of_several_troubles_the_one_that_is_furthest_on_is_told_whatever_their_order() -> None:
    several = [unscheduled(), waiting("ErrImagePull"), waiting("CrashLoopBackOff", lastState=ended())]
    assert pipelines(*several) == pipelines(*reversed(several))
    assert pipelines(*several).reason == Reason.CRASH_LOOP_BACK_OFF


def test_a_container_that_prepares_the_pod_counts_as_well() -> None:
    status = {"phase": "Pending", "initContainerStatuses": waiting("ErrImagePull")["containerStatuses"]}
    says(pipelines(status), FALSE, Reason.IMAGE_PULL_BACK_OFF)


def test_pods_that_are_not_awaited_are_not_looked_at() -> None:
    failing = waiting("ImagePullBackOff")
    says(pipelines(failing | {"phase": "Failed"}), FALSE, Reason.ROLLOUT_IN_PROGRESS)
    going = gateway()
    leaving = pod("gateway-5d8-0", failing)
    leaving["metadata"]["deletionTimestamp"] = ago(1)
    says(judged(with_objects(going, leaving))["PipelinesReady"], FALSE, Reason.ROLLOUT_IN_PROGRESS)
    others = pod("gateway-5d8-0", failing, healthcluster="oran")
    says(judged(with_objects(going, others))["PipelinesReady"], FALSE, Reason.ROLLOUT_IN_PROGRESS)
    spare = with_objects(provided(), pod("gateway-5d8-0", failing))
    says(judged(spare)["PipelinesReady"], TRUE, Reason.AVAILABLE)


def test_a_rollout_that_took_too_long_still_says_why() -> None:
    late = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
    observed = gateway(unscheduled())
    live = deployment_status(observed.objects[GATEWAY], availableReplicas=1, conditions=late)
    before, after = judged(observed)["PipelinesReady"], judged(with_objects(observed, live))["PipelinesReady"]
    assert (before.reason, before.message) == (after.reason, after.message)


# DatabaseReady


def database(status: dict[str, Any], **cluster: Any) -> Condition:
    """DatabaseReady when an instance says this, of a database that is otherwise as told."""
    observed = provided()
    instance: Manifest = pod("database-1", status, component="", **{"cnpg.io/cluster": "database"})
    return judged(with_objects(observed, cluster_status(observed.objects[CLUSTER], **cluster), instance))[
        "DatabaseReady"
    ]


def test_an_instance_without_a_node_is_told_beside_the_engines_words() -> None:
    found = database(unscheduled(), currentPrimary="", phase="Setting up primary", instancesStatus={})
    says(found, FALSE, Reason.UNSCHEDULABLE, "Setting up primary", "1 Insufficient cpu")


def test_a_replica_that_cannot_start_is_told_while_the_primary_serves() -> None:
    healthy = {"healthy": ["database-1"]}
    found = database(waiting("ErrImagePull"), readyInstances=1, instancesStatus=healthy, phase="Creating a new replica")
    says(found, TRUE, Reason.PRIMARY_SERVING, "1 of 2", "marsad/center:9")


def test_a_fail_over_is_told_whatever_the_lost_instance_says() -> None:
    says(database(waiting("CrashLoopBackOff"), targetPrimary="database-2"), FALSE, Reason.FAILING_OVER)


def test_a_migration_that_cannot_start_says_why() -> None:
    observed = provided()
    job = next(live for key, live in observed.objects.items() if key.kind == "Job")
    observed = with_objects(observed, {**job, "status": {"active": 1}}, pod("migrate-x", unscheduled(), "migrate"))
    says(judged(observed)["DatabaseReady"], FALSE, Reason.UNSCHEDULABLE, "migrate", "1 Insufficient cpu")
