import base64
import io
import json
import logging
import random
import re
import string
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from syncer.observe.log import set_up
from syncer.observe.redact import clean, masked


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_holds_time_level_event_tenant_and_keys(stream: io.StringIO):
    set_up(tenant="team-a", stream=stream)
    structlog.get_logger().info("object_created", translator="pods", key="pods shop/web", took=0.25)
    (line,) = lines(stream)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(line.pop("ts")))
    assert list(line.items())[:3] == [("level", "info"), ("event", "object_created"), ("tenant", "team-a")]
    assert (line["translator"], line["key"], line["took"]) == ("pods", "pods shop/web", 0.25)


def test_lines_below_the_level_are_not_written(stream: io.StringIO):
    set_up(level="warning", stream=stream)
    structlog.get_logger().info("object_created")
    structlog.get_logger().warning("watch_restarted")
    assert [line["event"] for line in lines(stream)] == ["watch_restarted"]


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("evil", ["a\nb", "\x1b[2J", "\r", "\x00", "\x7f", "\x9b31m", "\u202eabc", "\u2028", "\ud800"])
def test_control_characters_are_escaped(stream: io.StringIO, form: str, evil: str):
    set_up(format=form, stream=stream)  # type: ignore[arg-type]
    structlog.get_logger().info("object_created", key=f"pods {evil}", more=[evil, {evil: evil}])
    (line,) = stream.getvalue().splitlines()
    assert line.isprintable()


@given(st.text())
def test_cleaned_text_is_printable(text: str):
    assert clean(text).isprintable()


@pytest.mark.parametrize(
    "key", ["token", "data", "stringData", "string_data", "authorization", "bearer_token", "password", "kubeconfig", "clientKeyData", "Secret"]
)
def test_values_of_telling_keys_are_hidden(stream: io.StringIO, key: str):
    set_up(stream=stream)
    structlog.get_logger().info("object_created", **{key: "canary"}, more={key: "canary"})
    assert "canary" not in stream.getvalue()


@pytest.mark.parametrize(
    "value",
    [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "type": "canary"},
        [{"metadata": {"annotations": {"a": "canary"}}}],
        {"a": {"b": {"c": {"d": {"e": "canary"}}}}},
        b"canary",
    ],
)
def test_object_bodies_and_bytes_are_never_written(stream: io.StringIO, value: object):
    set_up(stream=stream)
    structlog.get_logger().info("object_created", what=value)
    assert "canary" not in stream.getvalue()


def test_what_looks_like_a_secret_is_hidden_wherever_it_stands():
    rng = random.Random(1)
    key = base64.b64encode(rng.randbytes(48)).decode()
    jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJl"
    pem = f"-----BEGIN RSA PRIVATE KEY-----\n{key}\n-----END RSA PRIVATE KEY-----"
    for secret in (key, jwt, pem, f"Bearer {''.join(rng.choices(string.ascii_letters, k=20))}"):
        assert secret.split()[-1] not in masked(f"could not read {secret} there")


@pytest.mark.parametrize(
    "text",
    [
        "pods shop/a-very-long-name-of-a-deployment-7d9f8b6c5d-x2x4z",
        "uid 6a4f6c0e-3f2b-4c1d-9e8f-0a1b2c3d4e5f",
        "image registry.example.com/a/b@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "/usr/lib/python3.11/site-packages/Something/OTHER/THING2/module_of_some_length.py:12",
    ],
)
def test_names_and_places_are_left_alone(text: str):
    assert masked(text) == text


def test_an_exception_is_shown_by_type_message_and_places_and_no_values(stream: io.StringIO):
    set_up(stream=stream)
    canary = "x9" * 40
    try:
        try:
            int(canary)
        except ValueError as error:
            raise RuntimeError("could not read it") from error
    except RuntimeError as error:
        structlog.get_logger().error("task_crashed", exc_info=error)
    (line,) = lines(stream)
    assert line["error"] == "RuntimeError: could not read it"
    assert "test_observe_log.py" in str(line["stack"])
    assert "ValueError led to RuntimeError" in str(line["stack"])
    assert canary not in stream.getvalue()


def test_a_long_quotation_in_a_message_is_hidden(stream: io.StringIO):
    set_up(stream=stream)
    canary = "x9" * 40
    try:
        int(canary)
    except ValueError as error:
        structlog.get_logger().error("task_crashed", exc_info=error)
    assert canary not in stream.getvalue()
    assert "ValueError: invalid literal" in stream.getvalue()


def test_libraries_are_heard_from_warning_on_only(stream: io.StringIO):
    set_up(level="debug", tenant="team-a", stream=stream)
    for name in ("kubernetes_asyncio.client.rest", "aiohttp.client", "asyncio", "something"):
        logging.getLogger(name).debug("response body: canary")
        logging.getLogger(name).info("canary")
        logging.getLogger(name).warning("it %s\x1b", "creaks")
    found = lines(stream)
    assert "canary" not in stream.getvalue()
    assert [(line["event"], line["level"], line["message"], line["tenant"]) for line in found] == [
        ("library_warned", "warning", "it creaks\\x1b", "team-a")
    ] * 4


def test_a_stream_that_cannot_be_written_stops_nobody():
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    set_up(stream=Full())
    structlog.get_logger().info("object_created")


def test_setting_up_twice_does_not_double_lines(stream: io.StringIO):
    set_up(stream=stream)
    set_up(stream=stream)
    logging.getLogger("something").warning("once")
    assert len(lines(stream)) == 1
