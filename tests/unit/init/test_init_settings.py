"""loadkit.toml as it is written, read by the one that reads it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadkit.analyse.roles import guess
from loadkit.collect.exposition import read_exposition
from loadkit.config import load_config
from loadkit.errors import LoadkitError, UsageError
from loadkit.init.places import place
from loadkit.init.settings import Found, string, text
from loadkit.init.write import refuse_existing, write

SHOP = """# TYPE shop_orders_handled_total counter
shop_orders_handled_total{result="ok"} 3
shop_orders_handled_total{result="failed"} 1
# TYPE shop_handle_seconds histogram
shop_handle_seconds_bucket{le="0.1"} 3
shop_handle_seconds_bucket{le="+Inf"} 4
shop_handle_seconds_count 4
shop_handle_seconds_sum 0.3
# TYPE shop_queue_depth gauge
shop_queue_depth 2
# TYPE shop_queue_capacity gauge
shop_queue_capacity 20
"""


def everything() -> Found:
    exposition = read_exposition(SHOP)
    return Found(
        url="http://127.0.0.1:8000",
        exposition="http://127.0.0.1:8000/metrics",
        guess=guess(exposition.infos, exposition.series),
        port=8000,
        process='python shop.py --name "x"\n[run]',
        name='shop"\n',
        python=True,
    )


def test_what_was_found_is_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "loadkit.toml").write_text(text(everything()), encoding="utf-8")
    config = load_config(tmp_path, {})
    assert config.service.url == "http://127.0.0.1:8000"
    assert config.run.stack == "external"
    assert config.metrics.urls == ("http://127.0.0.1:8000/metrics",)
    assert config.metrics.interval == 1.0
    assert config.targets.allow == ()
    assert config.signals.rate is None
    (process,) = config.processes
    assert (process.port, process.profile, process.pid) == (8000, True, None)
    assert process.name.strip() == 'shop"'


def test_the_guess_is_there_to_be_taken_up(tmp_path: Path) -> None:
    """With the # taken away from [signals] the file says what was guessed."""
    lines = text(everything()).splitlines()
    at = lines.index("# [signals]")
    taken = [line.removeprefix("# ") for line in lines[at : at + 5]]
    (tmp_path / "loadkit.toml").write_text("\n".join([*lines[:at], *taken, *lines[at + 5 :]]))
    signals = load_config(tmp_path, {}).signals
    assert signals.rate == "shop_orders_handled_total"
    assert signals.errors is not None
    assert signals.errors.startswith("shop_orders_handled_total{result=")
    assert signals.duration == "shop_handle_seconds"
    assert signals.saturation == ("shop_queue_depth / shop_queue_capacity",)


@pytest.mark.parametrize(
    "found",
    [
        Found("http://127.0.0.1:8000"),
        everything(),
        Found("https://shop.example", target="shop.example", named=False),
    ],
)
def test_every_comment_that_is_a_setting_is_one(tmp_path: Path, found: Found) -> None:
    """Comments that look like a section or a key: with the # taken away the file is read."""
    lines = []
    for line in text(found).splitlines():
        bare = line.removeprefix("# ")
        keyed = bare.partition(" = ")[0].isidentifier() and " = " in bare
        lines.append(bare if bare.startswith("[") or keyed else line)
    known = set()
    kept = []
    for line in lines:  # a key that is there twice was a comment beside its like
        section = line if line.startswith("[") else None
        if section and section in known and not section.startswith("[["):
            continue
        known.add(section)
        kept.append(line)
    (tmp_path / "loadkit.toml").write_text("\n".join(kept), encoding="utf-8")
    config = load_config(tmp_path, {})
    assert config.run.max_rate == 500
    assert config.abort.errors == "50 % for 10 s"
    assert config.prometheus.jobs == ("shop",)


def test_a_target_elsewhere_is_allowed_only_if_it_was_named(tmp_path: Path) -> None:
    for named, allowed in ((True, ("shop.example",)), (False, ())):
        found = Found("https://shop.example", target="shop.example", named=named)
        (tmp_path / "loadkit.toml").write_text(text(found), encoding="utf-8")
        assert load_config(tmp_path, {}).targets.allow == allowed
    assert load_config(tmp_path, {}).run.stack == "none"


@settings(max_examples=200, deadline=None)
@given(st.text() | st.sampled_from(['"', "\\", "\n", '"""', "\x7f", "\u2028"]))
def test_a_string_is_itself(value: str) -> None:
    written = f"a = {string(value)}"
    assert "\n" not in written
    assert tomllib.loads(written) == {"a": value.encode("utf-8", "replace").decode()} or any(
        0xD800 <= ord(c) <= 0xDFFF for c in value
    )


# -- addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "origin", "port", "path", "local"),
    [
        ("127.0.0.1:8000", "http://127.0.0.1:8000", 8000, "", True),
        ("http://localhost/a/", "http://localhost", 80, "/a", True),
        ("https://Shop.example/a b?x=1", "https://shop.example", 443, "/a%20b", False),
        ("http://[::1]:81", "http://[::1]:81", 81, "", True),
    ],
)
def test_an_address_is_taken_apart(
    url: str, origin: str, port: int, path: str, local: bool
) -> None:
    found = place(url)
    assert (found.origin, found.port, found.path, found.local) == (origin, port, path, local)


@pytest.mark.parametrize(
    "url", ["", "ftp://x", "http://", "http://a:b:c", "http://x:99999", "http://a b", "file:///x"]
)
def test_what_is_no_address_is_an_error(url: str) -> None:
    with pytest.raises(UsageError, match="is not a URL"):
        place(url)


def test_credentials_in_an_address_are_refused_and_not_shown() -> None:
    with pytest.raises(UsageError) as error:
        place("http://me:hunter2@shop.example")
    assert "leave credentials out" in str(error.value)
    assert "hunter2" not in str(error.value)


# -- files ----------------------------------------------------------------------------------------


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "first.py"
    write(path, "one", force=False)
    with pytest.raises(UsageError, match="exists and is left as it is"):
        refuse_existing(path, force=False)
    with pytest.raises(UsageError, match="exists and is left as it is"):
        write(path, "two", force=False)
    assert path.read_text() == "one"
    write(path, "two", force=True)
    assert path.read_text() == "two"
    assert [one.name for one in path.parent.iterdir()] == ["first.py"]


def test_a_folder_or_a_link_to_nowhere_is_not_written_over(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        refuse_existing(tmp_path, force=True)
    link = tmp_path / "link.py"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="exists"):
        write(link, "x", force=False)
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LoadkitError, match="cannot be written"):
        write(tmp_path / "file" / "first.py", "x", force=False)
