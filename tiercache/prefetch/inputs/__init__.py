"""From documents that people and tools write to requirements and locked releases.  Pure."""
