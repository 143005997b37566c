"""Example values: valid against their schema, finite, and the same every time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator, Draft202012Validator

from loadkit.errors import UsageError
from loadkit.init.document import Document
from loadkit.init.draft import Secret
from loadkit.init.examples import Examples
from loadkit.init.formats import FORMATS
from loadkit.init.patterns import matching


def example(schema: Any, version: str = "3.1.0", **schemas: Any) -> Any:
    """The example for a schema, with more under #/components/schemas."""
    root = {"openapi": version, "components": {"schemas": schemas}, "root": schema}
    document = Document.read(json.dumps(root), "shop.json")
    return Examples(document).of(document.root["root"], "#/root")


def valid(schema: Any, **schemas: Any) -> Any:
    """The example, after another implementation found it valid."""
    value = example(schema, **schemas)
    whole = {"components": {"schemas": schemas}, **schema}
    Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)
    return value


NODE = {
    "type": "object",
    "required": ["name", "children"],
    "properties": {
        "name": {"type": "string"},
        "children": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}},
        "parent": {"$ref": "#/components/schemas/Node"},
    },
}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "integer"}, 1),
        ({"type": "integer", "minimum": 18}, 18),
        ({"type": "integer", "exclusiveMinimum": 18}, 19),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "integer", "minimum": 10, "multipleOf": 7}, 14),
        ({"type": "integer", "multipleOf": 0.5}, 1),
        ({"type": "number", "exclusiveMinimum": 1, "exclusiveMaximum": 2}, 1.5),
        ({"type": "number", "minimum": 0.1, "maximum": 0.2}, 0.1),
        ({"type": "number", "multipleOf": 0.1, "minimum": 2.05}, 2.1),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": ["null", "integer"]}, 1),
        ({"type": ["null", "string"], "default": None, "enum": [None, "a"]}, "a"),
        ({"type": "string"}, "text"),
        ({"type": "string", "minLength": 6}, "texttt"),
        ({"type": "string", "maxLength": 2}, "te"),
        ({"type": "string", "maxLength": 0}, ""),
        ({"type": "string", "enum": ["b", "a"]}, "b"),
        ({"type": "string", "default": "d"}, "d"),
        ({"type": "string", "examples": ["e", "f"], "default": "d"}, "e"),
        ({"const": {"a": [1]}}, {"a": [1]}),
        ({"type": "string", "format": "uuid"}, FORMATS["uuid"]),
        ({"type": "string", "format": "date-time"}, FORMATS["date-time"]),
        ({"type": "string", "pattern": "^[A-Z]{2}-\\d{3}$"}, "AA-000"),
        ({"type": "array", "items": {"type": "integer"}}, [1]),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [1, 1]),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 3, "uniqueItems": True},
         [1, 2, 3]),
        ({"type": "array", "items": {"enum": ["x", "y"]}, "minItems": 2, "uniqueItems": True},
         ["x", "y"]),
        ({"type": "array", "maxItems": 0}, []),
        ({"type": "array", "prefixItems": [{"type": "integer"}, {"const": "z"}], "items": False},
         [1, "z"]),
        ({"type": "object", "minProperties": 2, "additionalProperties": {"type": "integer"}},
         {"key1": 1, "key2": 1}),
        ({"properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "required": ["b"]},
         {"b": "text"}),
        ({"properties": {"a": {"type": "integer", "examples": [7]}, "b": {"type": "string"}}},
         {"a": 7}),
        ({"properties": {"a": {"type": "integer"}, "b": {"type": "string"}}},
         {"a": 1, "b": "text"}),
        ({"allOf": [{"minimum": 3}, {"type": "integer", "maximum": 9}, {"multipleOf": 4}]}, 4),
        ({"type": "object", "required": ["a", "b"],
          "allOf": [{"properties": {"a": {"const": 1}}}, {"properties": {"b": {"const": 2}}}]},
         {"a": 1, "b": 2}),
        ({"oneOf": [{"type": "null"}, {"type": "string", "minLength": 1}]}, "text"),
        ({"type": "integer", "anyOf": [{"type": "string"}, {"minimum": 5}]}, 5),
        ({"required": ["a"], "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
          "dependentRequired": {"a": ["b"]}}, {"a": 1, "b": 1}),
    ],
)  # fmt: skip
def test_small_schemas(schema: dict[str, Any], expected: Any) -> None:
    assert valid(schema) == expected


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"binary", "byte"}))
def test_every_format_is_one(name: str) -> None:
    assert valid({"type": "string", "format": name}) == FORMATS[name]


@pytest.mark.parametrize(
    "pattern",
    [
        "^[A-Za-z0-9][A-Za-z0-9._:/-]*$", r"^\d{3}-\d{2}-\d{4}$", "^(cat|dog)s?$", "[^a-z]+",
        r"^\+?[1-9]\d{1,14}$", "^#[0-9a-fA-F]{6}$", "a|b", r"^\w+@\w+\.\w{2,}$", "^.{5}$",
        r"^(?:[01]\d|2[0-3]):[0-5]\d$", r"^\/[a-z]+$", "^[a-z]+(-[a-z]+)*$", r"^x{2,}y{,3}$",
        r"^[\w.-]+$", "^[]-]+$", r"^A\x42\u0043$", "^$", "", r"^(?P<year>\d{4})$", "^a+?b*?$",
    ],
)  # fmt: skip
def test_patterns_have_a_text(pattern: str) -> None:
    valid({"type": "string", "pattern": pattern})


@pytest.mark.parametrize(("shortest", "longest"), [(0, 1), (8, 8), (12, 20)])
def test_a_pattern_and_a_length(shortest: int, longest: int) -> None:
    schema = {"type": "string", "pattern": "^[a-f]+$", "minLength": shortest, "maxLength": longest}
    assert set(valid(schema)) <= set("abcdef")


@pytest.mark.parametrize("pattern", ["(?=a)b", r"(a)\1", r"\p{L}+", "(", "[z-a]", "a{99999}"])
def test_a_pattern_that_is_not_known_is_said(pattern: str) -> None:
    assert matching(pattern) is None
    root = {"openapi": "3.1.0", "x": {"type": "string", "pattern": pattern}}
    examples = Examples(Document.read(json.dumps(root), "shop.json"))
    assert examples.of(root["x"], "#/x") == "text"
    assert examples.notes == [f"#/x: no text was found for the pattern {pattern!r}"]


# -- references and circles -----------------------------------------------------------------------


def test_a_circle_ends_where_a_part_may_be_missing() -> None:
    ref = {"$ref": "#/components/schemas/Node"}
    assert valid(ref, Node=NODE) == {"name": "text", "children": []}


def test_a_circle_ends_at_null() -> None:
    link = {
        "type": "object",
        "required": ["next"],
        "properties": {
            "next": {"anyOf": [{"$ref": "#/components/schemas/Link"}, {"type": "null"}]}
        },
    }
    assert valid({"$ref": "#/components/schemas/Link"}, Link=link) == {"next": None}


def test_a_circle_through_a_choice_takes_the_other_one() -> None:
    expression = {
        "oneOf": [
            {"type": "object", "required": ["of"], "additionalProperties": False,
             "properties": {"of": {"$ref": "#/components/schemas/Expression"}}},
            {"type": "integer"},
        ]
    }  # fmt: skip
    found = valid({"$ref": "#/components/schemas/Expression"}, Expression=expression)
    assert found == 1


@pytest.mark.parametrize(
    ("schemas", "told"),
    [
        ({"A": {"type": "object", "required": ["a"],
                "properties": {"a": {"$ref": "#/components/schemas/A"}}}},
         "shop.json #/components/schemas/A/properties/a: no finite example: refers to itself"),
        ({"A": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/B"}},
          "B": {"oneOf": [{"$ref": "#/components/schemas/A"}]}},
         "#/components/schemas/A → #/components/schemas/B → #/components/schemas/A"),
        ({"A": {"$ref": "#/components/schemas/B"}, "B": {"$ref": "#/components/schemas/A"}},
         "refers to itself without end"),
        ({"A": {"allOf": [{"$ref": "#/components/schemas/A"}]}}, "refers to itself without end"),
    ],
)  # fmt: skip
def test_a_circle_without_an_end_is_an_error(schemas: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as error:
        example({"$ref": "#/components/schemas/A"}, **schemas)
    assert told in str(error.value)
    assert "Make a part of the circle optional" in str(error.value)


def test_the_same_part_twice_is_no_circle() -> None:
    base = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}
    one = {"allOf": [{"$ref": "#/components/schemas/Base"}, {"required": ["x"]}]}
    both = {"allOf": [{"$ref": "#/components/schemas/One"}, {"$ref": "#/components/schemas/Base"}]}
    assert valid({"$ref": "#/components/schemas/Both"}, Base=base, One=one, Both=both) == {
        "id": 1,
        "x": "text",
    }


def test_a_discriminator_names_what_was_chosen() -> None:
    cat = {"type": "object", "required": ["kind", "lives"],
           "properties": {"kind": {"type": "string"}, "lives": {"type": "integer"}}}  # fmt: skip
    choice = {
        "oneOf": [{"$ref": "#/components/schemas/Cat"}],
        "discriminator": {
            "propertyName": "kind",
            "mapping": {"feline": "#/components/schemas/Cat"},
        },
    }
    assert example(choice, Cat=cat) == {"kind": "feline", "lives": 1}
    del choice["discriminator"]["mapping"]  # type: ignore[attr-defined]
    assert example(choice, Cat=cat) == {"kind": "Cat", "lives": 1}


def test_an_heir_is_known_by_its_name() -> None:
    pet = {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}},
           "discriminator": {"propertyName": "kind"}}  # fmt: skip
    dog = {"allOf": [{"$ref": "#/components/schemas/Pet"}, {"required": ["bark"]}]}
    found = example({"$ref": "#/components/schemas/Dog"}, Pet=pet, Dog=dog)
    assert found == {"kind": "Dog", "bark": "text"}


def test_the_example_of_a_part_is_not_one_of_the_whole() -> None:
    pet = {"type": "object", "required": ["name"], "example": {"name": "Rex"},
           "properties": {"name": {"type": "string"}}}  # fmt: skip
    dog = {"allOf": [{"$ref": "#/components/schemas/Pet"},
                     {"properties": {"bark": {"const": 1}}, "required": ["bark"]}]}  # fmt: skip
    assert example({"$ref": "#/components/schemas/Pet"}, Pet=pet) == {"name": "Rex"}
    assert example(dog, Pet=pet) == {"name": "text", "bark": 1}


def test_beside_a_reference_counts_from_3_1_on() -> None:
    schema = {"$ref": "#/components/schemas/A", "minimum": 5}
    assert example(schema, "3.0.3", A={"type": "integer"}) == 1
    assert example(schema, "3.1.0", A={"type": "integer"}) == 5


def test_a_text_is_not_longer_than_its_format_would_be() -> None:
    assert example({"type": "string", "format": "email", "maxLength": 3}) == "tex"


def test_what_3_0_has_of_its_own() -> None:
    assert example({"type": "integer", "minimum": 1, "exclusiveMinimum": True}, "3.0.3") == 2
    assert example({"type": "string", "nullable": True, "enum": ["a", None]}, "3.0.3") == "a"
    node = {"type": "object", "required": ["next"],
            "properties": {"next": {"nullable": True, "allOf": [{"$ref": "#/components/schemas/N"}],
                                    "type": "object"}}}  # fmt: skip
    Draft4Validator({"type": "object"}).validate(
        example({"$ref": "#/components/schemas/M"}, "3.0.3", M={**node, "required": []}, N=node)
    )


def test_what_only_answers_hold_is_not_sent_and_a_password_is_no_example() -> None:
    schema = {
        "type": "object",
        "required": ["id", "name", "password"],
        "properties": {
            "id": {"type": "integer", "readOnly": True},
            "name": {"type": "string"},
            "password": {"type": "string", "format": "password", "example": "hunter2"},
        },
    }
    assert example(schema) == {"name": "text", "password": Secret("PASSWORD")}


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "integer", "minimum": 5, "maximum": 4}, "no number is within its bounds"),
        ({"type": "string", "minLength": 5, "maxLength": 4}, "shortest text is longer"),
        ({"enum": []}, "it has no values"),
        (False, "nothing is valid here"),
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "contradict each other"),
        ({"type": "array", "minItems": 5000}, "needs 5,000 items"),
        ({"type": "string", "minLength": 10**9}, "needs 1,000,000,000 characters"),
        ({"type": "array", "minItems": 3, "uniqueItems": True, "items": {"type": "boolean"}},
         "no 3 different items"),
        ({"type": "object", "minProperties": 1, "additionalProperties": False},
         "fewer than 1 properties"),
        ({"type": "object", "properties": {"a": False}, "required": ["a"]}, "properties/a"),
        ({"type": "thing"}, "type 'thing' is not known"),
        ({"$ref": "#/components/schemas/None"}, "leads to nothing"),
        ({"$ref": "other.yaml#/A"}, "leads out of the document"),
        ({"$ref": "#anchor"}, "names an anchor"),
        ({"allOf": {"type": "string"}}, "a list is expected, found a mapping"),
        ({"allOf": ["string"]}, "a schema is expected, found a text"),
        ({"type": "integer", "minimum": "much"}, "not a valid schema"),
        ({"type": "object", "properties": ["a"]}, "not a valid schema"),
        ({"type": "number", "multipleOf": {}}, ""),
        (17, "a schema is expected, found a number"),
    ],
)  # fmt: skip
def test_what_has_no_example_is_an_error_that_names_the_place(schema: Any, told: str) -> None:
    if told:
        with pytest.raises(UsageError) as error:
            example(schema)
        assert told in str(error.value)
        assert "shop.json #/" in str(error.value)
    else:
        example(schema)


def test_an_example_that_would_be_huge_is_an_error() -> None:
    """Each level refers twice to the next: two to the power of forty parts."""
    levels: Any = {
        f"L{n}": {"type": "object", "required": ["a", "b"], "properties": {
            name: {"$ref": f"#/components/schemas/L{n + 1}"} for name in "ab"}}
        for n in range(40)
    }  # fmt: skip
    with pytest.raises(UsageError, match="more than 20,000 parts"):
        example({"$ref": "#/components/schemas/L0"}, **levels, L40={"type": "integer"})


# -- any schema -----------------------------------------------------------------------------------

_names = st.sampled_from(["a", "b", "c"])
_leaves = st.one_of(
    st.builds(
        lambda least, more, step: {"type": "integer", "minimum": least, "maximum": least + more,
                                   **({"multipleOf": step} if step <= more else {})},
        st.integers(-50, 50), st.integers(0, 50), st.integers(1, 9),
    ),
    st.builds(
        lambda least, more: {"type": "string", "minLength": least, "maxLength": least + more},
        st.integers(0, 9), st.integers(0, 9),
    ),
    st.builds(lambda name: {"type": "string", "format": name},
              st.sampled_from(["date", "uuid", "email", "ipv4"])),
    st.builds(lambda values: {"enum": values}, st.lists(st.integers(0, 3), min_size=1)),
    st.just({"type": "boolean"}),
    st.just({"type": ["null", "number"]}),
    st.builds(lambda name: {"$ref": f"#/components/schemas/{name}"}, st.sampled_from("XY")),
)  # fmt: skip


def _compound(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        st.builds(
            lambda properties, required: {"type": "object", "properties": properties,
                                          "required": sorted(required & properties.keys())},
            st.dictionaries(_names, inner, max_size=3), st.sets(_names),
        ),
        st.builds(
            lambda items, least: {"type": "array", "items": items, "minItems": least},
            inner, st.integers(0, 3),
        ),
        st.builds(lambda members: {"anyOf": members}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda member: {"allOf": [member]}, inner),
    )  # fmt: skip


_schemas = st.recursive(_leaves, _compound, max_leaves=8)


@settings(max_examples=150, deadline=None)
@given(_schemas, _schemas, _schemas)
def test_an_example_is_valid_or_there_is_none(
    root: dict[str, Any], x: dict[str, Any], y: dict[str, Any]
) -> None:
    schemas: Any = {"X": x, "Y": y}
    try:
        value = example(root, **schemas)
    except UsageError as error:
        assert "refers to itself without end" in str(error)
        return
    whole = {"components": {"schemas": schemas}, "allOf": [root]}
    assert example(root, **schemas) == value
    try:
        Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(
            value
        )
    except RecursionError:
        assume(False)  # the validator tries every member of a choice, the endless ones too
