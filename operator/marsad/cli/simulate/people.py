"""Invented patients, and how they are written. Names are common given and family names combined at random; numbers come
from the generator."""

from dataclasses import dataclass
from random import Random

from marsad.cli.simulate.message import escape, fields

_MEN = (("محمد", "Mohammed"), ("عبدالله", "Abdullah"), ("أحمد", "Ahmed"), ("يوسف", "Yousef"), ("خالد", "Khalid"),
        ("سلطان", "Sultan"), ("إبراهيم", "Ibrahim"), ("عمر", "Omar"))  # fmt: skip
_WOMEN = (("فاطمة", "Fatimah"), ("نورة", "Noura"), ("عائشة", "Aisha"), ("مريم", "Maryam"), ("سارة", "Sarah"),
          ("هند", "Hind"), ("ريم", "Reem"), ("خديجة", "Khadija"))  # fmt: skip
_FAMILIES = (("الغامدي", "Alghamdi"), ("الحربي", "Alharbi"), ("الزهراني", "Alzahrani"), ("القرشي", "Alqurashi"),
             ("العتيبي", "Alotaibi"), ("المالكي", "Almalki"), ("باوزير", "Bawazir"), ("خان", "Khan"),
             ("بن عيسى", "Benaissa"), ("O'Neil", "O'Neil"))  # fmt: skip
_ARABIC_SHARE = 0.6
_OLDEST = 92 * 365


@dataclass(frozen=True)
class Person:
    """`name` is (family, given), in Arabic or Latin script; `born` is YYYYMMDD; `record` is the facility's number."""

    record: str
    name: tuple[str, str]
    sex: str
    born: str


def patient(person: Person, facility: str) -> str:
    """PID of a patient of `facility` (its code)."""
    family, given = person.name
    return fields("PID", {1: "1", 3: f"{person.record}^^^{escape(facility)}^MR",
                          5: f"{escape(family)}^{escape(given)}^^^^^L", 7: person.born, 8: person.sex})  # fmt: skip


def draw_person(record: str, year: int, rng: Random) -> Person:
    """An invented patient, at most 92 years old in `year`."""
    script = 0 if rng.random() < _ARABIC_SHARE else 1
    sex = rng.choice("FM")
    given = rng.choice(_WOMEN if sex == "F" else _MEN)[script]
    family = rng.choice(_FAMILIES)[script]
    born = f"{year - 1 - rng.randrange(_OLDEST) // 365:04}{rng.randint(1, 12):02}{rng.randint(1, 28):02}"
    return Person(record, (family, given), sex, born)
