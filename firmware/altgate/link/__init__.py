"""MQTT: transport, sealed messages, state. Without authority of its own."""
