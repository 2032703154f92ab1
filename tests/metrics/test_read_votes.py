"""The table of votes and its checks."""

import pandas as pd
import pytest

from sknemg.metrics import read_votes, vote_table


def votes(**columns):
    table = {"reader": list("AAB"), "subject": ["01", "02", "01"], "vote": list("mnm")}
    return pd.DataFrame(table | columns)


def test_names_stay_text_and_what_is_not_given_is_filled_in(tmp_path):
    votes(reader="NA").drop(index=2).to_csv(tmp_path / "votes.csv", index=False)
    table = read_votes(tmp_path / "votes.csv")
    assert table["subject"].tolist() == ["01", "02"]
    assert set(table["reader"]) == {"NA"}
    assert set(table["level"]) == {"subject"}
    assert set(table["arm"]) == {"blinded"}
    assert table["repeat"].tolist() == [0, 0]
    assert table["seconds"].isna().all()
    assert table.attrs["corrected"] == 0


def test_the_last_vote_counts_whatever_the_order_of_rows():
    table = votes(subject="01", time=["2026-01-01T11:00+01:00", "2026-01-01T09:00Z", ""])
    read = read_votes(table)
    assert read.set_index("reader")["vote"].to_dict() == {"A": "m", "B": "m"}
    assert read.attrs["corrected"] == 1
    same = read_votes(votes(subject="01", time="2026-01-01T00:00Z"))
    assert same.set_index("reader")["vote"].to_dict() == {"A": "n", "B": "m"}


def test_unread_cases_repeats_and_arms_are_kept_apart():
    first = votes(vote=["m", "cannot say", "n"])
    again = votes(repeat=1, vote="x")
    helped = votes(arm="assisted", vote="y")
    below = votes(recording=["r1", "r2", "r1"], vote="z")
    read = read_votes(pd.concat([first, again, helped, below]))
    assert len(read) == 12
    table = vote_table(read)
    assert table.loc["02", "A"] == "cannot say"
    assert pd.isna(table.loc["02", "B"])
    assert set(vote_table(read, repeat=1).stack().dropna()) == {"x"}
    assert set(vote_table(read, arm="assisted").stack().dropna()) == {"y"}
    assert vote_table(read, level="recording").index.names == ["subject", "recording"]
    with pytest.raises(ValueError, match="level='case' is unknown"):
        vote_table(read, level="case")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (votes().drop(columns="vote"), r"no columns \['vote'\], but \[.*\]: name columns"),
        (votes().iloc[:0], "no votes: give a table"),
        (votes(vote=["m", None, ""]), "vote is missing in rows 1, 2: fill it in"),
        (votes(level="segment"), r"level is \['segment'\] in rows 0, 1, 2: write"),
        (votes(level="recording"), "do not fit in rows 0, 1, 2: a vote for a recording names it"),
        (votes(seconds=[1, -1, "x"]), r"seconds is \['-1', 'x'\] in rows 1, 2: write numbers"),
        (votes(repeat=[0, 0.5, 1]), r"repeat is \['0.5'\] in row 1: write whole numbers"),
        (votes(time="yesterday"), r"time is \['yesterday'\] in rows 0, 1, 2: write it as"),
        (votes(subject="01"), "which is the last, in rows 0, 1: keep one"),
    ],
)
def test_what_is_wrong_is_named_with_its_rows(table, message):
    with pytest.raises(ValueError, match=message):
        read_votes(table)


def test_files_in_another_encoding_or_with_another_separator_are_named(tmp_path):
    file = tmp_path / "votes.csv"
    votes(reader="Dr Müller").to_csv(file, index=False, encoding="cp1252")
    with pytest.raises(ValueError, match=r"votes\.csv' are not in UTF-8 .* 0xfc .*: save them"):
        read_votes(file)
    votes().to_csv(file, index=False, encoding="utf-8-sig")
    assert len(read_votes(file)) == 3
    for sign, said in ((";", "';'"), ("\t", r"'\\t'")):
        votes().to_csv(file, index=False, sep=sign)
        with pytest.raises(ValueError, match=f"seem to be separated by {said}: save"):
            read_votes(file)
