"""Profiles as files for other tools."""

from __future__ import annotations

import json
from typing import Any

import jsonschema

from loadkit.collect.profile_files import collapsed, speedscope
from loadkit.collect.stacks import GIL, IDLE, Sight, Stack

# The part of speedscope's file format that sampled profiles use, as its documentation has it.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["$schema", "shared", "profiles"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"const": "https://www.speedscope.app/file-format-schema.json"},
        "name": {"type": "string"},
        "exporter": {"type": "string"},
        "activeProfileIndex": {"type": "integer", "minimum": 0},
        "shared": {
            "type": "object",
            "required": ["frames"],
            "additionalProperties": False,
            "properties": {
                "frames": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "additionalProperties": False,
                        "properties": {
                            "name": {"type": "string"},
                            "file": {"type": "string"},
                            "line": {"type": "integer"},
                            "col": {"type": "integer"},
                        },
                    },
                }
            },
        },
        "profiles": {
            "type": "array",
            "items": {
                "type": "object",
                "required": [
                    "type", "name", "unit", "startValue", "endValue", "samples", "weights",
                ],
                "additionalProperties": False,
                "properties": {
                    "type": {"const": "sampled"},
                    "name": {"type": "string"},
                    "unit": {
                        "enum": [
                            "none", "nanoseconds", "microseconds", "milliseconds", "seconds",
                            "bytes",
                        ]
                    },
                    "startValue": {"type": "number"},
                    "endValue": {"type": "number"},
                    "samples": {
                        "type": "array",
                        "items": {"type": "array", "items": {"type": "integer", "minimum": 0}},
                    },
                    "weights": {"type": "array", "items": {"type": "number", "minimum": 0}},
                },
            },
        },
    },
}  # fmt: skip

STACKS = [
    Stack(Sight(0, "MainThread (7)", GIL, "main (app.py:3);work (app.py:9)"), 30, True),
    Stack(Sight(0, "pool;0 (8)", GIL, "main (app.py:3);<lambda> (<string>:1)"), 5, True),
    Stack(Sight(2, "MainThread (7)", GIL, "main (app.py:3);work (app.py:9)"), 10, True),
    Stack(Sight(2, None, GIL, "native thing"), 1, False),
]


def test_speedscope_fits_its_schema_with_a_profile_a_thread() -> None:
    document = json.loads(speedscope("service in peak", "1.2", STACKS, 100))
    jsonschema.validate(document, SCHEMA)
    frames = document["shared"]["frames"]
    assert frames[0] == {"name": "main", "file": "app.py", "line": 3}
    assert {"name": "<lambda>", "file": "<string>", "line": 1} in frames
    assert {"name": "native thing"} in frames
    main, pool, unknown = document["profiles"]
    assert main["name"].startswith("MainThread (7)")
    assert [[frames[n]["name"] for n in stack] for stack in main["samples"]] == [
        ["main", "work"], ["main", "work"],
    ]  # fmt: skip
    assert main["weights"] == [0.3, 0.1]  # in order of slices
    assert main["endValue"] == 0.4
    assert pool["name"].startswith("pool;0 (8)")
    assert unknown["weights"] == [0.01]
    for profile in document["profiles"]:
        assert len(profile["samples"]) == len(profile["weights"])


def test_speedscope_of_nothing_is_whole_too() -> None:
    document = json.loads(speedscope("x", "1", [], 100))
    jsonschema.validate(document, SCHEMA)
    assert document["profiles"] == []


def test_collapsed_text_adds_up_slices_and_keeps_its_form() -> None:
    assert collapsed(STACKS).splitlines() == [
        "(thread unknown);native thing 1",
        "MainThread (7);main (app.py:3);work (app.py:9) 40",
        "pool,0 (8);main (app.py:3);<lambda> (<string>:1) 5",
    ]


def test_collapsed_text_of_states_says_what_each_thread_did() -> None:
    idle = Stack(Sight(1, "MainThread (7)", IDLE, "main (app.py:3)"), 2, True)
    odd = Stack(Sight(1, "MainThread (7)", "unknown", "main (app.py:3)"), 1, True)
    assert collapsed([idle, odd], states=True).splitlines() == [
        "MainThread (7);[idle];main (app.py:3) 2",
        "MainThread (7);[unknown];main (app.py:3) 1",
    ]
