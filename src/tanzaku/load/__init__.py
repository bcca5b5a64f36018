"""Many users: workloads, the users that carry them out, what is measured, and whether to trust it.

The way through it: `measure` (samples, windows, histograms) → `workload` (files, arrivals, what a
user does) → `driving` (users, workers, budget) with `trust` beside it → `report`. Speaks HTTP to
whatever answers; knows no model's abilities.
"""

__all__: list[str] = []
