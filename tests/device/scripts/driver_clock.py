"""The clock's calendar: prints the fields of each Unix time that it is given."""

import json
import sys

from altgate.drivers import ds3231

for unix in json.loads(sys.stdin.readline()):
    fields = ds3231.from_unix(unix)
    assert ds3231.to_unix(*fields) == unix, (unix, fields)
    print(json.dumps(list(fields)))
