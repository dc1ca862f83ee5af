// Package tensorboard writes scalars as event files that TensorBoard shows, while
// a run goes on ([Writer]) or of a whole record ([Write]).
//
// An event file is a sequence of records in TensorFlow's TFRecord framing
// (https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details):
// length, masked CRC-32C of the length, bytes, masked CRC-32C of the bytes, numbers
// little-endian. The bytes of each are an Event message of
// tensorboard/compat/proto/event.proto, the first of which names the version
// "brain.Event:2"; scalars are the simple_value of summary.proto, a float32.
package tensorboard

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gocollapse/collapse/internal/atomic"
	"github.com/gocollapse/collapse/record"
)

// FileName is the name of the file that Write writes. TensorBoard reads every file of
// a folder whose name holds "tfevents".
const FileName = "events.out.tfevents.record.collapse"

// Numbers of the fields of event.proto and summary.proto.
const (
	eventWallTime    protowire.Number = 1 // double, seconds since 1970
	eventStep        protowire.Number = 2 // int64
	eventFileVersion protowire.Number = 3 // string
	eventSummary     protowire.Number = 5 // message Summary
	summaryValue     protowire.Number = 1 // repeated message Value
	valueTag         protowire.Number = 1 // string
	valueSimple      protowire.Number = 2 // float
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedCRC is the CRC-32C of b, rotated and shifted so that the checksum of bytes
// which hold checksums is a good one.
func maskedCRC(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// appendRecord appends a message in TFRecord's framing.
func appendRecord(b, message []byte) []byte {
	at := len(b)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(message)))
	b = binary.LittleEndian.AppendUint32(b, maskedCRC(b[at:]))
	b = append(b, message...)
	return binary.LittleEndian.AppendUint32(b, maskedCRC(message))
}

// appendTime appends an event's time.
func appendTime(b []byte, at time.Time) []byte {
	seconds := float64(at.Unix()) + float64(at.Nanosecond())/1e9
	return protowire.AppendFixed64(protowire.AppendTag(b, eventWallTime, protowire.Fixed64Type),
		math.Float64bits(seconds))
}

// appendVersion appends the record that begins a file.
func appendVersion(b []byte, at time.Time) []byte {
	event := protowire.AppendTag(appendTime(nil, at), eventFileVersion, protowire.BytesType)
	return appendRecord(b, protowire.AppendString(event, "brain.Event:2"))
}

// appendScalars appends the record of one step, or nothing if every value is NaN.
func appendScalars(b []byte, step int64, at time.Time, values map[string]float64) ([]byte, error) {
	var summary []byte
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if name == "" || !utf8.ValidString(name) {
			return nil, fmt.Errorf("step %d: want names of UTF-8 text, found %q", step, name)
		}
		if math.IsNaN(values[name]) {
			continue
		}
		value := protowire.AppendString(protowire.AppendTag(nil, valueTag, protowire.BytesType), name)
		value = protowire.AppendTag(value, valueSimple, protowire.Fixed32Type)
		value = protowire.AppendFixed32(value, math.Float32bits(float32(values[name])))
		summary = protowire.AppendBytes(protowire.AppendTag(summary, summaryValue, protowire.BytesType), value)
	}
	if summary == nil {
		return b, nil
	}
	event := appendTime(nil, at)
	if step != 0 { // as proto3 writes it
		event = protowire.AppendVarint(protowire.AppendTag(event, eventStep, protowire.VarintType), uint64(step))
	}
	event = protowire.AppendBytes(protowire.AppendTag(event, eventSummary, protowire.BytesType), summary)
	return appendRecord(b, event), nil
}

// Writer appends events to a file of its own. It is not safe for concurrent use.
type Writer struct {
	f    *os.File
	size int64 // of the whole records
	err  error // after which nothing can be appended
}

// Create begins a new event file in a folder, which it makes if it is not there.
// Files of earlier runs stay, and TensorBoard shows them all as one run.
func Create(dir string) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("tensorboard: %w", err)
	}
	now := time.Now()
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	// The names of TensorBoard's own writer, which sort by time; nanoseconds keep
	// two of one process apart.
	name := fmt.Sprintf("events.out.tfevents.%010d.%s.%d.%09d", now.Unix(), host, os.Getpid(), now.Nanosecond())
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, fmt.Errorf("tensorboard: %w", err)
	}
	w := &Writer{f: f}
	if err := w.write(appendVersion(nil, now)); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return w, nil
}

// Scalars appends the values of one step, by name; a slash in a name makes a group in
// TensorBoard. Values are rounded to float32 (beyond its range to an infinity),
// and those that are NaN are left out. The values of a step are written at once, so that
// TensorBoard can read the file at any time.
func (w *Writer) Scalars(step int64, at time.Time, values map[string]float64) error {
	b, err := appendScalars(nil, step, at, values)
	if err != nil {
		return fmt.Errorf("tensorboard: %s: %w", w.f.Name(), err)
	}
	return w.write(b)
}

// write appends whole records. What a full disk cuts off is taken back, so that
// the file stays readable and goes on when there is room again.
func (w *Writer) write(b []byte) error {
	if w.err != nil {
		return w.err
	}
	n, err := w.f.WriteAt(b, w.size)
	if err == nil {
		w.size += int64(n)
		return nil
	}
	err = fmt.Errorf("tensorboard: %w", err)
	if cut := w.f.Truncate(w.size); cut != nil {
		w.err = errors.Join(err, cut)
		return w.err
	}
	return err
}

// Close ends the file.
func (w *Writer) Close() error {
	if err := errors.Join(w.f.Sync(), w.f.Close()); err != nil {
		return fmt.Errorf("tensorboard: %w", err)
	}
	return nil
}

// Write brings the file FileName in a folder, which it makes if it is not there, to
// the rows of a record. Called again with more rows it appends them, and a
// TensorBoard that runs shows them; a file that holds anything else is
// replaced, whole or not at all, and TensorBoard must be started again to show it.
// Equal records give equal bytes.
//
// The step is the epoch. Every number of a row but those that are NaN or infinite
// stands under a tag such as loss/train, error/test, collapse/nc1 or norm/w,
// rounded to float32. The time is the record's beginning and the seconds of the rows
// since.
func Write(dir string, rec *record.Record) error {
	if rec == nil {
		return errors.New("tensorboard: no record to write")
	}
	b, err := marshal(rec)
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = update(filepath.Join(dir, FileName), b)
	}
	if err != nil {
		return fmt.Errorf("tensorboard: record %q: %w", rec.Spec.Name, err)
	}
	return nil
}

// update gives a file its content, by appending where it holds the beginning: also
// one that ends within an event, where a write was cut off.
func update(path string, content []byte) error {
	old, err := os.ReadFile(path)
	if err != nil || !bytes.HasPrefix(content, old) {
		return atomic.WriteFile(path, content)
	}
	if len(old) == len(content) {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(content[len(old):], int64(len(old)))
	return errors.Join(err, f.Close())
}

func marshal(rec *record.Record) ([]byte, error) {
	at := rec.Started
	if at.IsZero() { // not known
		at = time.Unix(0, 0)
	}
	b := appendVersion(nil, at)
	for _, row := range rec.Epochs {
		for name, v := range map[string]float64{"rate": row.Rate, "seconds": row.Seconds,
			"measure_seconds": row.MeasureSeconds} {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("epoch %d: %s is %v, want a finite number", row.Epoch, name, v)
			}
		}
		if spent := (row.Seconds + row.MeasureSeconds) * 1e9; spent > 0 && spent < math.MaxInt64 {
			at = at.Add(time.Duration(spent))
		}
		var err error
		if b, err = appendScalars(b, int64(row.Epoch), at, scalars(row)); err != nil {
			return nil, fmt.Errorf("epoch %d: %w", row.Epoch, err)
		}
	}
	return b, nil
}

// scalars returns the finite numbers of a row by tag: record.Metrics, and the row's rate and
// times.
func scalars(row record.Epoch) map[string]float64 {
	values := map[string]float64{
		"rate":            row.Rate,
		"seconds/steps":   row.Seconds,
		"seconds/measure": row.MeasureSeconds,
	}
	for _, m := range record.Metrics() {
		if v := m.Value(&row); !math.IsInf(v, 0) {
			values[m.Tag] = v
		}
	}
	return values
}
