"""The contract of engines as it is shipped, with every engine.

The other files of this folder have what is finer than the contract: the exact kind of every error,
the reading of malformed responses, the kernel's clock.
"""

from types import MappingProxyType

import pytest
from support.engines import PROXIES, build

from crawler.engines.base import Engine, EngineOptions
from crawler.engines.names import AUTO, ENGINES
from crawler.engines.registry import capabilities_of
from crawler.testing.contract import EngineContract

MARKS = MappingProxyType(
    {
        "test_a_bad_certificate_is_refused": pytest.mark.promise("P10"),
        "test_a_body_without_length_needs_a_proper_end": pytest.mark.promise("P14"),
        "test_a_body_is_not_read_while_there_is_no_room": pytest.mark.promise("P60"),
        "test_a_fresh_request_uses_a_new_connection": pytest.mark.promise("P19", "P75"),
        "test_a_direct_request_uses_no_tunnel": pytest.mark.promise("P04"),
        "test_a_false_content_length_costs_no_memory": pytest.mark.promise("P14"),
        "test_a_header_with_a_control_character_is_refused": pytest.mark.promise("P17"),
        "test_a_held_fetch_can_be_cancelled": pytest.mark.promise("P60"),
        "test_a_limit_is_for_one_request_only": pytest.mark.promise("P80"),
        "test_a_lost_body_is_not_sent_again": pytest.mark.promise("P75"),
        "test_a_lost_request_is_not_sent_again": pytest.mark.promise("P19"),
        "test_a_refused_connection_is_a_failure": pytest.mark.promise("P19"),
        "test_a_refused_connection_was_not_made": pytest.mark.promise("P80"),
        "test_a_refused_socks_login_is_not_shown": pytest.mark.promise("P04"),
        "test_a_refused_tunnel_does_not_show_the_login": pytest.mark.promise("P04"),
        "test_a_request_lost_with_a_kept_connection_is_not_sent_again": pytest.mark.promise("P75"),
        "test_a_slow_server_delays_no_other": pytest.mark.promise("P20"),
        "test_a_url_with_a_control_character_is_refused": pytest.mark.promise("P17"),
        "test_an_engine_that_holds_a_body_can_be_closed": pytest.mark.promise("P60"),
        "test_a_wanted_client_certificate_is_a_failure": pytest.mark.promise("P98"),
        "test_an_endless_head_is_a_failure": pytest.mark.promise("P15"),
        "test_an_https_proxy_is_verified_by_name": pytest.mark.promise("P10"),
        "test_an_incomplete_response_is_a_failure": pytest.mark.promise("P14", "P18", "P19"),
        "test_an_unreachable_proxy_is_a_failure": pytest.mark.promise("P04"),
        "test_anything_but_http_is_a_failure": pytest.mark.promise("P18"),
        "test_bytes_after_a_response_answer_no_other_request": pytest.mark.promise("P16"),
        "test_connections_to_more_hosts_than_slots_are_kept": pytest.mark.promise("P78"),
        "test_connecting_is_limited": pytest.mark.promise("P80"),
        "test_a_session_is_used_for_its_host_only": pytest.mark.promise("P09", "P107"),
        "test_resumption_is_not_claimed_wrongly": pytest.mark.promise("P107"),
        "test_cookies_are_not_kept": pytest.mark.promise("P04"),
        "test_endless_framing_costs_no_memory": pytest.mark.promise("P15"),
        "test_headers_do_not_carry_over": pytest.mark.promise("P04"),
        "test_only_connecting_is_limited": pytest.mark.promise("P80"),
        "test_only_the_proxy_receives_its_login": pytest.mark.promise("P04"),
        "test_open_connections_are_limited": pytest.mark.promise("P65"),
        "test_plain_http_is_not_tried_instead_of_https": pytest.mark.promise("P10"),
        "test_proxies_do_not_carry_over": pytest.mark.promise("P04"),
        "test_the_deadline_holds_after_a_hold": pytest.mark.promise("P60"),
        "test_the_deadline_holds_during_the_response": pytest.mark.promise("P20"),
        "test_the_deadline_holds_while_bytes_arrive": pytest.mark.promise("P15", "P20"),
        "test_the_deadline_holds_while_connecting": pytest.mark.promise("P20"),
        "test_the_host_is_verified_through_a_tunnel": pytest.mark.promise("P09"),
        "test_unverified_connections_are_kept_apart": pytest.mark.promise("P09"),
        "test_verification_is_off_for_one_host_only": pytest.mark.promise("P09"),
        "test_verification_is_off_for_one_request_only": pytest.mark.promise("P09"),
    }
)
for test, mark in MARKS.items():
    mark(getattr(EngineContract, test))

NEEDS_TWO_SLOTS = "test_a_slow_server_delays_no_other"
NEED_A_PROXY = {
    "test_a_trusted_https_proxy_is_used": "https",
    "test_an_https_proxy_is_verified_by_name": "https",
    "test_a_refused_socks_login_is_not_shown": "socks5",
}


def contract(name: str) -> type[EngineContract]:
    """The contract for the engine ``name``, without the tests that it would skip.

    conftest.py deselects those that it would skip for their parameter ``kind``.
    """

    def make_engine(_: EngineContract, options: EngineOptions) -> Engine:
        return build(name, options)

    absent = [test for test, kind in NEED_A_PROXY.items() if kind not in PROXIES[name]]
    if capabilities_of(name).max_concurrency == 1:
        absent.append(NEEDS_TWO_SLOTS)
    if name == AUTO:  # makes one choice, for one crawl; it is never given as an object
        absent.append("test_a_closed_engine_can_be_entered_again")
    members = dict.fromkeys(absent) | {"engine_name": name, "make_engine": make_engine}
    return type(f"Test{name.title()}", (EngineContract,), members)


globals().update({f"Test{name.title()}": contract(name) for name in (*ENGINES, AUTO)})
