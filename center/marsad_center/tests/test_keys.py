"""The keys of a center: what is sealed, what opens, and what a token gives away."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from marsad_center.keys import CannotOpen, Keys, KeysError, load
from marsad_center.tests.conftest import make_keys

RAW = "MSH|^~\\&|HIS|KAMC\rPID|1||1098765432^^^NID||الحربي^نورة\r".encode()
ROW = ("message", "HIS", "KAMC", "control-1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_keys(tmp_path / "keys")


def test_what_is_sealed_opens_as_it_was_and_shows_nothing_before(folder: Path) -> None:
    keys = load(folder)
    sealed = keys.seal(RAW, *ROW)
    assert keys.open(sealed, keys.newest, *ROW) == RAW
    assert b"1098765432" not in sealed
    assert len(sealed) == len(RAW) + 28


def test_the_same_bytes_never_give_the_same_sealed_bytes(folder: Path) -> None:
    keys = [load(folder), load(folder)]
    sealed = {keys[number % 2].seal(RAW, *ROW) for number in range(1000)}
    assert len({each[:12] for each in sealed}) == 1000


def test_a_process_that_was_forked_draws_nonces_of_its_own(folder: Path) -> None:
    keys = load(folder)
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.write(write, keys.seal(RAW, *ROW)[:12])
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 12) != keys.seal(RAW, *ROW)[:12]


@pytest.mark.parametrize(
    "row", [("message", "HIS", "KAMC", "control-2"), ("message", "HISKAMC", "", "control-1"), ("quarantine", *ROW[1:])]
)
def test_what_was_moved_into_another_row_does_not_open(folder: Path, row: tuple[str, ...]) -> None:
    keys = load(folder)
    with pytest.raises(CannotOpen, match="key 1 does not open it: the row or the key was changed"):
        keys.open(keys.seal(RAW, *ROW), 1, *row)


def test_a_changed_byte_is_noticed(folder: Path) -> None:
    keys = load(folder)
    sealed = bytearray(keys.seal(RAW, *ROW))
    sealed[20] ^= 1
    with pytest.raises(CannotOpen):
        keys.open(bytes(sealed), 1, *ROW)


def test_after_a_rotation_the_newest_key_seals_and_all_open(folder: Path) -> None:
    before = load(folder)
    sealed = before.seal(RAW, *ROW)
    after = load(make_keys(folder, 2))
    assert (before.newest, after.newest) == (1, 2)
    assert after.open(sealed, 1, *ROW) == RAW
    assert after.open(after.seal(RAW, *ROW), 2, *ROW) == RAW
    with pytest.raises(CannotOpen, match="it is sealed with key 2, which is not in the Secret center-key"):
        before.open(after.seal(RAW, *ROW), 2, *ROW)


def test_tokens_outlive_a_rotation_and_differ_by_domain_and_center(folder: Path, tmp_path: Path) -> None:
    token = load(folder).token(("patient", "KAMC"), "1098765432")
    assert load(make_keys(folder, 2)).token(("patient", "KAMC"), "1098765432") == token
    others = {
        load(folder).token(("patient", "ALNOOR"), "1098765432"),
        load(folder).token(("visit", "KAMC"), "1098765432"),
        load(folder).token(("patient", "KAMC"), "1098765433"),
        load(folder).token(("patient",), "KAMC1098765432"),
        load(make_keys(tmp_path / "other")).token(("patient", "KAMC"), "1098765432"),
    }
    assert len(others | {token}) == 6
    assert {len(each) for each in others} == {22}


def test_tokens_are_hmac_sha256(folder: Path) -> None:
    import base64
    import hmac

    derived = hmac.digest((folder / "tokens").read_bytes(), b"marsad tokens", "sha256")
    message = b"\0\0\0\2" + b"\0\0\0\7patient" + b"\0\0\0\4KAMC" + b"P-1"
    expected = base64.urlsafe_b64encode(hmac.digest(derived, message, "sha256")[:16]).decode().rstrip("=")
    assert load(folder).token(("patient", "KAMC"), "P-1") == expected


def test_a_folder_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(KeysError, match="mount the Secret center-key, which the operator makes; if it was deleted"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"tokens": "t" * 43}, "has no entry `1`"),
        ({"1": "s" * 43}, "has no entry `tokens`"),
        (
            {"1": "s" * 43, "2": "short-secret", "tokens": "t" * 43},
            "entry `2` of the Secret center-key has less than 32",
        ),
    ],
)
def test_keys_that_are_missing_or_weak_are_named_and_never_shown(
    tmp_path: Path, files: dict[str, str], sentence: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(KeysError, match=sentence) as told:
        load(tmp_path)
    assert "short-secret" not in str(told.value)


def test_without_keys_nothing_is_hidden() -> None:
    assert Keys().seal(RAW, *ROW) == RAW
    assert Keys().open(RAW, None, *ROW) == RAW
    assert Keys().token(("patient", "KAMC"), "P-1") == "P-1"
