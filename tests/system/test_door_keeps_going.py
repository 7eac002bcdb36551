"""A door that hangs, that loses its network, or has somebody at its keypad."""

import os
import signal

import pytest

from altgate.demo.building import FRONT, PIN, UNIT, Building
from altgate.protocol import messages as m
from altgate.registry import doors

NOT_YET_S = 4
WATCHDOG_CAUSE = 3


def test_a_door_that_hangs_is_started_again_and_its_strike_secured(tmp_path):
    started = []
    with Building(tmp_path) as building:
        building.board.subscribe(lambda told: started.append(told) if told.get("rig") == "started" else None)
        building.board.power_off()
        before = building.last_number()
        building.board.power_on()
        building.wait_event(m.KIND_BOOT, before)
        building.board.tap(building.card())
        building.board.wait_pin("strike", 1)
        before = building.last_number()
        os.kill(started[0]["pid"], signal.SIGSTOP)
        building.board.wait_pin("strike", 0, 15)
        building.wait_event(m.KIND_BOOT, before)
    assert [message["cause"] for message in started][1:] == [WATCHDOG_CAUSE]


def test_a_door_joins_its_wifi_with_the_right_password_and_again_after_a_loss(tmp_path):
    building = Building(tmp_path, wifi=("lakeside", "correct horse"))
    board = building.board
    try:
        board.air([("lakeside", "another one", -60)])
        building.start_host()
        building.start_door()
        board.wait_console("wrong password", 20)
        assert not building.events()
        board.air([("lakeside", "correct horse", -60)])
        building.wait(lambda: building.events(m.KIND_BOOT) or None, "the first event", 40)
        building.wait_applied()
        board.air([])
        board.wait_console("no network of this name in reach", 20)
        board.press(f"{UNIT}#{PIN}#")
        board.wait_pin("strike", 1)
        joined = board.console.text().count("wifi: joined")
        board.air([("lakeside", "correct horse", -60)])
        building.wait(lambda: board.console.text().count("wifi: joined") > joined or None, "it to join again")
    finally:
        building.stop()


def test_a_door_does_not_connect_while_somebody_is_at_its_keypad(tmp_path):
    with Building(tmp_path) as building:
        building.board.press("1")
        building.broker.stop()
        building.wait(lambda: "altgate: broker:" in building.board.console.text() or None, "the loss")
        before = last_hello(building)
        building.broker.start()
        building.board.press("2")
        with pytest.raises(TimeoutError):
            building.wait(lambda: last_hello(building) != before or None, "a hello", NOT_YET_S)
        building.board.press("*")
        building.wait(lambda: last_hello(building) != before or None, "a hello", 40)


def last_hello(building):
    with building.site.read() as session:
        return doors.find(session, FRONT).last_hello_at
