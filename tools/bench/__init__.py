"""`make bench`: what the syncer costs, on two real control planes in one run, next to the bare host doing the same work."""
