"""Files built byte by byte, and read bit by bit: what the readers of WFDB and EDF are held to.

Nothing here is shared with the package: headers are written from their fields, samples are packed
and unpacked one by one with whole numbers.
"""

import re
import struct
from fractions import Fraction

# -- WFDB --------------------------------------------------------------------------------------

WIDTH = {8: 8, 16: 16, 24: 24, 32: 32, 61: 16, 80: 8, 160: 16, 212: 12, 310: 10, 311: 10}


def pack(fmt, values):
    """Store whole numbers (of format 8: differences) as the signal(5) page describes it."""
    values = [int(value) for value in values]
    if fmt in (8, 16, 32, 61):
        code = {8: "b", 16: "<h", 32: "<i", 61: ">h"}[fmt]
        return b"".join(struct.pack(code, value) for value in values)
    if fmt == 24:
        return b"".join(value.to_bytes(3, "little", signed=True) for value in values)
    if fmt in (80, 160):
        width = WIDTH[fmt]
        return b"".join((v + 2 ** (width - 1)).to_bytes(width // 8, "little") for v in values)
    out = bytearray()
    size = 2 if fmt == 212 else 3
    for at in range(0, len(values), size):
        some = [value % 2 ** WIDTH[fmt] for value in values[at : at + size]]
        n = len(some)
        some += [0] * (size - n)
        if fmt == 212:
            block = [some[0] % 256, some[0] // 256 + some[1] // 256 * 16, some[1] % 256][: n + 1]
            out += bytes(block)
        elif fmt == 310:
            left = 2 * some[0] + some[2] % 32 * 2**11
            right = 2 * some[1] + some[2] // 32 * 2**11
            out += struct.pack("<HH", left, right)[: 2 if n == 1 else 4]
        else:
            word = some[0] + some[1] * 2**10 + some[2] * 2**20
            out += struct.pack("<I", word)[: {1: 2, 2: 3, 3: 4}[n]]
    return bytes(out)


def unpack(fmt, body, n):
    """Read n samples, one at a time; None if the bytes do not reach."""
    if len(body) < -(-n * WIDTH[fmt] // 8):
        return None
    body += bytes(4)  # of the last block of a packed format, only what is used must be there
    values = []
    for at in range(n):
        if fmt in (8, 16, 24, 32):
            size = WIDTH[fmt] // 8
            values.append(int.from_bytes(body[at * size : at * size + size], "little", signed=True))
        elif fmt == 61:
            values.append(int.from_bytes(body[2 * at : 2 * at + 2], "big", signed=True))
        elif fmt in (80, 160):
            size = WIDTH[fmt] // 8
            raw = int.from_bytes(body[at * size : at * size + size], "little")
            values.append(raw - 2 ** (WIDTH[fmt] - 1))
        elif fmt == 212:
            a, b, c = body[at // 2 * 3 : at // 2 * 3 + 3]
            raw = c + b // 16 * 256 if at % 2 else a + b % 16 * 256
            values.append(raw - 4096 * (raw > 2047))
        else:
            block = body[at // 3 * 4 : at // 3 * 4 + 4]
            word = int.from_bytes(block, "little")
            left, right = word % 2**16, word // 2**16
            if fmt == 311:
                raw = word // 2 ** (10 * (at % 3)) % 1024
            elif at % 3 == 2:
                raw = left // 2**11 + right // 2**11 * 32
            else:
                raw = (right if at % 3 else left) // 2 % 1024
            values.append(raw - 1024 * (raw > 511))
    return values


def wfdb_reading(header, files, channel):
    """Read one channel by the specification, or return None where it states too little.

    Returns the digital samples, the rate, gain, baseline, unit and name, of which rate, gain and
    unit are None where they are not stated.
    """
    text = [line.strip(" \t") for line in header.decode("latin-1").replace("\r", "\n").split("\n")]
    text = [line for line in text if line and line[0] != "#"]
    record = re.split("[ \t]+", text[0])
    if "/" in record[0]:
        return None
    rate = float(record[2].split("/")[0]) if len(record) > 2 else None
    n_frames = n_stated = int(record[3]) if len(record) > 3 else 0
    lines = [re.split("[ \t]+", line, maxsplit=8) for line in text[1:]]
    if len(lines) != int(record[1]):
        return None
    layouts = []
    for line in lines:
        rest = line[1]
        rest, _, offset = rest.partition("+")
        rest, _, skew = rest.partition(":")
        fmt, _, size = rest.partition("x")
        layouts.append((line[0], int(fmt), int(size or 1), int(skew or 0), int(offset or 0)))
    name, fmt, size, skew, offset = layouts[channel]
    group = [i for i, layout in enumerate(layouts) if layout[0] == name]
    body = files[name.encode("latin-1")][offset:]
    per_frame = sum(layouts[i][2] for i in group)
    before = sum(layouts[i][2] for i in group if i < channel)
    if not n_frames:
        n_frames = len(body) * 8 // WIDTH[fmt] // per_frame
    flat = unpack(fmt, body, n_frames * per_frame)
    if flat is None:
        return None
    digital = [
        flat[frame * per_frame + before + k] for frame in range(n_frames) for k in range(size)
    ]
    line = lines[channel]
    numbers = [int(field) for field in line[3:8]]
    if fmt == 8:
        total, summed = numbers[2], []
        for step in digital:
            total += step
            summed.append(total)
        digital = summed
    if len(numbers) > 3 and (numbers[3] or n_stated):
        assert (sum(digital) - numbers[3]) % 2**16 == 0, "the checksum does not fit"
    gain, baseline, unit = None, None, None
    if len(line) > 2:
        front, _, unit = line[2].partition("/")
        front, _, inside = front.partition("(")
        gain = float(front) if re.fullmatch(r"[-+.\deE]+", front) else None
        baseline = int(inside.rstrip(")")) if inside else None
    if baseline is None:
        baseline = numbers[1] if len(numbers) > 1 else 0
    return {
        "digital": digital[skew * size :],
        "rate": None if rate is None else rate * size,
        "gain": gain or None,
        "baseline": baseline,
        "unit": unit or None,
        "missing": None if fmt == 8 else -(2 ** (WIDTH[fmt] - 1)),
        "name": line[8] if len(line) > 8 else str(channel),
    }


# -- EDF ---------------------------------------------------------------------------------------

MAIN = [
    ("version", 8), ("patient", 80), ("recording", 80), ("date", 8), ("time", 8), ("size", 8),
    ("kind", 44), ("n_records", 8), ("duration", 8), ("n_signals", 4),
]  # fmt: skip
OF_SIGNALS = [
    ("label", 16), ("transducer", 80), ("unit", 8), ("physical_min", 8), ("physical_max", 8),
    ("digital_min", 8), ("digital_max", 8), ("prefilter", 80), ("n_samples", 8), ("reserved", 32),
]  # fmt: skip


def edf_file(signals, n, /, onsets=None, **fields):
    """Build an EDF file of signals, dicts of header fields with "digital", whole numbers.

    The samples of a signal are shared among n data records. With ``onsets``, a signal of
    annotations keeps the time of each of them. Fields of the header are text or bytes.
    """
    signals = [dict(signal) for signal in signals]
    defaults = {
        "label": "EMG", "unit": "uV", "physical_min": "-3276.8", "physical_max": "3276.7",
        "digital_min": "-32768", "digital_max": "32767",
    }  # fmt: skip
    chunks = []
    for signal in signals:
        per_record = len(signal["digital"]) // n
        body = struct.pack(f"<{len(signal['digital'])}h", *map(int, signal.pop("digital")))
        chunks.append([body[2 * per_record * i :][: 2 * per_record] for i in range(n)])
        signal.setdefault("n_samples", str(per_record))
    if onsets is not None:
        times = [f"{onset}\x14\x14\0".encode().ljust(40, b"\0") for onset in onsets]
        chunks.append(times)
        more = {"label": "EDF Annotations", "unit": "", "physical_min": "-1", "physical_max": "1"}
        signals.append(more | {"n_samples": "20"})
    main = {
        "version": "0", "patient": "X X X X", "recording": "Startdate X X X X",
        "date": "01.01.01", "time": "00.00.00", "size": str(256 * (len(signals) + 1)),
        "n_records": str(n), "duration": "1", "n_signals": str(len(signals)),
    } | fields  # fmt: skip
    header = b"".join(_field(main.get(name, ""), width) for name, width in MAIN)
    for name, width in OF_SIGNALS:
        for signal in signals:
            header += _field((defaults | signal).get(name, ""), width)
    return header + b"".join(chunk[i] for i in range(n) for chunk in chunks)


def _field(value, width):
    value = value if isinstance(value, bytes) else value.encode("latin-1")
    assert len(value) <= width, value
    return value.ljust(width)


def edf_reading(body, channel):
    """Read one channel by the specification: digital samples, rate, unit, gain and offset.

    Gain and offset are None where the header states no valid range.
    """
    n_signals = int(body[252:256])
    n_records, duration = int(body[236:244]), Fraction(body[244:252].decode().strip())
    start, columns = 256, {}
    for name, width in OF_SIGNALS:
        block = body[start : start + width * n_signals]
        columns[name] = [block[i * width : (i + 1) * width] for i in range(n_signals)]
        start += width * n_signals
    labels = [label.strip(b" ") for label in columns["label"]]
    at = [i for i, label in enumerate(labels) if label != b"EDF Annotations"][channel]
    sizes = [int(field) for field in columns["n_samples"]]
    data, digital = body[256 * (n_signals + 1) :], []
    assert len(data) == 2 * n_records * sum(sizes)
    for record in range(n_records):
        first = 2 * (record * sum(sizes) + sum(sizes[:at]))
        digital += struct.unpack(f"<{sizes[at]}h", data[first : first + 2 * sizes[at]])
    ends = {
        name: columns[name][at].decode("latin-1").strip(" ")
        for name in ("physical_min", "physical_max", "digital_min", "digital_max")
    }
    gain = offset = None
    number = r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?"
    whole = r"[+-]?\d+"
    if all(
        re.fullmatch(whole if name.startswith("d") else number, text, re.ASCII)
        for name, text in ends.items()
    ):
        low, high = Fraction(ends["physical_min"]), Fraction(ends["physical_max"])
        bottom, top = int(ends["digital_min"]), int(ends["digital_max"])
        if low != high and -32768 <= bottom < top <= 32767:
            gain = (high - low) / (top - bottom)
            offset = low - gain * bottom
            if max(map(abs, (low, high, gain, offset))) > 10**308 or abs(gain) < 10**-323:
                gain = offset = None  # no float64 holds them
    return {
        "digital": digital,
        "rate": sizes[at] / duration,
        "unit": columns["unit"][at].strip(b" "),
        "gain": gain,
        "offset": offset,
        "label": labels[at],
    }
