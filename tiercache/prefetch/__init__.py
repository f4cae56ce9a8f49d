"""Filling before being asked: on request (`jobs`), or by a guess from what a client just resolved (`read_ahead`)."""
