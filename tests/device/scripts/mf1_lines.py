"""The driver of the MF1 and its supply, against a module of which every byte is scripted: silence, nonsense,
faces that are none, settings, floods, cancellation. Argument: a seed.
"""

import asyncio
import binascii
import io
import json
import random
import sys
import time

from altgate.drivers import mf1
from altgate.drivers.camera import Camera, CameraError
from protocol import limits, reasons

limits.FACE_SHOT_S = SHOT_S = 0.16
_POLL, _READABLE = 3, 1

VECTOR = bytes(range(3, 199))
INIT = {"version": 2, "type": "init", "code": 0, "msg": "init done"}
SET_UP = {"out_fea": 2, "auto_out_fea": 1, "port_baud": 115200}
FACTORY = {"out_fea": 0, "auto_out_fea": 0}


def line(message):
    return json.dumps(message).encode() + b"\r\n"


def text(vector):
    return binascii.b2a_base64(vector)[:-1].decode()


def face(vector=VECTOR, total=1, feature=None, **more):
    info = {"pic": "00", "total": total, "current": 0, "x1": 34, "score": 0, "uid": "null"}
    message = {"version": 2, "type": "face_info", "code": 0, "msg": "have face", "info": info}
    message.update(more)
    made = json.dumps(message)
    # As the module writes it; MicroPython's json puts spaces behind colons, the module does not.
    wanted = '"feature":"%s"' % (text(vector) if feature is None else feature)
    return made.replace('"uid": "null"', '"uid":"null",' + wanted).encode() + b"\r\n"


class Module(io.IOBase):
    """The far end: ``first`` comes at once, an answer to each message, ``then`` after its settings were told.

    stored: its settings, that are in force after a restart. piece: how many bytes come at once.
    """

    def __init__(self, first=None, then=b"", stored=SET_UP, piece=10**6, endless=b""):
        self._out = bytearray(line(INIT) if first is None else first)
        self._then, self._stored, self._piece, self._endless = then, dict(stored), piece, endless
        self.heard = []

    def ioctl(self, request, arg):
        if request == _POLL:
            return _READABLE if self.any() and arg & _READABLE else 0
        return -22

    def any(self):
        return len(self._out) + len(self._endless)

    def readinto(self, buf, count=-1):
        if not self._out:
            self._out.extend(self._endless)
        taken = min(len(buf), self._piece, len(self._out))
        if not taken:
            return None
        buf[:taken] = self._out[:taken]
        self._out = self._out[taken:]
        return taken

    def write(self, data):
        assert data.endswith(b"\r\n")
        message = json.loads(data)
        self.heard.append((message["type"], message.get("cfg", {}).get("get_cfg")))
        if message["type"] == "brd_soft_cfg" and message["cfg"]["get_cfg"]:
            answer = {"version": 2, "type": "brd_soft_cfg_ret", "code": 1, "cfg": self._stored}
            self._out.extend(line(answer))
            if self._stored.get("out_fea") == 2:
                self._out.extend(self._then)
        elif message["type"] == "brd_soft_cfg":
            self._stored.update(message["cfg"])
            self._out.extend(line({"version": 2, "type": "brd_soft_cfg_ret", "code": 0}))
        elif message == {"version": 2, "type": "reset", "key": "teser"}:
            self._out.extend(line({"version": 2, "type": "reset_ret", "code": 0}) + line(INIT) + self._then)
        return len(data)


class Watched:
    """A camera whose supply, driver and bad lines are seen."""

    def __init__(self, module, permit=lambda: reasons.NONE):
        self.module, self.permit = module, permit
        self.supply, self.bad, self.drivers = [], [], []
        self.camera = Camera(self._switch, self._driver)
        self.into = bytearray(limits.FACE_VECTOR_BYTES)

    def _switch(self, is_on):
        self.supply.append((is_on, time.ticks_ms()))

    def _driver(self):
        assert self.is_on
        driver = mf1.Mf1(self.module, self.bad.append)
        self.drivers.append(driver)
        return driver

    @property
    def is_on(self):
        return bool(self.supply) and self.supply[-1][0]

    async def face(self):
        """The reason why there was no face, or NONE; checks what must hold in any case."""
        try:
            await self.camera.face(self.permit, self.into)
            reason = reasons.NONE
        except CameraError as error:
            reason = error.reason
        self.is_over()
        return reason

    def is_over(self):
        assert not self.is_on, "the supply is still on"
        for driver in self.drivers:
            assert driver._line == bytes(len(driver._line)), "what was received was not wiped"


async def gives(expected, module, bad=(), vector=None):
    watched = Watched(module)
    reason = await watched.face()
    assert reason == expected, (expected, reason, watched.bad)
    if bad is not None:
        assert set(watched.bad) == set(bad), (expected, watched.bad)
    on, off = watched.supply
    assert time.ticks_diff(off[1], on[1]) < 1000 * limits.FACE_SHOT_S + 300, "too long"
    if expected == reasons.NONE:
        assert bytes(watched.into) == (vector or VECTOR)


def cut(data, end):
    """A line that ends too early."""
    return data[:end] + b"\r\n"


NONSENSE, NO_FACE, SILENT = reasons.MODULE_NONSENSE, reasons.NO_FACE, reasons.MODULE_SILENT
FRAME, SHAPE, LONG = reasons.BAD_FRAME, reasons.BAD_SHAPE, reasons.TOO_LONG
PONG = line({"version": 2, "type": "pong", "code": 0, "msg": "i am here"})


def cases():
    """(expected, module, reasons of what was dropped)."""
    whole = face()
    vector_at = whole.find(b'"feature":"') + 11
    odd = text(VECTOR)
    yield NO_FACE, Module(), ()
    yield SILENT, Module(b""), ()
    # Noise instead of a module.
    yield NONSENSE, Module(bytes(3000)), (LONG,)
    yield NONSENSE, Module(b"\0" * 80 + b"\n"), (FRAME,)
    yield NONSENSE, Module(b"A" * 5000), (LONG,)
    # Lines that end too early, and ones that are no message.
    for end in (1, 20, vector_at - 3, vector_at, vector_at + 1, vector_at + 100, len(whole) - 5):
        yield NONSENSE, Module(then=cut(whole, end)), (FRAME,)
    for bad in (b"5", b"[]", b'"text"', b"null", b"{}", b'{"version":1,"type":"face_info"}', b"true"):
        yield NONSENSE, Module(then=bad + b"\r\n"), (SHAPE,)
    for bad in (b"{[1]:2}", b"[" * 600, b"{" * 600, b'{"a":' * 120, b'{"version":2,"type":{}}}', b'{"\xff"'):
        yield NONSENSE, Module(then=bad + b"\r\n"), None
    # Messages that are none of ours.
    yield NO_FACE, Module(then=PONG * 5), ()
    yield NO_FACE, Module(then=line({"version": 2, "type": ["face_info"]})), ()
    yield NO_FACE, Module(then=line({"version": 2})), ()
    # Vectors that are none.
    for count in (0, 1, 195, 197, 198, 400):
        yield NONSENSE, Module(then=face(bytes(range(1, 256))[:count] + bytes(max(0, count - 255)))), None
    endings = ("", "=", "AA", "A=", "===")  # instead of the two padding characters
    wrong = ["", odd[:-1], odd[:-3] + "h==", "=" + odd[1:]] + [odd[:-2] + ending for ending in endings]
    for feature in wrong + [odd[:9] + letter + odd[10:] for letter in "* -=_"]:
        yield NONSENSE, Module(then=face(feature=feature)), None
    yield NONSENSE, Module(then=face().replace(b'"feature"', b'"picture"')), (SHAPE,)
    # Faces that are not one person's, or were not seen well.
    yield NO_FACE, Module(then=face(total=2) + face(total=2)), ()
    yield NO_FACE, Module(then=face(total=0)), ()
    yield NO_FACE, Module(then=face(code=1)), ()
    yield NONSENSE, Module(then=face(info=0)), (SHAPE,)
    # A face that is seen before anybody asked the module how it is set up is no nonsense, and no face.
    yield NO_FACE, Module(line(INIT) + face() + face(total=2)), ()


async def all_cases():
    wrong = []

    async def one(expected, module, bad):
        sent = bytes(module._out + module._then)
        try:
            await gives(expected, module, bad)
        except AssertionError as error:
            wrong.append((error.args, sent[-100:]))

    waiting = [one(*case) for case in cases()]
    while waiting:
        # Not more at once than finish in time.
        await asyncio.gather(*waiting[:12])
        waiting = waiting[12:]
    assert not wrong, wrong[:3]


async def faces():
    """A face is found among whatever stands around it, in any pieces."""
    other = bytes(range(196, 0, -1))
    bytes_of_all = bytes(at * 7 & 255 for at in range(196))
    good = (
        (Module(then=face()), VECTOR),
        (Module(then=face(bytes_of_all)), bytes_of_all),
        (Module(then=face(b"\xff" * 196)), b"\xff" * 196),
        (Module(then=face(), piece=19), VECTOR),
        (Module(then=face(), piece=64), VECTOR),
        (Module(b"boot\r\n" + line(INIT), face()), VECTOR),
        (Module(then=face(other, total=2) * 2 + PONG + face() + face(other)), VECTOR),
        (Module(then=cut(face(other), 200) + b"x" * 3000 + b"\n" + face(feature="AAAA") + face()), VECTOR),
        # One that was seen in the claim before, and was still on its way, is not this one's.
        (Module(face(other) * 2 + line(INIT), face()), VECTOR),
        (Module(line(INIT) + face(other), face()), VECTOR),
    )
    for module, vector in good:
        await gives(reasons.NONE, module, None, vector)


async def settings():
    """They are read each time and written once: flash in the module wears as well."""
    module = Module(stored=FACTORY, then=face())
    await gives(reasons.NONE, module)
    assert module.heard == [("brd_soft_cfg", 1), ("brd_soft_cfg", 0), ("reset", None)]
    module = Module(stored=module._stored, then=face())
    await gives(reasons.NONE, module)
    assert module.heard == [("brd_soft_cfg", 1)]
    for stored in ({}, {"out_fea": 2}, {"out_fea": 2, "auto_out_fea": 0}, {"out_fea": 1, "auto_out_fea": 1}):
        module = Module(stored=stored)
        await gives(NO_FACE, module)
        assert len(module.heard) == 3


class Broken(Module):
    """A line that cannot be written."""

    def write(self, data):
        raise OSError(5)


async def supply():
    """It rises only when it may, and is low again whatever happens."""
    asked = []

    def permit():
        asked.append(watched.is_on)
        return reasons.LEASE_ENDED

    watched = Watched(Module(then=face()), permit)
    assert await watched.face() == reasons.LEASE_ENDED
    assert watched.supply == [] and watched.drivers == [] and asked == [False]

    def permit_now():
        asked.append(watched.supply == [])
        return reasons.NONE

    watched = Watched(Module(then=face()), permit_now)
    assert await watched.face() == reasons.NONE and asked == [False, True]
    assert [is_on for is_on, _ in watched.supply] == [True, False]

    for error in (OSError(5), MemoryError(), ValueError("x"), ImportError("x")):

        def raising():
            raise error

        watched = Watched(Module())
        watched.camera._module = raising
        try:
            await watched.face()
            raise AssertionError("swallowed")
        except type(error):
            pass
        watched.is_over()
        watched.camera._module = watched._driver
        watched.module = Module(then=face())
        assert await watched.face() == reasons.NONE, "it stays busy"
    watched = Watched(Broken())
    try:
        await watched.face()
        raise AssertionError("swallowed")
    except OSError:
        pass
    watched.is_over()

    def refusing():
        raise OSError(28)

    watched = Watched(Module(), refusing)
    try:
        await watched.face()
        raise AssertionError("swallowed")
    except OSError:
        pass
    assert watched.supply == []


async def cancelled():
    """Whoever waits is cancelled at any moment: the supply falls at once, and the next one is served."""
    seen_on, limits.FACE_SHOT_S = 0, 0.06
    for turns in range(0, 40, 3):
        watched = Watched(Module(then=face(), piece=40) if turns % 2 else Module(b""))
        task = asyncio.create_task(watched.camera.face(watched.permit, watched.into))
        for _ in range(turns):
            await asyncio.sleep_ms(0)
        seen_on += watched.is_on
        was_done = task.done()
        task.cancel()
        try:
            await task
            assert was_done
        except asyncio.CancelledError:
            assert not was_done
        except CameraError as error:
            # A machine so slow that the time for a shot was over first.
            assert error.reason in (reasons.MODULE_SILENT, reasons.NO_FACE)
        watched.is_over()
        watched.module = Module(then=face())
        assert await watched.face() == reasons.NONE, "it stays busy"
        # The alarm of the one before does not ring for the next.
        watched.module = Module()
        began_ms = time.ticks_ms()
        assert await watched.face() == NO_FACE
        assert time.ticks_diff(time.ticks_ms(), began_ms) > 900 * limits.FACE_SHOT_S
    limits.FACE_SHOT_S = SHOT_S
    assert seen_on > 5


async def busy():
    """Two at once: the second hears so, and does not switch the first one's supply off."""
    watched = Watched(Module())
    first = asyncio.create_task(watched.face())
    await asyncio.sleep_ms(20)
    try:
        await watched.camera.face(watched.permit, bytearray(196))
        raise AssertionError("two at once")
    except CameraError as error:
        assert error.reason == reasons.MODULE_BUSY
    assert watched.is_on and len(watched.drivers) == 1
    assert await first == NO_FACE


async def flood():
    """A module that sends without end leaves the loop to the others, and is given up in time."""
    for endless in (b"A" * 640, b"\n" * 640, b"{}\n" * 200, b"\xff\xfe{}\r\n", face(total=2), PONG):
        watched = Watched(Module(b"", endless=endless))
        longest_ms, last_ms = 0, time.ticks_ms()
        task = asyncio.create_task(watched.face())
        while not task.done():
            await asyncio.sleep_ms(0)
            now_ms = time.ticks_ms()
            longest_ms, last_ms = max(longest_ms, time.ticks_diff(now_ms, last_ms)), now_ms
        on, off = watched.supply
        assert await task in (NONSENSE, NO_FACE)
        assert longest_ms < 100, (endless[:3], longest_ms)
        assert time.ticks_diff(off[1], on[1]) < 1000 * limits.FACE_SHOT_S + 150


async def mutated():
    """Lines of any content: a reason, or a face that is what one of them says; nothing else, ever."""
    other = bytes(at * 11 + 5 & 255 for at in range(196))

    async def one():
        data = bytearray(PONG + face(other) + face(other, total=2) + line({"version": 2, "type": "init"}))
        for _ in range(random.randint(1, 8)):
            at = random.randint(0, len(data) - 1)
            what = random.getrandbits(2)
            if what == 0:
                data[at] = random.getrandbits(8)
            elif what == 1:
                data[at] ^= 1 << random.getrandbits(3) % 8
            elif what == 2:
                data[at : at + random.getrandbits(4)] = b""
            else:
                data[at:at] = bytes(random.choice(b'{}[]":,\\\r\n0=') for _ in range(random.getrandbits(3)))
        first, piece = random.choice((b"", line(INIT))), random.randint(9, 700)
        watched = Watched(Module(first, bytes(data), piece=piece))
        reason = await watched.face()
        assert reason in (reasons.NONE, NO_FACE, NONSENSE, SILENT)
        if reason == reasons.NONE:
            # Base64 has no checksum: but it is a vector out of one line, not a mixture of two.
            differing = sum(1 for a, b in zip(watched.into, other) if a != b)
            assert differing <= 3 * 8, differing

    for _ in range(3):
        await asyncio.gather(*[one() for _ in range(40)])


random.seed(int(sys.argv[1]))
for part in (all_cases, faces, settings, supply, busy, cancelled, flood, mutated):
    if len(sys.argv) < 3 or sys.argv[2] == part.__name__:
        asyncio.run(part())
print("ok")
