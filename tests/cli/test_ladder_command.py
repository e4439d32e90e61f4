"""`softphone ladder`: which calls are drawn, and where."""

import json

import pytest
from support.ladders import simple_call, write_capture

from softphone.cli import main
from softphone.cli.ladder import MAX_DRAWN


def calls(path, count):
    sent = [each for number in range(count) for each in simple_call(call_id=f"id{number}", at=10.0 * number)]
    return str(write_capture(path, *sent))


@pytest.fixture
def two(tmp_path):
    return calls(tmp_path / "two.pcap", 2)


def test_a_few_calls_are_drawn_one_below_the_other(two, capsys):
    assert main(["ladder", two]) == 0
    out, err = capsys.readouterr()
    assert out.count("Call-ID id") == 2
    assert err == ""


@pytest.mark.parametrize("call", ["2", "id1"])
def test_one_is_chosen_by_its_number_or_its_call_id(two, call, capsys):
    assert main(["ladder", two, "--call", call]) == 0
    assert capsys.readouterr().out.startswith("2. INVITE")


@pytest.mark.parametrize("call", ["0", "3", "nobody"])
def test_a_call_that_is_not_there_is_refused(two, call, capsys):
    assert main(["ladder", two, "--call", call]) == 2
    assert "--call must be 1 to 2" in capsys.readouterr().err


def test_of_many_calls_there_is_a_list(tmp_path, capsys):
    many = calls(tmp_path / "many.pcap", MAX_DRAWN + 1)
    assert main(["ladder", many]) == 0
    out = capsys.readouterr().out
    assert out.startswith(
        f"{MAX_DRAWN + 1} calls, the first at 2023-11-14 22:13:20.000 UTC; --call N draws one"
    )
    assert out.count("answered, 2.1 s") == MAX_DRAWN + 1
    assert main(["ladder", many, "--call", "all"]) == 0
    assert capsys.readouterr().out.count("Call-ID id") == MAX_DRAWN + 1
    assert main(["ladder", many, "--svg", str(tmp_path / "many.svg")]) == 2
    assert "give --call N" in capsys.readouterr().err
    assert main(["ladder", many, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["calls"]) == MAX_DRAWN + 1


def test_a_drawing_is_written_and_not_written_over(two, tmp_path, capsys):
    target = tmp_path / "two.svg"
    assert main(["ladder", two, "--svg", str(target)]) == 0
    assert capsys.readouterr().out == f"2 drawn into {target}\n"
    assert main(["ladder", two, "--svg", str(target)]) == 2
    assert main(["ladder", two, "--svg", str(target), "--force"]) == 0
    assert main(["ladder", two, "--svg", str(tmp_path / "two.png")]) == 2
    assert "must end in .svg" in capsys.readouterr().err


def test_json_is_one_object_with_every_step(two, capsys):
    assert main(["ladder", two, "--json", "--call", "1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["schema"], found["svg"], found["warnings"]) == (1, None, [])
    (call,) = found["calls"]
    assert call["hosts"] == ["192.0.2.1:5060", "192.0.2.2:5060"]
    assert call["steps"][1]["retransmission"] is True
    assert call["steps"][5]["rtp"]["loss_pct"] == 2.0


def test_what_is_no_trace_is_one_line_and_2(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("hello\n")
    assert main(["ladder", str(tmp_path / "notes.txt")]) == 2
    assert capsys.readouterr().err.startswith("softphone: ")
    assert main(["ladder"]) == 2
