"""The way into a gateway's pod: `kubectl exec`, because it knows every way to log in, and is where this runs."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from marsad.api.names import GATEWAY
from marsad.cli.centers.fault import Impossible


@dataclass(frozen=True)
class Gateway:
    """The gateway of one center. What is None is as the kubeconfig has it."""

    namespace: str | None
    kubeconfig: Path | None
    context: str | None

    def show(self, arguments: Sequence[str]) -> None:
        """Run a command of the center; what it says goes to whoever called. Exits as it does when it is not content."""
        code = subprocess.run([*self._way(), *arguments], check=False).returncode  # noqa: S603 - the user's own words
        if code:
            raise typer.Exit(code)

    def ask(self, arguments: Sequence[str]) -> Any:
        """The JSON that a command of the center says last. Raises Impossible; its own words are on stderr by then."""
        done = subprocess.run([*self._way(), *arguments, "--json"], stdout=subprocess.PIPE, check=False)  # noqa: S603
        try:
            return json.loads(done.stdout.splitlines()[-1])
        except (ValueError, IndexError):
            raise Impossible(f"no gateway answered in {self.namespace or 'the namespace of the context'}") from None

    def _way(self) -> list[str]:
        if (kubectl := shutil.which("kubectl")) is None:
            raise Impossible("kubectl is not installed; it is what leads into a gateway's pod")
        options = {"--kubeconfig": self.kubeconfig, "--context": self.context, "--namespace": self.namespace}
        words = [word for name, value in options.items() if value for word in (name, str(value))]
        inside = ("--", "python", "-m", "marsad_center")
        return [kubectl, *words, "exec", f"deployment/{GATEWAY}", "--container", GATEWAY, *inside]
