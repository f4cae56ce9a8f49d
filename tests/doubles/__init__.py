"""Stand-ins and small instruments for tests, each named for its noun."""
