"""What a board runs after boot.py."""

from altgate import app

app.run()
