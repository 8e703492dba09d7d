"""`marsad render`: a declaration as the operator would write it down, without a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from marsad.cli import app

EXAMPLES = Path(__file__).resolve().parents[4] / "examples"


def render(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["render", *arguments], input=stdin)


def test_an_example_becomes_everything_a_center_needs():
    made = list(yaml.safe_load_all(render(str(EXAMPLES / "makkah.yaml")).stdout))
    found = {(each["kind"], each["metadata"]["name"]) for each in made}
    assert {("Deployment", "gateway"), ("Deployment", "dashboard"), ("Service", "gateway"), ("Cluster", "database"),
            ("NetworkPolicy", "default-deny"), ("ConfigMap", "center")} <= found  # fmt: skip
    assert {each["metadata"].get("namespace", "makkah") for each in made} == {"makkah"}


def test_passwords_are_not_part_of_it():
    assert "kind: Secret\n" not in render(str(EXAMPLES / "makkah.yaml")).stdout


def test_it_reads_standard_input_and_names_the_namespace_of_what_has_none():
    text = (EXAMPLES / "oran.yaml").read_text().replace("  namespace: oran\n", "")
    made = yaml.safe_load_all(render("-", "--namespace", "elsewhere", stdin=text).stdout)
    assert {each["metadata"].get("namespace", "elsewhere") for each in made} == {"elsewhere"}


def test_texts_of_several_lines_stay_readable():
    output = render(str(EXAMPLES / "makkah.yaml")).stdout
    assert "center.json: |" in output
    assert "مستشفى الملك فيصل" in output


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("kind: Facility\nspec: {code: A}\n", "is not valid"),
        ("kind: Namespace\n", "declares no HealthCluster"),
        ("a: [", "is not YAML"),
        (
            (EXAMPLES / "oran.yaml").read_text().replace("  region:", "  release: 9.9.9\n  region:"),
            "would be refused (NotInRelease)",
        ),
    ],
)
def test_what_cannot_be_rendered_is_said_in_a_sentence(text, sentence):
    result = render("-", stdin=text)
    assert result.exit_code == 2
    assert sentence in result.stderr.replace("\n", " ")
    assert result.stdout == ""
