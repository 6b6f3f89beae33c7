"""Who switches the event source mapping off and on, against moto's Lambda."""

from __future__ import annotations

from typing import Any

import pytest

from collectors.lambda_function.event_source_mapping import TAG, EventSourceMapping, MappingProblem


@pytest.fixture
def function(account):
    return account.new_function()


@pytest.fixture
def client(account):
    return account.client("lambda")


class Interfering:
    """The client, with something that another run does right before a call."""

    def __init__(self, client: Any, call: str, act: Any) -> None:
        self._client, self._call, self._act = client, call, act

    def __getattr__(self, name: str) -> Any:
        if name == self._call and self._act:
            act, self._act = self._act, None
            act()
        return getattr(self._client, name)


def test_it_is_switched_off_and_on_again(client, function):
    mapping = EventSourceMapping(client, function)
    assert mapping.disable("aws-waf-2026.11.21") is True
    state = mapping.find()
    assert state.is_disabled
    assert mapping.index_to_try(state) == "aws-waf-2026.11.21"
    mapping.enable(state)
    state = mapping.find()
    assert not state.is_disabled
    assert mapping.index_to_try(state) == ""


def test_ten_runs_that_meet_the_same_outage_switch_it_off_once(client, function):
    assert [EventSourceMapping(client, function).disable("i") for _ in range(10)] == [True] * 10


def test_what_an_operator_switched_off_is_not_ours_to_switch_on(client, function):
    mapping = EventSourceMapping(client, function)
    client.update_event_source_mapping(UUID=mapping.find().uuid, Enabled=False)
    assert mapping.disable("i") is False
    assert mapping.index_to_try(mapping.find()) == ""


def test_switched_on_by_resume_while_the_loader_switches_it_off_it_is_found_again(client, function):
    # resume takes the tag off between the loader's tag and its disabling
    def untag() -> None:
        state = EventSourceMapping(client, function).find()
        client.untag_resource(Resource=state.arn, TagKeys=[TAG])

    EventSourceMapping(Interfering(client, "update_event_source_mapping", untag), function).disable("i")
    mapping = EventSourceMapping(client, function)
    assert mapping.find().is_disabled
    assert mapping.index_to_try(mapping.find()) == "i"


def test_switched_off_by_the_loader_while_resume_switches_it_on_it_is_found_again(client, function):
    mapping = EventSourceMapping(client, function)
    mapping.disable("i")
    state = mapping.find()
    again = Interfering(
        client, "untag_resource", lambda: client.update_event_source_mapping(UUID=state.uuid, Enabled=False)
    )
    EventSourceMapping(again, function).enable(state)
    assert mapping.find().is_disabled
    assert mapping.index_to_try(mapping.find()) == "i"


def test_resume_that_was_killed_after_enabling_takes_the_tag_off_the_next_time(client, function):
    mapping = EventSourceMapping(client, function)
    mapping.disable("i")
    client.update_event_source_mapping(UUID=mapping.find().uuid, Enabled=True)
    mapping.enable(mapping.find())
    assert mapping.index_to_try(mapping.find()) == ""
    assert not mapping.find().is_disabled


def test_of_several_mappings_one_must_be_named(account, client, function):
    second = account.new_mapping(function)
    with pytest.raises(
        MappingProblem, match="has 2 event source mappings of a queue.*AWS_SIEM_BRIDGE_EVENT_SOURCE_MAPP"
    ):
        EventSourceMapping(client, function).find()
    assert EventSourceMapping(client, function, second).find().uuid == second
    with pytest.raises(MappingProblem, match="has 0 event source mappings of a queue with UUID other"):
        EventSourceMapping(client, function, "other").find()


def test_a_refusal_of_aws_says_which_permissions_are_needed(account):
    client = account.client("lambda", "http://127.0.0.1:1")
    with pytest.raises(MappingProblem, match="needs lambda:ListEventSourceMappings"):
        EventSourceMapping(client, "loader").disable("i")
