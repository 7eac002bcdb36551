"""Joining the building's Wi-Fi, and joining it again for as long as the door lives."""

import asyncio

import network

LOOK_MS = 2000
JOIN_MS = 15000


class Wifi:
    """One network by name and password; ``told(text)`` is told of each change in plain words."""

    def __init__(self, ssid, password, told):
        self._ssid = ssid
        self._password = password
        self._told = told
        self._wlan = network.WLAN(network.STA_IF)
        self._wlan.active(True)

    @property
    def is_joined(self):
        """Whether the network carries anything just now."""
        return self._wlan.isconnected()

    async def run(self):
        """For ever: look every two seconds, and join when not joined."""
        said = None
        while True:
            if not self.is_joined:
                await self.join()
            state = "joined" if self.is_joined else _WHY.get(self._wlan.status(), "not joined")
            if state != said:
                self._told(state)
                said = state
            await asyncio.sleep_ms(LOOK_MS)

    async def join(self):
        """One try, of JOIN_MS at most; is_joined tells how it went."""
        self._wlan.disconnect()
        self._wlan.connect(self._ssid, self._password)
        for _ in range(JOIN_MS // 100):
            if self._wlan.isconnected() or self._wlan.status() in _WHY:
                return
            await asyncio.sleep_ms(100)


_WHY = {
    network.STAT_NO_AP_FOUND: "no network of this name in reach",
    network.STAT_WRONG_PASSWORD: "wrong password",
}
