"""The shipped contract catches engines that break it, in a project that has only pytest."""

import re
from collections import defaultdict
from pathlib import Path

import pytest
from support import broken_engines
from support.pytests import run_pytest

from crawler.testing.contract import EngineContract

WITHOUT_PLUGINS = {
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTHONPATH": str(Path(broken_engines.__file__).parents[1]),
    "COLUMNS": "500",  # so that the summary has whole messages
}
LATE = "the total deadline holds"
CAUGHT = {
    "FollowsRedirects": {
        "test_a_redirect_is_not_followed": "an engine does not follow redirects",
        "test_every_status_is_a_response": "nothing is followed",
    },
    "Retries": {
        "test_a_lost_body_is_not_sent_again": "one request, one response: a P",
        "test_a_lost_request_is_not_sent_again": "an engine does not try again",
        "test_a_request_lost_with_a_kept_connection_is_not_sent_again": "does not try again, the",
        "test_an_incomplete_response_is_a_failure": "is not requested again",
        "test_every_status_is_a_response": "or tried again after a 503",
    },
    "RepeatsPosts": {"test_a_lost_body_is_not_sent_again": "one request, one response: a P"},
    "SwallowsTruncation": {
        "test_a_body_without_length_needs_a_proper_end": "fails with reset or truncated, not: 200",
        "test_a_false_content_length_costs_no_memory": "protocol, not: 200",
        "test_a_short_body_is_not_cut": "fails with truncated, not: 200",
        "test_an_incomplete_response_is_a_failure": "fails with reset or truncated, not: 200",
    },
    "IgnoresDeadline": {
        "test_a_limit_is_for_one_request_only": LATE,
        "test_closing_leaves_nothing_open": LATE,
        "test_endless_framing_costs_no_memory": LATE,
        "test_every_failure_frees_its_slot": LATE,
        "test_the_deadline_holds_after_a_hold": LATE,
        "test_the_deadline_holds_during_the_response": LATE,
        "test_the_deadline_holds_while_a_body_is_sent": LATE,
        "test_the_deadline_holds_while_bytes_arrive": LATE,
        "test_the_deadline_holds_while_connecting": LATE,
    },
    "WaitsToConnect": {"test_connecting_is_limited": "request.connect_timeout limits how long"},
    "KeepsTooMuch": {
        "test_a_fresh_request_uses_a_new_connection": "fresh=True uses a new connection",
        "test_open_connections_are_limited": "options.connections limits how many",
    },
    "ClosesConnections": {
        "test_a_fresh_request_uses_a_new_connection": "only a request with fresh=True uses a new",
        "test_connections_are_reused_as_the_capabilities_say": "capabilities say keep_alive=True",
        "test_connections_to_more_hosts_than_slots_are_kept": "a kept connection is used again",
        "test_method_and_body_are_sent_as_given": "a connection is kept, whatever the method was",
        "test_the_answer_to_a_head_has_no_body": "a HEAD does not spoil the next fetch",
    },
    "KeepsCookies": {"test_cookies_are_not_kept": "an engine keeps no cookies"},
    "KeepsHeaders": {"test_headers_do_not_carry_over": "do not carry over to the next"},
    "DecodesGzip": {"test_the_content_encoding_is_not_decoded": "does not decode the Content-"},
    "LeaksSockets": {
        "test_a_closed_engine_can_be_entered_again": "closing an engine leaves nothing open",
        "test_closing_leaves_nothing_open": "closing an engine leaves nothing open",
    },
    "LosesSlots": {"test_cancelling_frees_every_slot": "every slot can send a request"},
    "ObeysEnvironment": {
        "test_environment_proxies_are_not_used": "does not take a proxy from the environment"
    },
    "NeverBegins": {"test_begun_is_called_during_the_response": "begun is called when"},
    "MixesSessions": {
        "test_a_session_is_used_for_its_host_only": "for its host, port and verification only",
        "test_resumption_is_not_claimed_wrongly": "only if the server has resumed a TLS session",
    },
    "NeverVerifies": {
        "test_a_bad_certificate_is_refused": "fails with tls",
        "test_the_host_is_verified_through_a_tunnel": "fails with tls",
        "test_a_session_is_used_for_its_host_only": "host, port and verification only",
        "test_unverified_connections_are_kept_apart": "uses no connection that was not verified",
        "test_verification_is_off_for_one_host_only": "fails with tls",
        "test_verification_is_off_for_one_request_only": "fails with tls",
    },
}
"""Engine → the tests that fail, and what their messages say."""
WAITING = ("IgnoresDeadline", "LosesSlots", "WaitsToConnect")
"""They would take minutes, so they get little grace."""
RIGHT = """
from support import broken_engines
from crawler.engines.curl import CurlEngine
from crawler.testing.contract import EngineContract

class TestRight(EngineContract):
    def make_engine(self, options): return CurlEngine(options)
"""
WRONG = """
class Test{name}(EngineContract):
    grace = {grace}
    def make_engine(self, options): return broken_engines.{name}(options)
"""
FAILED = re.compile(
    r"^(?:FAILED|ERROR) test_user\.py::Test(\w+)::(\w+)(?:\[.*?\])? - (.*)", re.MULTILINE
)


@pytest.mark.timeout(300)
def test_a_broken_engine_fails_what_it_breaks_and_nothing_else(tmp_path: Path) -> None:
    wrong = (WRONG.format(name=name, grace=0.5 if name in WAITING else 5.0) for name in CAUGHT)
    options = ("-pxdist.plugin", "-n2", "-rfE", "--tb=no")
    run = run_pytest(tmp_path, "".join((RIGHT, *wrong)), *options, **WITHOUT_PLUGINS)
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name, test, message in FAILED.findall(run.text):
        found[name][test].add(message)
    assert {name: {*tests} for name, tests in found.items()} == {
        name: {*tests} for name, tests in CAUGHT.items()
    }, run.text[-5000:]
    for name, tests in CAUGHT.items():
        for test, clause in tests.items():
            assert all(clause in message for message in found[name][test]), found[name][test]


def test_a_difference_is_skipped_with_its_reason(tmp_path: Path) -> None:
    run = run_pytest(
        tmp_path,
        """
from crawler.engines.curl import CurlEngine
from crawler.testing.contract import EngineContract

class TestMine(EngineContract):
    differences = {
        "test_netrc_is_not_read": "it reads it",
        "test_every_status_is_a_response[204]": "it needs a body",
    }
    def make_engine(self, options): return CurlEngine(options)
""",
        *("-k", "test_netrc or test_every_status"),
        **WITHOUT_PLUGINS,
    )
    verdicts = dict(run.verdicts)
    assert {name for name, verdict in verdicts.items() if verdict == "SKIPPED"} == {
        "TestMine::test_every_status_is_a_response[204]",
        "TestMine::test_netrc_is_not_read",
    }, run.text
    assert len(verdicts) == 10
    assert run.code == 0
    for reason in ("it reads it", "it needs a body"):
        assert re.search(rf"SKIPPED \[1\] \S+: {reason}", run.text), run.text


@pytest.mark.parametrize(
    ("name", "reason", "message"),
    [
        ("test_netrc", "it reads it", "there is no test 'test_netrc'"),
        ("test_netrc_is_not_read", "", "'test_netrc_is_not_read' needs a reason"),
    ],
)
def test_a_wrong_difference_is_refused(name: str, reason: str, message: str) -> None:
    with pytest.raises(TypeError, match=re.escape(f"Mine.differences: {message}")):
        type("Mine", (EngineContract,), {"differences": {name: reason}})


def test_an_engine_without_proxies_and_with_one_slot_is_not_asked_for_more(tmp_path: Path) -> None:
    run = run_pytest(
        tmp_path,
        """
from crawler.engines.sequential import SequentialEngine
from crawler.testing.contract import EngineContract

class TestMine(EngineContract):
    def make_engine(self, options): return SequentialEngine(options)
""",
        *("-k", "test_a_trusted_https_proxy or test_a_slow_server or test_fetches_run"),
        **WITHOUT_PLUGINS,
    )
    assert run.code == 0, run.text
    assert ("TestMine::test_fetches_run_at_the_same_time", "PASSED") in run.verdicts
    assert "its capabilities do not name a proxy of kind https" in run.text
    assert "its capabilities say max_concurrency=1" in run.text


def test_the_plugin_shows_the_values_of_a_failed_clause(tmp_path: Path) -> None:
    code = RIGHT + WRONG.format(name="FollowsRedirects", grace=5.0)
    environment = {"PYTHONPATH": WITHOUT_PLUGINS["PYTHONPATH"]}
    run = run_pytest(tmp_path, code, "-k", "test_a_redirect_is_not", **environment)
    assert "an engine does not follow redirects\n" in run.text
    assert "assert ['/', '/next'] == ['/']" in run.text, run.text
