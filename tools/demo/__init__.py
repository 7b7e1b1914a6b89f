"""`make demo`: two real control planes, a syncer between them, and an application that exists only in the tenant."""
