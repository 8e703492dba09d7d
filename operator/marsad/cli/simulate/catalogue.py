"""The tests that are ordered: a few of the commonest, as (system, code, display) with unit and reference range."""

from dataclasses import dataclass
from random import Random

from marsad.cli.simulate.message import escape


@dataclass(frozen=True)
class Test:
    """`code` is a LOINC number; `unit` is empty where the result is a sentence."""

    __test__ = False  # not one of pytest's

    code: str
    display: str
    unit: str = ""
    low: float = 0.0
    high: float = 0.0

    @property
    def coded(self) -> str:
        """CE: code, display, coding system."""
        return f"{self.code}^{escape(self.display)}^LN"

    def draw(self, rng: Random) -> float:
        """A value that lies within the reference range about four times in five."""
        middle, spread = (self.low + self.high) / 2, (self.high - self.low) / 2
        return max(self.low / 4, rng.gauss(middle, spread / 1.28))


LABORATORY = (
    Test("2160-0", "Creatinine", "umol/L", 49, 104),
    Test("718-7", "Hemoglobin", "g/L", 120, 170),
    Test("2823-3", "Potassium", "mmol/L", 3.5, 5.3),
    Test("6690-2", "Leukocytes", "10*9/L", 4, 11),
    Test("1988-5", "C reactive protein", "mg/L", 0, 10),
    Test("2345-7", "Glucose", "mmol/L", 3.9, 7.8),
)
RADIOLOGY = (
    Test("36643-5", "XR Chest 2 Views"),
    Test("24627-2", "CT Chest"),
    Test("24725-4", "CT Head"),
    Test("24558-9", "US Abdomen"),
)


@dataclass(frozen=True)
class Specialty:
    """A practice setting of SNOMED CT; `virtual`: the share of its consultations that are held over a distance."""

    code: str
    display: str
    virtual: float

    @property
    def coded(self) -> str:
        """CE: code, display, coding system."""
        return f"{self.code}^{self.display}^SCT"


SPECIALTIES = (
    Specialty("394579002", "Cardiology", 0.25),
    Specialty("394582007", "Dermatology", 0.40),
    Specialty("394585009", "Obstetrics and gynecology", 0.10),
    Specialty("394801008", "Trauma and orthopedics", 0.08),
    Specialty("394814009", "General practice", 0.35),
    Specialty("394587001", "Psychiatry", 0.55),
)
VIRTUAL = "TELEMEDICINE"  # SCH-8
SERVICES = ("MED", "SUR", "CAR", "PUL", "URO")  # PV1-10, table 0069
MEDICINES = (
    "161^Acetaminophen^RXNORM",
    "5640^Ibuprofen^RXNORM",
    "723^Amoxicillin^RXNORM",
    "6809^Metformin^RXNORM",
    "435^Albuterol^RXNORM",
)
VACCINES = ("140^Influenza, preservative free^CVX", "208^COVID-19, mRNA^CVX", "03^MMR^CVX", "20^DTaP^CVX")
OUTSIDE = "OUTSIDE"  # a facility of another cluster
REFUSALS = ("لا يوجد سرير شاغر", "No specialist on duty", "The request lacks a report")
