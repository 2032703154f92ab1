import numpy as np
import pytest

from sknemg.datasets import ReadError, read_recording

RATE_UNIT = {"sfreq": 10_000, "unit": "uV"}


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("1.5\n-2\n3e1\n", {}),
        ("signal\n1.5\n-2\n3e1\n\n\n", {}),
        ('"time","EMG 1"\n0,1.5\n1,-2\n2,30\n', {"channel": "EMG 1"}),
        ("0 1.5\n1   -2\n2\t30\n", {"channel": 1, "delimiter": " "}),
        ("t;s\n0,0;1,5\n0,1;-2,0\n0,2;30,0\n", {"channel": 1, "delimiter": ";", "decimal": ","}),
        ("Device X\nGain 5\ns\n1.5\n-2\n30\n", {"skip_lines": 2}),
        ("\ufeff1.5\r\n-2\r\n30\r\n", {}),
        ("s,,\n1.5,,\n-2,,\n30,,\n", {}),
        ("1.5,\n-2,\n30,\n", {}),
    ],
)
def test_text_dialects(tmp_path, text, options):
    (tmp_path / "a.txt").write_text(text, encoding="utf-8", newline="")
    signal = read_recording(tmp_path / "a.txt", **RATE_UNIT, **options).signal
    np.testing.assert_allclose(signal, [1.5e-3, -2e-3, 30e-3], rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("1\n2\nx3\n4\n\n5\n", {}, r"no number in lines 3, 5 \(the first reads 'x3'"),
        ("s\n1\n2\n-0.0383+0.0350\n", {}, "no number in line 4"),
        ("0;1,5\n1;2,5\n", {"delimiter": ";", "channel": 1}, r"lines 1, 2 .*'1,5'.*decimal sign"),
        ("1.234,5\n2\n", {"delimiter": ";", "decimal": ","}, "line 1"),
        ("1,2\n3,4,5\n", {"channel": 0}, "lines differ in their number of columns"),
        ("t,s\n1,2,3\n4,5,6\n", {"channel": 0}, "lines differ in their number of columns"),
        ("1\nnan\n3\n", {}, "line 2"),
        ("", {}, "no samples"),
        ("signal\n", {}, "no samples"),
        ("t,s\n1,2\n", {}, r"2 channels \('t', 's'\)"),
        ("0;1,5\n1;2,5\n", {"channel": 1}, r"by ';'.*give delimiter=';', decimal=','"),
        ("t;s\n0;1.5\n1;2.5\n", {"channel": 1}, r"by ';', .* is ',': give delimiter=';'$"),
        ("0\t1\n1\t2\n", {"channel": 1}, r"by '\\t'"),
    ],
)
def test_text_that_does_not_fit(tmp_path, text, options, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ReadError, match=message):
        read_recording(tmp_path / "a.csv", **RATE_UNIT, **options)


# -- real files --------------------------------------------------------------------------------


def test_real_text_file_with_broken_lines(data_dir):
    with pytest.raises(ReadError, match="no number in lines 639, 41464"):
        read_recording(
            data_dir / "emgdb" / "emg_healthy.txt", sfreq=4000, unit="mV", channel=1, delimiter=" "
        )
