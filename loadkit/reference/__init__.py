"""LLM Cost Ops, the reference service: records calls to language models, prices them, sums up.

It is what loadkit is shown on and proved with: a small service that someone could really run,
observed the way the monitoring guide asks for, and made bad on purpose when a test wants it.

    python -m loadkit.reference --port 8080 --metrics-port 9090
    curl -X POST http://127.0.0.1:8080/api/v1/costs \
        -H 'Authorization: Bearer demo-pro-key-1' \
        -d '{"provider": "openai", "model": "gpt-4o", "input_tokens": 1200, "output_tokens": 350}'

When it listens it prints one line of JSON, the first on standard output:
`{"ready": true, "api": 8080, "metrics": 9090, "faults": null, "pid": 4711}`. SIGTERM and SIGINT
end it within two seconds, with everything written that was answered.

How it is made, from the outside in:

- `server` puts the parts together; `settings` are the options
- `middleware` counts, traces and times each request and turns every error into one JSON form;
  `exchange` is one request with its steps
- `routes` are the handlers, `schemas` what they take and give, `pricing` the sums, `auth` the keys
- `ports` are the seams: storage, pricing cache, notifier; `storage`, `cache`, `notify` are what is
  plugged in there today
- `metrics`, `gauges`, `lag`, `spans`, `tracing`, `logs` are what can be seen of it
- `faults` is what can be done to it, from a port of its own

Nothing of the rest of loadkit is imported here, and nothing there imports this.
"""
