"""Setting up a building: all of it or nothing, wherever it is killed."""

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from altgate.errors import Refused, SiteUnusable
from altgate.ledger import review
from altgate.registry import site as sites

STEPS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "sqlite3.connect", "shutil.rmtree")
DONE, KILLED, FAILED = 0, 9, 1


def create(data: Path) -> sites.Site:
    return sites.create(data, "Lakeside", "http://localhost", "Ana", ("altgate-broker",))


def die_at(step: int, data: Path) -> None:
    """Kill this process at the so manieth touch of the data directory or statement of its database."""
    count = 0

    def touch() -> None:
        nonlocal count
        count += 1
        if count == step:
            os._exit(KILLED)

    def audit(name: str, args: tuple[object, ...]) -> None:
        if name in STEPS and str(data) in str(args[0]):
            touch()

    sys.addaudithook(audit)
    event.listen(Engine, "before_cursor_execute", lambda *_: touch())
    event.listen(Engine, "commit", lambda *_: touch())


def child(work: Callable[[], object]) -> int:
    """Run something in a forked process; returns its exit code."""
    process = os.fork()
    if process == 0:
        code = FAILED
        try:
            work()
            code = DONE
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def killed_at(step: int, data: Path) -> int:
    def work() -> None:
        die_at(step, data)
        create(data).close()

    return child(work)


def is_whole(data: Path) -> bool:
    site = sites.Site(data)
    count, fault = review.verify(site)
    certificate = site.authority().certificate
    site.close()
    names = {path.name for path in data.iterdir()} - {sites.UNFINISHED}
    return fault is None and count == 1 and bool(certificate) and names == set(sites.PARTS)


def test_killed_at_any_step_it_can_be_done_again_or_is_done(tmp_path: Path) -> None:
    ended, step = KILLED, 0
    outcomes = set()
    while ended == KILLED:
        step += 1
        data = tmp_path / str(step) / "site"
        ended = killed_at(step, data)
        assert ended in (KILLED, DONE)
        try:
            create(data).close()
            outcomes.add("again")
            assert {path.name for path in data.iterdir()} == set(sites.PARTS)
        except Refused:
            outcomes.add("whole")
        assert is_whole(data)
    assert step > 30 and outcomes == {"again", "whole"}


def test_the_second_attempt_may_be_killed_too(tmp_path: Path) -> None:
    for step in range(1, 16):
        data = tmp_path / str(step) / "site"
        data.mkdir(parents=True)
        draft = data / sites.UNFINISHED
        draft.mkdir()
        (draft / sites.DATABASE).write_bytes(b"half")
        (data / sites.MASTER).write_bytes(bytes(32))
        (data / sites.PKI).mkdir()
        (data / sites.PKI / "ca.der").write_bytes(b"half")
        assert killed_at(step, data) == KILLED
        if not (data / sites.DATABASE).exists():
            create(data).close()
        assert is_whole(data)


def test_a_finished_building_is_never_cleared(tmp_path: Path) -> None:
    data = tmp_path / "site"
    create(data).close()
    (data / sites.UNFINISHED).mkdir()
    key = (data / sites.MASTER).read_bytes()
    (data / sites.DATABASE).rename(tmp_path / "away.db")
    with pytest.raises(Refused):
        create(data)
    (tmp_path / "away.db").rename(data / sites.DATABASE)
    assert (data / sites.MASTER).read_bytes() == key and is_whole(data)


def test_a_place_that_takes_nothing_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SiteUnusable, match="--data"):
        create(tmp_path / "file" / "site")
    (tmp_path / "site" / "pki").mkdir(parents=True)
    with pytest.raises(Refused):
        create(tmp_path / "site")
    assert list((tmp_path / "site").iterdir()) == [tmp_path / "site" / "pki"]
