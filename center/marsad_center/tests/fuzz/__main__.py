"""A campaign: `python -m marsad_center.tests.fuzz message --seconds 300`, with coverage by PyPI's `atheris`.

It is not among the locked packages (it has wheels for few Pythons): `pip install atheris`. A crash is written into the
folder `cases` of its target, where `make test` finds it from then on.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from pathlib import Path

CASES = Path(__file__).parent / "cases"


def main() -> None:
    """Run until a crash or the end of the time. Exits with atheris' code: 0 without a crash."""
    parser = argparse.ArgumentParser(prog="python -m marsad_center.tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=["framer", "message"])
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--corpus", type=Path, help="a folder that keeps what was interesting, for the next campaign")
    asked = parser.parse_args()
    try:
        import atheris
    except ImportError:
        raise SystemExit("fuzzing needs atheris: .venv/bin/pip install atheris") from None
    with atheris.instrument_imports(include=["marsad_center.gateway", "marsad_center.facts"]):
        from marsad_center.tests.fuzz.targets import TARGETS
    logging.getLogger("marsad_center").setLevel(logging.CRITICAL)  # here only: other tests read what is logged
    corpus = asked.corpus or Path(tempfile.mkdtemp(prefix="marsad-fuzz-"))  # the first folder is written into
    folders = [str(corpus), str(CASES / asked.target)]
    words = [f"-max_total_time={asked.seconds}", "-max_len=4096", f"-artifact_prefix={CASES / asked.target}/"]
    atheris.Setup([sys.argv[0], *words, *folders], TARGETS[asked.target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
