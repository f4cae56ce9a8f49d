"""The edge towards the clients: HTTP in.  Decides nothing about freshness or tiers."""
