"""The MQTT client of a door and the Wi-Fi below it, made from its identity."""

from altgate.link.mqtt import Client, Config
from protocol import limits, topics


def client(who, pair, on_message, on_up, on_down, is_quiet):
    """``(client, tasks to run)`` for an identity; pair(): the certificate and its key; is_quiet(): whether
    nobody waits for a handshake to end."""
    config = Config(
        who.broker_host,
        who.broker_port,
        who.broker_name,
        who.door_id,
        who.ca,
        pair,
        topics.topic(who.door_id, topics.UP_STATUS),
        topics.STATUS_OFFLINE,
        limits.KEEPALIVE_S,
        [topics.topic(who.door_id, "down/#")],
    )
    wifi = None
    if who.wifi_ssid:
        from altgate.link.wifi import Wifi

        wifi = Wifi(who.wifi_ssid, who.wifi_password, _wifi_told)

    def may_open():
        return (wifi is None or wifi.is_joined) and is_quiet()

    made = Client(config, on_message, on_up, on_down, may_open=may_open)
    return made, [made.run(), wifi.run()] if wifi else [made.run()]


def _wifi_told(text):
    print("altgate: wifi: %s" % text)
