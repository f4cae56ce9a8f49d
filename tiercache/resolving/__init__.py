"""The edge to a resolver: uv, run as a child process that reads this node's own pages."""
