"""Reading callgrind's profile."""

import pytest
from runner import instructions

PROFILE = """\
version: 1
creator: callgrind
events: Ir
fl=(1) forward.c
fn=(1) forward_all
10 100
cfn=(2) ixgbe_rx_batch
calls=4 20
11 900
cfn=(3) forwarder_give_up
calls=1 30
12 50

fn=(2)
20 200
cfn=(4) emu_bus_step
calls=4 40
21 700

fn=(4)
40 500
cfn=(5) ixgbe_model_step
calls=4 50
41 200

fn=(5)
50 200

fn=(3)
30 50
"""


def test_the_loop_without_the_model():
    assert instructions.per_packet(PROFILE, 10) == pytest.approx((100 + 900 + 50 - 700) / 10)


def test_a_profile_without_the_loop_or_the_step_is_refused():
    with pytest.raises(instructions.ProfileError, match="forward_all"):
        instructions.per_packet(PROFILE.replace("forward_all", "main"), 10)
    with pytest.raises(instructions.ProfileError, match="step"):
        instructions.per_packet(PROFILE.replace("emu_bus_step", "other"), 10)
