"""The server end of the language that nodes speak: `/api/v1/` for the nodes below this one."""
