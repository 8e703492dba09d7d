"""What the documents point at is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("", "docs", "charts", "center", "operator", "e2e", "bench", "crds", "examples")
DOCUMENTS = [name for folder in FOLDERS for name in sorted((ROOT / folder).glob("**/*.md" if folder else "*.md"))]
ROOMS = ("", "operator/marsad/", "center/marsad_center/")  # that the map of the architecture leaves out


@pytest.mark.parametrize("document", DOCUMENTS, ids=[str(document.relative_to(ROOT)) for document in DOCUMENTS])
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text())
    broken = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert not broken


def test_every_path_that_the_architecture_names_exists() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    named = re.findall(r"`([\w.-]+/[\w./*-]*)`", text)
    assert len(named) > 30, "the pattern no longer finds the map"
    assert not [name for name in named if not any(list(ROOT.glob(room + name)) for room in ROOMS)]
