"""A load made by several processes: a master that leads, workers that send.

One TCP port, one token. Data connections carry the plan one way and frames the other, each frame
numbered, acknowledged and taken once; control connections carry what Locust's own master and
workers say to each other. Whoever does not know the token reaches neither.
"""
