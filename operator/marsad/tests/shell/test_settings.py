"""What the environment says, and what is said when it says nonsense."""

from __future__ import annotations

import pytest

import marsad
from marsad.shell.settings import BadSetting, read

IMAGES = {"MARSAD_CENTER_IMAGE": "marsad/center:1", "MARSAD_POSTGRESQL_IMAGE": "marsad/postgresql:15.1"}


def test_images_are_all_that_must_be_said() -> None:
    settings = read(IMAGES)
    assert settings.platform.center_image == "marsad/center:1"
    assert settings.platform.release == marsad.__version__
    assert settings.platform.postgresql_uid == 26
    assert (settings.templates / "gateway").is_dir(), "the source tree's own templates"


@pytest.mark.parametrize("missing", IMAGES)
def test_a_missing_image_is_named(missing: str) -> None:
    with pytest.raises(BadSetting, match=missing):
        read({name: value for name, value in IMAGES.items() if name != missing})


@pytest.mark.parametrize("value", ["soon", "0", "-1", "1.5"])
def test_a_number_that_is_none_is_quoted(value: str) -> None:
    with pytest.raises(BadSetting, match=f"MARSAD_RESYNC_SECONDS.*{value}"):
        read({**IMAGES, "MARSAD_RESYNC_SECONDS": value})


def test_pods_are_at_ranges_of_addresses_or_nothing_is_said_of_them() -> None:
    assert read({**IMAGES, "MARSAD_POD_RANGES": ""}).platform.pod_ranges == ()
    ranges = read({**IMAGES, "MARSAD_POD_RANGES": "10.244.0.0/16, fd00:10::/56"}).platform.pod_ranges
    assert ranges == ("10.244.0.0/16", "fd00:10::/56")
    with pytest.raises(BadSetting, match="MARSAD_POD_RANGES"):
        read({**IMAGES, "MARSAD_POD_RANGES": "10.244.0.0/16,10.300.0.0/16"})


def test_two_starts_of_one_pod_are_not_the_same_holder_of_a_lease() -> None:
    environment = {**IMAGES, "MARSAD_POD_NAME": "marsad-operator-0"}
    first, second = read(environment).identity, read(environment).identity
    assert first != second
    assert first.startswith("marsad-operator-0_")
