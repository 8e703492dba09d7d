"""Progress and errors as a person reads them."""

from __future__ import annotations

import sys

import pytest

from e2e import console
from e2e.cluster import cnpg, demo
from e2e.console import Failure, Steps


@pytest.fixture(autouse=True)
def _logs(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "LOGS", tmp_path)


def test_steps_are_numbered_and_timed(capsys: pytest.CaptureFixture[str]) -> None:
    steps = Steps(2)
    with steps.step("first"):
        steps.say("halfway")
    with steps.step("second"):
        steps.outcome("there already")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "[ 1/2] first ..."
    assert lines[1].strip() == "halfway"
    assert lines[2].startswith("[ 1/2] first: done (")
    assert lines[4].startswith("[ 2/2] second: there already (")


def test_a_failed_command_shows_the_end_of_its_log_and_what_to_do() -> None:
    with pytest.raises(Failure) as caught:
        console.run([sys.executable, "-c", "print('disk full'); exit(3)"], log="one", advice="free some space")
    text = str(caught.value)
    assert "exit code 3" in text
    assert "    disk full" in text
    assert "what to do: free some space" in text
    assert "one.log" in text


def test_a_command_that_is_not_there_is_named() -> None:
    with pytest.raises(Failure, match="no-such-program is not installed"):
        console.output(["no-such-program"])


def test_a_command_that_hangs_is_ended() -> None:
    with pytest.raises(Failure, match="did not finish within 0 s"):
        console.run([sys.executable, "-c", "import time; time.sleep(60)"], log="hang", timeout=0.2)


class TestReadiness:
    """A HealthCluster is ready when it says so about what it is told now."""

    @staticmethod
    def center(generation: int, observed: int, **conditions: str) -> dict[str, object]:
        return {
            "metadata": {"generation": generation},
            "status": {
                "observedGeneration": observed,
                "conditions": [
                    {"type": name, "status": status, "reason": "Why", "message": "because"}
                    for name, status in conditions.items()
                ],
            },
        }

    def test_ready_about_the_newest_declaration_is_ready(self) -> None:
        assert demo.ready(self.center(2, 2, Ready="True"))

    def test_ready_about_an_older_declaration_is_not(self) -> None:
        assert not demo.ready(self.center(3, 2, Ready="True"))

    def test_a_new_center_without_status_is_not_ready(self) -> None:
        assert not demo.ready({"metadata": {"generation": 1}})

    def test_the_first_missing_stage_is_named_with_its_reason(self) -> None:
        center = self.center(1, 1, Ready="False", Accepted="True", DatabaseReady="False", PipelinesReady="Unknown")
        assert demo.waits_for(center) == "DatabaseReady: Why because"


def test_the_release_manifest_gets_our_image_and_modest_resources() -> None:
    text = f"image: {cnpg.STOCK}\nvalue: {cnpg.STOCK}\nimagePullPolicy: Always\n{cnpg.RESOURCES[0]}"
    changed = cnpg.manifest(text, "marsad/cnpg:1")
    assert cnpg.STOCK not in changed
    assert changed.count("marsad/cnpg:1") == 2
    assert "Always" not in changed
    assert "cpu: 100m" not in changed


def test_a_release_manifest_of_another_shape_is_refused() -> None:
    with pytest.raises(Failure, match="lacks"):
        cnpg.manifest("kind: Deployment", "marsad/cnpg:1")
