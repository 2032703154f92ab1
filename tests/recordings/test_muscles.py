import numpy as np
import pandas as pd
import pytest

from sknemg.recordings import location_from_muscle
from sknemg.recordings.muscles import MUSCLES, named_muscle
from sknemg.simulate.anatomy import MUSCLES as SIMULATED


@pytest.mark.parametrize(
    ("names", "location"),
    [
        (["deltoid", "Biceps brachii", "triceps", "VL", "iliopsoas", "glut med", "RF"], "proximal"),
        (["APB", "FDI", "TA", "EDC", "tibialis anterior", "soleus", "brachioradialis"], "distal"),
        (["M. deltoideus", "Bizeps", "Großer Gesäßmuskel", "Quadrizeps"], "proximal"),
        (["Wadenmuskel", "M. interosseus dorsalis I", "Vorderer Schienbeinmuskel"], "distal"),
        (["biceps femoris (short head)", "Deltoideus pars clavicularis"], "proximal"),
        (["gastrocnemius caput mediale", "medial gastrocnemius"], "distal"),
        (["paraspinal L5", "Genioglossus", "masseter"], None),
    ],
)
def test_muscles_in_three_languages(names, location):
    assert location_from_muscle(names).tolist() == [location] * len(names)


def test_a_level_of_the_spine_or_a_letter_before_an_umlaut_is_no_side():
    assert named_muscle("L5 paraspinals") == ("paraspinal", "")
    assert named_muscle("L5 paraspinals, R") == ("paraspinal", "right")
    assert named_muscle("Rückenstrecker_li.")[1] == "left"


def test_a_name_that_means_several_muscles_means_none_of_them():
    assert named_muscle("pl") == (None, "")
    for own, muscle in MUSCLES.items():
        assert all(named_muscle(name)[0] in (own, None) for name in (own, *muscle.names))
        assert named_muscle(own) == (own, "")


@pytest.mark.parametrize(
    "name",
    ["L TA", "ta l.", "TA (left)", "li. TA", "TA sin.", "right tibialis anterior", "TA_rechts"],
)
def test_sides_do_not_matter(name):
    assert location_from_muscle([name]).tolist() == ["distal"]


def test_every_name_of_the_table_is_known_and_no_word_of_a_side():
    names = [name for own, muscle in MUSCLES.items() for name in (own, *muscle.names)]
    expected = [muscle.location for muscle in MUSCLES.values() for _ in (0, *muscle.names)]
    assert location_from_muscle(names).tolist() == expected
    assert location_from_muscle([f"M. {name.upper()} links" for name in names]).tolist() == expected


def test_unknown_names_are_listed_and_not_guessed():
    names = ["GM", "TA", "left", "muscle 7", "GM", None, "", np.nan]
    message = r"'GM' \(rows 0, 4\), 'left' \(row 2\), 'muscle 7' \(row 3\): write the name in full"
    with pytest.raises(ValueError, match=message):
        location_from_muscle(names)
    with pytest.warns(UserWarning, match=message):
        found = location_from_muscle(names, unknown="missing")
    assert found.tolist() == [None, "distal", None, None, None, None, None, None]
    with pytest.raises(ValueError, match=r"unknown='guess' is unknown"):
        location_from_muscle(names, unknown="guess")


def test_a_column_of_a_table_and_what_is_no_text():
    column = pd.Series(["TA", None], index=[7, 9], dtype="str")
    assert location_from_muscle(column).tolist() == ["distal", None]
    with pytest.raises(ValueError, match=r"names, 7 \(row 1\)"):
        location_from_muscle(["TA", 7])


def test_the_simulator_takes_locations_from_the_same_table():
    assert {name: MUSCLES[name].location for name in SIMULATED} == {
        name: anatomy.location for name, anatomy in SIMULATED.items()
    }
    assert {anatomy.location for anatomy in SIMULATED.values()} == {"proximal", "distal"}
