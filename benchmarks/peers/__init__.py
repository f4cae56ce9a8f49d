"""A node beside other index servers: `python -m benchmarks.peers`, or with `--short` in small numbers.

Each server is installed into an environment of its own outside the repository (`environments`), started by its own
documentation on one core (`peer` and the file of each), and asked from another core for the same content (`content`):
warm pages and files (`warm`), cold files (`cold`), installs by pip and uv (`installs`), starts (`starts`); and a page
of this node alone while it is at work (`busy`, with the load of `steady` and the work of `chores`).  What is measured
are `cells`; `tables`, `limits` and `plots` make of them what `docs/performance.md` shows (`page`).
"""
