"""Rule files and Alertmanager's configuration, made ready for a run.

- ``prepare``: from ``--rules guide | corrected | FILE`` to what Prometheus loads
- ``receivers``: Alertmanager's configuration with loadkit as the only receiver
- ``promql``, ``rules``, ``sources``, ``promtool``: what these are made of
"""
