"""A door whose flash does not open: locked, it says so on its console and over MQTT, and tries again.

Imported only then. Nothing here reads or writes a store; the identity is all that is asked for, and where it
is out of reach too, the console alone tells.
"""

import asyncio

from altgate import board, pins
from altgate.door.strike import Strike
from altgate.store import identity
from protocol import topics

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

RETRY_S = 10
_TELL_EVERY_S = 5


def run(name):
    """Stay locked for RETRY_S, then start the board anew. ``name``: of the error, for the console."""
    import machine

    Strike().secure()
    board.face_supply()(False)
    try:
        asyncio.run(_main(name))
    except Exception as error:
        print("altgate: stuck: %s" % type(error).__name__)
    machine.reset()


async def _main(name):
    watchdog = board.watchdog()
    who = _identity()
    tasks = _connection(who) if who else []
    running = [asyncio.create_task(task) for task in tasks]
    button = board.reset_button()
    for second in range(RETRY_S):
        watchdog.feed()
        if button.value() == pins.RESET_BUTTON_PRESSED:
            await _reset(button, watchdog)
            return
        if second % _TELL_EVERY_S == 0:
            print("altgate: the flash does not open (%s): locked, trying again" % name)
        await asyncio.sleep(1)
    for task in running:
        task.cancel()


async def _reset(button, watchdog):
    """A factory reset is what helps where the flash does not open for what lies in it."""
    from altgate import erasure, reset
    from altgate.door.signals import Signals
    from altgate.store import counters

    if not await reset.is_held(button, Signals(), watchdog):
        return
    try:
        numbers = counters.Counters(board.partition("counters"))
        counters.check_layout(numbers)
        erasure.ask(numbers, erasure.FACTORY, 0)
    except (OSError, counters.OtherLayout) as error:
        print("altgate: no factory reset (%s): erase this flash by the chip's own loader"
              % type(error).__name__)  # fmt: skip


def _identity():
    """Who this door is, or None where that cannot be read either."""
    try:
        board.mount_files()
    except OSError:
        # It may be mounted already.
        pass
    try:
        return identity.load(board.wrapping_page())
    except Exception:
        # Whatever is wrong with it: it is not to be had.
        return None


def _connection(who):
    """Tasks that tell the host by the status topic, and take nothing."""
    from altgate.link import wiring

    client: Any = None  # until it is made, below

    async def on_message(topic, payload, retain):
        # Nothing can be kept, and nothing is acted on: host and door agree anew at the next hello. A message
        # that is not acknowledged would come first on each connection, and end it.
        return True

    def on_up(session_present):
        client.send(topics.topic(who.door_id, topics.UP_STATUS), topics.STATUS_STUCK, retain=True)

    pair = (who.certificate, who.private_key)
    client, tasks = wiring.client(who, lambda: pair, on_message, on_up, lambda reason: None, lambda: True)
    return tasks
