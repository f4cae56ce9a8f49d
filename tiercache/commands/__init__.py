"""The commands of `tiercache`, one file a subject, and what they share with the `twistd` plugin.

Here stand processes' edges: the environment, the configuration file, standard output, exit statuses.
"""
