"""What a board runs after boot.py."""

import asyncio

from altgate import app

asyncio.run(app.main())
