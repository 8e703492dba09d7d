"""The rendered stacks are as they were read and agreed to."""

from __future__ import annotations

import pytest

from marsad.tests.core import golden


@pytest.mark.parametrize("stack", golden.STACKS)
def test_the_rendered_stack_is_the_golden_one(stack: str) -> None:
    kept = golden.path(stack).read_text(encoding="utf-8")
    assert golden.text(stack) == kept, "look at the difference, then: python -m marsad.tests.core.golden --write"
