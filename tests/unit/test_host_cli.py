"""The host's commands as a manager types them, and what a mistake may not change."""

import json
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from altgate import cli
from altgate.protocol import limits, names
from altgate.registry import residents
from altgate.texts import LANGUAGES, catalog


class Altgate:
    """Runs ``altgate`` on one data directory."""

    def __init__(
        self, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.data, self._capsys, self._patch = data, capsys, monkeypatch

    def __call__(self, *args: str, code: int = 0, stdin: str = "") -> str:
        import io

        self._patch.setattr(sys, "argv", ["altgate", "--data", str(self.data), *args])
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = self._capsys.readouterr()
        assert (ended.value.code or 0) == code, out + err
        return out if code == 0 else err

    def json(self, *args: str, stdin: str = "") -> dict | list:
        return json.loads(self(*args, "--json", stdin=stdin))

    def dump(self) -> list[str]:
        database = sqlite3.connect(self.data / "altgate.db")
        try:
            return list(database.iterdump())
        finally:
            database.close()


@pytest.fixture
def altgate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Altgate]:
    monkeypatch.setenv("COLUMNS", "160")
    run = Altgate(tmp_path / "site", capsys, monkeypatch)
    run("init", "Lakeside", "--origin", "http://localhost:8080", "--manager", "Ana")
    run("door", "add", "Front")
    run("door", "add", "Garage", "--zone", "2")
    run("resident", "add", "Bo", "--unit", "1204")
    run("credential", "add", "card", "04782E21801D80", "--resident", "Bo", "--door", "Front")
    run("credential", "add", "pin", "--resident", "Bo", "--door", "Front", "--stdin", stdin="482915\n")
    return run


@pytest.fixture
def night(altgate: Altgate) -> Altgate:
    """The same with a schedule, and another card that is bound to it."""
    altgate("schedule", "add", "night", "daily 22:00-06:00")
    altgate("credential", "add", "card", "04000000000002", *BO, "--door", "Front", "--schedule", "night")
    return altgate


BO = ("--resident", "Bo")
CARD = ("credential", "add", "card", "04000000000001", *BO, "--door", "Front")
MISTAKES = {
    "duplicate card": ("credential", "add", "card", "04:78:2e:21:80:1d:80", *BO, "--door", "Garage"),
    "unknown door": ("credential", "add", "card", "04000000000001", *BO, "--door", "Cellar"),
    "card for two zones": (
        "credential", "add", "card", "04000000000001", *BO, "--door", "Front", "--door", "Garage"
    ),
    "bad uid": ("credential", "add", "card", "0478", *BO, "--door", "Front"),
    "past": ("credential", "add", "card", "04000000000001", *BO, "--door", "Front", "--until", "2020-01-01"),
    "not a date": ("pass", "issue", "--door", "Front", "--until", "soon"),
    "past pass": ("pass", "issue", "--door", "Front", "--until", "2020-01-01"),
    "window": ("pass", "issue", "--door", "Front", "--until", "2090-01-01", "--from", "2090-01-02"),
    "uses": ("pass", "issue", "--door", "Front", "--until", "2090-01-01", "--uses", "256"),
    "unknown resident": ("resident", "remove", "Cy"),
    "unit": ("resident", "add", "Cy", "--unit", "12A"),
    "same name": ("door", "add", "Front"),
    "zone": ("door", "add", "Roof", "--zone", "256"),
    "unknown door to open": ("door", "open", "Cellar"),
    "unknown credential": ("credential", "revoke", "99"),
    "release too short": ("door", "set", "Front", "--release-s", "2"),
    "release too long": ("door", "set", "Front", "--release-s", "61"),
    "held open too short": ("door", "set", "Front", "--held-open-s", "4"),
    "held open too long": ("door", "set", "Front", "--held-open-s", "3601"),
    "one good, one bad": ("door", "set", "Front", "--legacy-uid", "--release-s", "61"),
    "lease too short": ("door", "set", "Front", "--lease-s", str(limits.LEASE_S_MIN - 1)),
    "lease too long": ("door", "set", "Front", "--face", "--lease-s", str(limits.LEASE_S_MAX + 1)),
    "no setting": ("door", "set", "Front"),
    "unknown door to set": ("door", "set", "Cellar", "--release-s", "5"),
    "unknown door to show": ("door", "show", "Cellar"),
    "unknown door to remove": ("door", "remove", "Cellar"),
    "unknown door of a pass": ("pass", "issue", "--door", "Cellar", "--until", "2090-01-01"),
    "unknown pass": ("pass", "revoke", "00"),
    "same manager": ("manager", "add", "ana"),
    "manager without a name": ("manager", "add", " "),
    "manager who reads as a resident": ("manager", "add", "Resident:7"),
    "no consent": ("consent", "withdraw", "Bo"),
    "no notice to show": ("notice", "show"),
    "no notice to print": ("notice", "print", "--out", "/dev/null/notice.html"),
    "no file to publish": ("notice", "publish", "/dev/null/notice.toml"),
    "last manager": ("manager", "remove", "Ana"),
    "unknown manager": ("manager", "remove", "Eve"),
    "actor": ("--actor", "Eve", "door", "add", "Roof"),
    "manager who reads as the host": ("manager", "add", "Altgate Serve"),
    "too many uses": (*CARD, "--uses", "256"),
    "uses below none": (*CARD, "--uses", "-1"),
    "dual with uses": (*CARD, "--dual", "--uses", "3"),
    "unknown schedule": (*CARD, "--schedule", "office"),
    "no name of a schedule": ("schedule", "add", " ", "daily 07:00-19:00"),
    "same schedule": ("schedule", "add", "NIGHT", "daily 07:00-19:00"),
    "unknown schedule to change": ("schedule", "set", "office", "daily 07:00-19:00"),
    "bad hours to change to": ("schedule", "set", "night", "daily 07:00-19:00", "daily 7-19"),
    "unknown schedule to remove": ("schedule", "remove", "office"),
    "schedule in use": ("schedule", "remove", "night"),
    "time zone": ("schedule", "zone", "Europe/Atlantis"),
    "abbreviated time zone": ("schedule", "zone", "CEST"),
    "path as time zone": ("schedule", "zone", "../Berlin"),
}
PINS = {"short": "12345", "letters": "12345x", "one digit": "111111", "empty": "", "long": "123456789"}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_is_one_sentence_and_changes_nothing(night: Altgate, name: str) -> None:
    before = night.dump()
    said = night(*MISTAKES[name], code=2)
    assert said.count("\n") == 1 and said.rstrip().endswith((".", "?")) and "Traceback" not in said
    assert night.dump() == before


@pytest.mark.parametrize("name", PINS)
def test_bad_pin_changes_nothing(altgate: Altgate, name: str) -> None:
    before = altgate.dump()
    said = altgate(
        "credential", "add", "pin", *BO, "--door", "Garage", "--stdin", code=2, stdin=PINS[name] + "\n"
    )
    assert altgate.dump() == before
    assert not PINS[name] or PINS[name] not in said


def test_pin_belongs_to_one_door(altgate: Altgate) -> None:
    before = altgate.dump()
    pin = ("credential", "add", "pin", *BO, "--stdin")
    assert "another door" in altgate(*pin, "--door", "Garage", code=2, stdin="482915\n")
    assert "one door only" in altgate(*pin, "--door", "Garage", "--door", "Front", code=2, stdin="739215\n")
    assert altgate.dump() == before
    assert "482915" not in "".join(before)


def test_revoked_pin_stays_refused_at_another_door(altgate: Altgate) -> None:
    altgate("credential", "revoke", "2")
    altgate("credential", "add", "pin", *BO, "--stdin", "--door", "Garage", code=2, stdin="482915\n")


def test_legacy_uid_is_called_clonable(altgate: Altgate) -> None:
    said = altgate("credential", "add", "legacy-uid", "01020304", *BO, "--door", "Front")
    assert "clonable" in said and "clonable" in altgate("credential", "revoke", "3")


def test_settings_are_listed_as_wanted_and_as_the_door_has_them(altgate: Altgate) -> None:
    said = altgate("door", "set", "Front", "--release-s", "8", "--held-open-s", "60", "--legacy-uid")
    assert "8 s" in said and "60 s" in said and "clonable legacy UIDs on" in said
    rest = {"face": False, "lease_s": 86400, "face_unproved": False, "schedule_untimed": False}
    wanted = {"legacy_uid": True, "release_s": 8, "held_open_s": 60, **rest}
    factory = {"legacy_uid": False, "release_s": 5, "held_open_s": 30, **rest}
    for applied, has in ((None, None), (0, factory), (2, factory), (5, wanted)):
        database = sqlite3.connect(altgate.data / "altgate.db")
        with database:
            database.execute("UPDATE doors SET applied_version = ? WHERE name = 'Front'", (applied,))
        database.close()
        (front, _) = altgate.json("door", "list")
        shown = altgate.json("door", "show", "Front")
        assert isinstance(shown, dict) and shown.items() >= (wanted | {"applied": has}).items()
        assert shown.items() >= front.items()
        for text in (altgate("door", "show", "Front"), altgate("door", "list").split("Garage")[0]):
            assert ("(has 5 s)" in text) is (has == factory) and "8 s" in text
            assert ("(has ?)" in text) is (applied is None) and "clonable" in text


def test_face_at_a_door_is_a_setting_that_says_what_it_means(altgate: Altgate) -> None:
    front = altgate.json("door", "show", "Front")
    assert isinstance(front, dict) and (front["face"], front["lease_s"]) == (False, 86400)
    said = altgate("door", "set", "Front", "--face", "--lease-s", "3600", "--face-unproved")
    assert "face for residents who ask for it on" in said and "3600 s" in said
    assert "a face module without a liveness verdict on" in said
    front = altgate.json("door", "set", "Front", "--no-face-unproved")
    assert isinstance(front, dict) and front["face"] is True and front["face_unproved"] is False
    told = [row["what"] for row in altgate.json("audit", "list")]
    assert "a face module without a liveness verdict off" in told
    assert altgate.json("door", "set", "Front", "--no-face")["face"] is False


def test_letting_schedules_go_without_a_time_is_a_setting(altgate: Altgate) -> None:
    said = altgate("door", "set", "Front", "--schedule-untimed")
    assert "letting schedules go while the door does not know the time on" in said
    assert altgate.json("door", "show", "Front")["schedule_untimed"] is True
    assert altgate.json("door", "set", "Front", "--no-schedule-untimed")["schedule_untimed"] is False


def test_a_resident_has_a_personal_number_of_six_digits(altgate: Altgate) -> None:
    added = altgate.json("resident", "add", "Cy", "--unit", "7")
    listed = altgate.json("resident", "list")
    assert added in listed
    numbers = {row["personal_number"] for row in listed}
    assert len(numbers) == 2 and all(100_000 <= number < 1_000_000 for number in numbers)
    assert str(added["personal_number"]) in altgate("resident", "list")


def test_a_number_that_somebody_has_is_given_to_nobody_else(
    altgate: Altgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bo,) = altgate.json("resident", "list")
    altgate("resident", "remove", "Bo")
    drawn = iter([bo["personal_number"] - 100_000, 0])
    monkeypatch.setattr(residents.secrets, "randbelow", lambda _below: next(drawn))
    assert altgate.json("resident", "add", "Cy", "--unit", "7")["personal_number"] == 100_000


def test_pass_is_shown_once_and_written_as_png(altgate: Altgate, tmp_path: Path) -> None:
    png = tmp_path / "pass.code"
    made = altgate.json("pass", "issue", "--door", "Front", "--until", "2090-01-01", "--png", str(png))
    assert isinstance(made, dict) and made["text"].startswith("AG1:") and png.read_bytes()[:4] == b"\x89PNG"
    assert made["text"] not in "".join(altgate.dump())
    altgate("pass", "revoke", made["pass"])
    assert altgate.json("pass", "list") == []


def test_removing_a_resident_revokes_all(altgate: Altgate) -> None:
    altgate("resident", "remove", "Bo")
    assert altgate.json("credential", "list") == []
    front = altgate.json("door", "show", "Front")
    # Two added, two revoked, and one to forget what the door itself knows of them.
    assert isinstance(front, dict) and front["state_version"] == 5


def test_master_key_is_private(altgate: Altgate) -> None:
    master = altgate.data / "master.key"
    assert master.stat().st_mode & 0o777 == 0o600
    master.chmod(0o644)
    altgate("door", "list", code=3)


def test_every_reason_has_its_texts() -> None:
    assert set(catalog()) == set(names.REASONS.values())
    assert all(catalog()[name].get(language) for name in catalog() for language in LANGUAGES)


def leaves(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, under the words that call it."""
    if hasattr(command, "commands"):
        assert command.help and command.help.endswith("."), words
        for name, below in command.commands.items():
            yield from leaves(below, (*words, name))
    else:
        yield words, command


COMMANDS = dict(leaves(typer.main.get_command(cli.app)))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_explains_each_option_and_offers_json(words: tuple[str, ...]) -> None:
    command = COMMANDS[words]
    assert command.help and command.help.rstrip().endswith(".")
    for parameter in command.params:
        said = getattr(parameter, "help", None)
        assert said and said.endswith("."), parameter.name
    names = {option for parameter in command.params for option in parameter.opts}
    assert "--json" in names or words in (("demo",), ("tour",))
