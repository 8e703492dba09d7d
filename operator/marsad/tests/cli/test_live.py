"""`marsad diff` and `marsad status` against a real API server."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from e2e.apiserver import ApiServer
from marsad.cli import app
from marsad.cli.centers.status import age

EXAMPLES = Path(__file__).resolve().parents[4] / "examples"


class Cli:
    """The command against an API server with a namespace of its own."""

    def __init__(self, server: ApiServer) -> None:
        self.server, self.namespace = server, server.create_namespace("cli")

    def __call__(self, command: str, *arguments: str, stdin: str | None = None, columns: int = 150) -> Result:
        options = ["--namespace", self.namespace, "--kubeconfig", str(self.server.kubeconfig)]
        return CliRunner().invoke(app, [command, *arguments, *options], input=stdin, env={"COLUMNS": str(columns)})

    @property
    def declaration(self) -> str:
        text = (EXAMPLES / "oran.yaml").read_text()
        documents = [each for each in yaml.safe_load_all(text) if each["kind"] != "Namespace"]
        for document in documents:
            document["metadata"]["namespace"] = self.namespace
        return yaml.safe_dump_all(documents, allow_unicode=True)

    def apply(self, text: str) -> None:
        self.server.kubectl(
            "apply", "--server-side", "--force-conflicts", "--field-manager=marsad", "-f", "-", stdin=text
        )


@pytest.fixture
def cli(crds: ApiServer, cnpg_crds: ApiServer) -> Cli:
    return Cli(crds)


@pytest.mark.apiserver
class TestDiff:
    def test_a_declaration_that_is_new_would_be_created_and_nothing_is_written(self, cli):
        result = cli("diff", "-", stdin=cli.declaration)
        assert result.exit_code == 1
        assert "create Deployment.apps/gateway" in result.stdout
        assert "create Secret/database-owner" in result.stdout
        left = cli.server.kubectl("get", "deployments,configmaps", "-n", cli.namespace, "-o", "name").stdout
        assert "gateway" not in left

    def test_what_is_as_declared_would_not_be_changed_and_drift_is_shown_line_by_line(self, cli):
        cli.apply(cli.declaration)
        rendered = CliRunner().invoke(app, ["render", "-"], input=cli.declaration).stdout
        cli.apply(rendered)
        for name in (*(f"database-{role}" for role in ("owner", "gateway", "analytics", "reader")), "center-key"):
            cli.server.kubectl("create", "secret", "generic", name, "-n", cli.namespace)
        assert "nothing would be changed" in cli("diff").stdout
        assert cli("diff").exit_code == 0
        cli.server.kubectl("scale", "deployment/gateway", "--replicas=7", "-n", cli.namespace)
        result = cli("diff")
        assert result.exit_code == 1
        assert "0 to create, 1 to change, 0 to delete" in result.stdout
        assert "-  replicas: 7" in result.stdout
        assert "+  replicas: 1" in result.stdout

    def test_a_paused_center_would_not_be_changed(self, cli):
        result = cli("diff", "-", stdin=cli.declaration.replace("region:", "paused: true\n  region:"))
        assert result.exit_code == 0
        assert "paused, so nothing would be changed" in result.stdout


@pytest.mark.apiserver
class TestStatus:
    def test_a_center_that_nobody_looked_at_yet_is_not_ready(self, cli):
        cli.apply(cli.declaration)
        result = cli("status")
        assert result.exit_code == 1
        assert "NOT READY" in result.stdout
        assert "is it running?" in result.stdout

    def test_conditions_are_shown_with_their_sentences_and_ready_is_told_by_the_exit_code(self, cli):
        cli.apply(cli.declaration)
        ready = {"type": "Ready", "status": "True", "reason": "AllStagesReady", "message": "The center serves.",
                 "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1}  # fmt: skip
        reached = {
            "hl7": "gateway.oran.svc:2575",
            "hl7Tls": "gateway.oran.svc:2576",
            "fhir": "http://gateway.oran.svc:8080/fhir",
        }
        patch = yaml.safe_dump({"status": {"observedGeneration": 1, "conditions": [ready], "endpoints": reached}})
        cli.server.kubectl("patch", "healthcluster", "oran", "-n", cli.namespace, "--subresource=status",
                           "--type=merge", "-p", patch)  # fmt: skip
        result = cli("status")
        assert result.exit_code == 0
        assert "The center serves." in result.stdout
        assert all(address in result.stdout for address in reached.values()), "where facilities send, by every way"

    def test_a_terminal_of_eighty_columns_breaks_no_word(self, cli):
        cli.apply(cli.declaration)
        sends = {"type": "Connected", "status": "True", "reason": "Reporting", "message": "Every feed sends.",
                 "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1}  # fmt: skip
        patch = yaml.safe_dump({"status": {"observedGeneration": 1, "conditions": [sends]}})
        name = cli.server.kubectl("get", "facilities", "-n", cli.namespace, "-o", "name").stdout.split()[0]
        cli.server.kubectl("patch", name, "-n", cli.namespace, "--subresource=status", "--type=merge", "-p", patch)
        shown = cli("status", columns=80).stdout
        assert "Every feed sends." in shown
        assert max(map(len, shown.splitlines())) <= 80

    def test_a_namespace_without_a_center_is_said(self, cli):
        result = cli("status")
        assert result.exit_code == 2
        assert "there is no HealthCluster" in result.stderr


def test_an_api_server_that_is_away_is_said_in_a_sentence(tmp_path):
    config = {"current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
              "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
              "users": [{"name": "u", "user": {}}]}  # fmt: skip
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    result = CliRunner().invoke(app, ["status", "--kubeconfig", str(tmp_path / "config")])
    assert result.exit_code == 2
    assert "the API server does not answer" in result.stderr


@pytest.mark.parametrize(("seconds", "text"), [(-3, "0s"), (90, "90s"), (600, "10m"), (18000, "5h"), (400000, "4d")])
def test_an_age_is_written_as_kubectl_writes_it(seconds, text):
    assert age(seconds) == text
