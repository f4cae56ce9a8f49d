"""Workers: processes that answer what is ready, beside the node, which alone knows anything.

The node keeps all state.  A worker takes clients' connections, answers what it was told to be ready, and hands a
connection on to the node, as a descriptor, with the first request that is not; the node hands it back once something
that is ready was asked for on it again.  What the node knows has a number (`board`), by which a worker sees in the same
moment that what it was told does not count any more.
"""
