"""TensorBoard's own writer and reader, beside package tensorboard.

    python train/tensorboard/testdata/events.py write train/tensorboard/testdata/record.json train/tensorboard/testdata/events.golden
    python train/tensorboard/testdata/events.py read record.json DIR

write makes the file that tensorboard.Write should make of a record, by TensorBoard's
Event messages and RecordWriter. read compares what its EventAccumulator reads from
a folder of tensorboard.Write with the record. Written with tensorboard 2.21.0,
protobuf 7.36.2.
"""

import datetime
import json
import math
import struct
import sys

import tensorboard
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.summary.writer.record_writer import RecordWriter

TAGS = {
    "rate": "rate", "step_loss": "loss/step", "train_loss": "loss/train", "test_loss": "loss/test", "train_error": "error/train",
    "test_error": "error/test", "ncc_error": "error/ncc_train", "ncc_test_error": "error/ncc_test", "nc1": "collapse/nc1", "nc2": "collapse/nc2",
    "nc3": "collapse/nc3", "w_norm": "norm/w", "h_norm": "norm/h", "seconds": "seconds/steps", "measure_seconds": "seconds/measure",
}


def events(record):
    """The wall time, step and values by tag of each row."""
    at = datetime.datetime.fromisoformat(record["started"].replace("Z", "+00:00")).timestamp()
    for row in record["epochs"]:
        at += row["seconds"] + row["measure_seconds"]
        yield at, row["epoch"], {TAGS[k]: v for k, v in row.items() if k not in ("epoch", "notes") and v is not None}


what, source, target = sys.argv[1:]
record = json.load(open(source))
start = datetime.datetime.fromisoformat(record["started"].replace("Z", "+00:00")).timestamp()
if what == "write":
    writer = RecordWriter(open(target, "wb"))
    writer.write(Event(wall_time=start, file_version="brain.Event:2").SerializeToString())
    for at, step, values in events(record):
        e = Event(wall_time=at, step=step)
        for tag in sorted(values):
            e.summary.value.add(tag=tag, simple_value=values[tag])
        writer.write(e.SerializeToString())
    writer.close()
else:
    found = EventAccumulator(target, size_guidance={"scalars": 0}).Reload()
    got = {(tag, s.step): s for tag in found.Tags()["scalars"] for s in found.Scalars(tag)}
    float32 = lambda v: struct.unpack("f", struct.pack("f", v))[0]
    want = {(tag, step): (at, float32(v)) for at, step, values in events(record) for tag, v in values.items()}
    assert set(got) == set(want), set(got) ^ set(want)
    for key, (at, v) in want.items():
        assert got[key].value == v and math.isclose(got[key].wall_time, at, abs_tol=1e-3), (key, got[key], at, v)
    print(f"tensorboard {tensorboard.__version__}: {len(want)} scalars under {len(found.Tags()['scalars'])} tags are the record's")
