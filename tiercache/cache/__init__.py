"""What a node does: brings pages, files and sidecars into its store and out of it, through interfaces only."""
