"""A day of traffic in virtual time, on the simulator's and the gateway's own state machines."""

__all__: list[str] = []
