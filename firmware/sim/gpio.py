"""The simulated board's pins: outputs that the rig sees, inputs that it drives, and a keypad's matrix."""

import time

import micropython
import simctl

_pins = {}
# Levels the rig drives, by pin number.
_driven = {int(number): level for number, level in simctl.config.get("driven", {}).items()}
_matrix = simctl.config.get("matrix", {})
_rows = tuple(_matrix.get("rows", ()))
_columns = tuple(_matrix.get("cols", ()))
_pressed = ()


class Pin:
    """One GPIO; the same number always gives the same pin, as on the board."""

    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_DOWN = 1
    PULL_UP = 2
    IRQ_RISING = 1
    IRQ_FALLING = 2

    def __new__(cls, id, *args, **kwargs):
        if id not in _pins:
            pin = object.__new__(cls)
            pin._id, pin._mode, pin._pull, pin._out = id, 0, None, 0
            pin._handler, pin._trigger, pin._last, pin._shown = None, 0, None, None
            _pins[id] = pin
            simctl.start()
        return _pins[id]

    def __init__(self, id, mode=-1, pull=-1, *, value=None, drive=None, alt=None):
        if mode != -1 or pull != -1 or value is not None:
            self.init(mode, pull, value=value, drive=drive, alt=alt)

    def init(self, mode=-1, pull=-1, *, value=None, drive=None, alt=None):
        """Set direction, pull and first level; -1 leaves a setting as it is."""
        simctl.powered()
        if mode != -1:
            self._mode = mode
        if pull != -1:
            self._pull = pull
        if value is not None:
            self._out = 1 if value else 0
        self._changed()

    def value(self, x=None):
        """The level at the pin, or set the output's level."""
        if x is None:
            return self._level()
        simctl.powered()
        self._out = 1 if x else 0
        self._changed()
        return None

    __call__ = value

    def on(self):
        """Drive high."""
        self.value(1)

    def off(self):
        """Drive low."""
        self.value(0)

    def toggle(self):
        """Drive the other level."""
        self.value(1 - self._out)

    def irq(self, handler=None, trigger=IRQ_FALLING | IRQ_RISING, *, priority=1, wake=None, hard=False):
        """Call `handler(pin)` soon after each of those edges; None stops."""
        self._last = self._level()
        self._handler, self._trigger = handler, trigger

    def _level(self):
        if self._mode == Pin.OUT or (self._mode == Pin.OPEN_DRAIN and not self._out):
            return self._out
        if self._id in _columns:
            for row, column in _pressed:
                if column == self._id and row in _pins and _pins[row]._is_low():
                    return 0
        return _driven.get(self._id, 1 if self._pull == Pin.PULL_UP else 0)

    def _is_low(self):
        return self._mode in (Pin.OUT, Pin.OPEN_DRAIN) and not self._out

    def _changed(self):
        if self._id in _rows:
            # A keypad scan would drown the channel; its columns say what it does.
            _edges(_columns)
        elif self._mode in (Pin.OUT, Pin.OPEN_DRAIN) and self._shown != self._out:
            self._shown = self._out
            simctl.send_text('{"pin":%d,"v":%d,"t":%d}' % (self._id, self._out, time.ticks_us()))

    def _edge(self):
        if self._handler is None:
            return
        level, before = self._level(), self._last
        self._last = level
        if level != before and self._trigger & (Pin.IRQ_RISING if level else Pin.IRQ_FALLING):
            try:
                micropython.schedule(self._handler, self)
            except RuntimeError:
                pass  # the queue is full: the board drops the interrupt too


def _edges(numbers):
    for number in numbers:
        if number in _pins:
            _pins[number]._edge()


def _on_pin(message):
    _driven[message["pin"]] = message["v"]
    _edges((message["pin"],))


def _on_keys(message):
    global _pressed
    _pressed = tuple(tuple(key) for key in message["keys"])
    _edges(_columns)


simctl.handlers["pin"] = _on_pin
simctl.handlers["keys"] = _on_keys
