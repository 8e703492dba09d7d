"""FHIR R4's data types as far as facts are read from them. What is not read is let through unseen, as FHIR asks of
whoever does not keep resources for others; the raw bytes are stored whole."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from marsad_center.facts.code_systems import is_standard
from marsad_center.facts.events import Code
from marsad_center.gateway.fhir.primitives import CodeText, DateTime, Id, Instant, Text, Uri

MANY = 1_000
"""Repetitions of one element: no record has more, and each costs memory."""


class Element(BaseModel):
    """What all have: JSON's types are not converted into each other."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class Coding(Element):
    """A code of a system."""

    system: Uri | None = None
    code: CodeText | None = None
    display: Text | None = None

    def told(self) -> Code | None:
        """As facts keep it; None when it says nothing."""
        if not self.code and not self.display:
            return None
        return Code(self.system or "", self.code or "", (self.display or "")[:250])


class CodeableConcept(Element):
    """Codings of one thing, and a text."""

    coding: list[Coding] = Field(default=[], max_length=MANY)
    text: Text | None = None

    @property
    def codes(self) -> set[str]:
        """The codes of all its codings."""
        return {coding.code for coding in self.coding if coding.code}

    def told(self) -> Code | None:
        """The first coding of everybody's system (LOINC, SNOMED CT...), else the first that has a code, else any, else
        the text; None when there is none of them."""
        first = self._first
        if first is None:
            return Code("", "", self.text[:250]) if self.text else None
        return first if first.display or not self.text else first._replace(display=self.text[:250])

    def coded(self) -> Code | None:
        """The same of what people write about a patient, not about a product or a service: None where there is no code,
        and never the text, which may name anybody (ADR 0031)."""
        first = self._first
        return first if first is not None and first.code else None

    @property
    def _first(self) -> Code | None:
        found = [code for coding in self.coding if (code := coding.told()) is not None]
        found.sort(key=lambda code: (not code.code, not is_standard(code.system)))
        return found[0] if found else None


class Period(Element):
    """From, to."""

    start: DateTime | None = None
    end: DateTime | None = None


class Identifier(Element):
    """A number that people or systems gave."""

    use: CodeText | None = None
    type: CodeableConcept | None = None
    system: Uri | None = None
    value: Text | None = None


class Reference(Element):
    """Literal (`reference`) or by number (`identifier`)."""

    reference: Text | None = Field(default=None, max_length=2_000)
    identifier: Identifier | None = None
    display: Text | None = None


class Meta(Element):
    """Which version this is, and who says so."""

    version_id: Id | None = None
    last_updated: Instant | None = None
    source: Uri | None = None


class Resource(Element):
    """What all resources have. `TYPE`: its name; `CHOICES`: elements of which exactly one must be there."""

    TYPE: ClassVar[str]
    CHOICES: ClassVar[tuple[str, ...]] = ()

    id: Id | None = None
    meta: Meta = Meta()
    identifier: list[Identifier] = Field(default=[], max_length=MANY)
    contained: list[dict[str, Any]] = Field(default=[], max_length=MANY)
