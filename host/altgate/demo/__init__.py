"""The whole product on one machine: a broker, the host, and a provisioned door on a simulated board.

Needs the extra packages of ``altgate[demo]``.
"""
