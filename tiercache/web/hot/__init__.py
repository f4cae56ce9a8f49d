"""The front: what is asked for often is answered from ready bytes, before a request is made of what a client sent."""
