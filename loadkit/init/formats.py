"""Texts for the formats that schemas name."""

from __future__ import annotations

FORMATS = {
    "date-time": "2026-01-01T12:00:00Z",
    "date": "2026-01-01",
    "time": "12:00:00Z",
    "duration": "PT1M",
    "uuid": "3f2b6c1e-7a54-4d0b-9a3e-5c8d1f6e2b70",
    "email": "user@example.com",
    "idn-email": "user@example.com",
    "hostname": "host.example.com",
    "idn-hostname": "host.example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uri-reference": "/example",
    "uri-template": "/example/{id}",
    "iri": "https://example.com/",
    "iri-reference": "/example",
    "url": "https://example.com/",
    "json-pointer": "/example",
    "relative-json-pointer": "0",
    "regex": "a+",
    "byte": "bG9hZGtpdA==",
    "base64": "bG9hZGtpdA==",
    "binary": "loadkit",
    "decimal": "1",
    "phone": "+15550100",
}
"""Fixed ones: addresses that are set aside for documentation, a day that every calendar has."""

PASSWORD = "password"
