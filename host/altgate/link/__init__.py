"""The host's side of the messages between it and the doors, and the MQTT client that carries them."""
