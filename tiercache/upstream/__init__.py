"""The edge towards the tiers: HTTP out.  Imports nothing of storage or web."""
