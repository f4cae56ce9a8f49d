"""Who somebody is, and what they may do: principals, credentials, permissions.

Pure: the clock and the file with more users are handed in, and no request is known here.  What is done about it is
`web.guard`'s affair.
"""
