package tensorboard

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gocollapse/collapse/record"
)

// The check values of CRC-32C in RFC 3720, B.4, and that of the CRC catalogue, are
// what unmasking by the definition gives back.
func TestMaskedCRC(t *testing.T) {
	rising := make([]byte, 32)
	falling := make([]byte, 32)
	for i := range rising {
		rising[i], falling[i] = byte(i), byte(31-i)
	}
	for _, c := range []struct {
		bytes []byte
		crc   uint32
	}{
		{make([]byte, 32), 0x8a9136aa},
		{bytes.Repeat([]byte{0xff}, 32), 0x62a8ab43},
		{rising, 0x46dd794e},
		{falling, 0x113fdb5c},
		{[]byte("123456789"), 0xe3069283},
	} {
		masked := maskedCRC(c.bytes)
		turned := masked - 0xa282ead8
		if crc := turned>>17 | turned<<15; crc != c.crc {
			t.Errorf("checksum of %x is %#x, want %#x", c.bytes, crc, c.crc)
		}
	}
}

// event is what a reader finds in a record.
type event struct {
	time    float64
	step    int64
	version string
	names   []string
	values  []float32
}

// decode reads a file by the format's definition, without protowire.
func decode(t *testing.T, b []byte) (events []event) {
	t.Helper()
	for len(b) > 0 {
		if len(b) < 16 {
			t.Fatalf("%d bytes are left over", len(b))
		}
		n := binary.LittleEndian.Uint64(b)
		if uint64(len(b)-16) < n {
			t.Fatalf("a record of %d bytes is cut off at %d", n, len(b)-16)
		}
		message := b[12 : 12+n]
		if binary.LittleEndian.Uint32(b[8:]) != maskedCRC(b[:8]) ||
			binary.LittleEndian.Uint32(b[12+n:]) != maskedCRC(message) {
			t.Fatal("a checksum fails")
		}
		b = b[16+n:]
		var e event
		for _, f := range fields(t, message) {
			switch {
			case f.number == 1 && f.wire == 1:
				e.time = math.Float64frombits(f.value)
			case f.number == 2 && f.wire == 0:
				e.step = int64(f.value)
			case f.number == 3 && f.wire == 2:
				e.version = string(f.bytes)
			case f.number == 5 && f.wire == 2:
				for _, f := range fields(t, f.bytes) {
					if f.number != 1 || f.wire != 2 {
						t.Fatalf("a summary has the field %d of type %d", f.number, f.wire)
					}
					v := fields(t, f.bytes)
					if len(v) != 2 || v[0].number != 1 || v[0].wire != 2 || v[1].number != 2 || v[1].wire != 5 {
						t.Fatalf("a value is %v, want tag and simple_value", v)
					}
					e.names = append(e.names, string(v[0].bytes))
					e.values = append(e.values, math.Float32frombits(uint32(v[1].value)))
				}
			default:
				t.Fatalf("an event has the field %d of type %d", f.number, f.wire)
			}
		}
		events = append(events, e)
	}
	return events
}

// field is one field of a message in the wire format of protocol buffers.
type field struct {
	number, wire uint64
	value        uint64
	bytes        []byte
}

func fields(t *testing.T, b []byte) (out []field) {
	t.Helper()
	varint := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			t.Fatalf("no varint: %x", b)
		}
		b = b[n:]
		return v
	}
	take := func(n uint64) []byte {
		if n > uint64(len(b)) {
			t.Fatalf("%d bytes of %d", n, len(b))
		}
		v := b[:n]
		b = b[n:]
		return v
	}
	for len(b) > 0 {
		key := varint()
		f := field{number: key >> 3, wire: key & 7}
		switch f.wire {
		case 0:
			f.value = varint()
		case 1:
			f.value = binary.LittleEndian.Uint64(take(8))
		case 2:
			f.bytes = take(varint())
		case 5:
			f.value = uint64(binary.LittleEndian.Uint32(take(4)))
		default:
			t.Fatalf("wire type %d", f.wire)
		}
		out = append(out, f)
	}
	return out
}

func events(t *testing.T, dir string) []event {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("files %v (%v), want one", paths, err)
	}
	b, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, b)
}

func TestWriter(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "run")
	w, err := Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2024, 2, 3, 4, 5, 6, 250e6, time.UTC)
	for _, s := range []struct {
		step   int64
		values map[string]float64
	}{
		{0, map[string]float64{"loss/train": 0, "b": 0.1, "a": math.Inf(1), "c": math.NaN()}},
		{-1, map[string]float64{"ö": 1e300}},
		{5, map[string]float64{"c": math.NaN()}}, // nothing to write
		{math.MaxInt64, map[string]float64{"b": -3}},
	} {
		if err := w.Scalars(s.step, at, s.values); err != nil {
			t.Fatal(err)
		}
	}
	want := []event{
		{step: 0, names: []string{"a", "b", "loss/train"}, values: []float32{float32(math.Inf(1)), 0.1, 0}},
		{step: -1, names: []string{"ö"}, values: []float32{float32(math.Inf(1))}},
		{step: math.MaxInt64, names: []string{"b"}, values: []float32{-3}},
	}
	for i := range want {
		want[i].time = 1706933106.25
	}
	got := events(t, dir) // before Close: TensorBoard reads while the run goes on
	if got[0].version != "brain.Event:2" || got[0].names != nil ||
		math.Abs(got[0].time-float64(time.Now().Unix())) > 1e6 {
		t.Errorf("the first event is %+v, want the version", got[0])
	}
	if !reflect.DeepEqual(got[1:], want) {
		t.Errorf("events\n%+v, want\n%+v", got[1:], want)
	}
	for _, name := range []string{"", "\xff"} {
		if err := w.Scalars(1, at, map[string]float64{name: 1, "a": 2}); err == nil ||
			!strings.Contains(err.Error(), dir) {
			t.Errorf("name %q: %v, want an error that names the file", name, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Scalars(1, at, map[string]float64{"a": 1}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("%v after Close", err)
	}
	if n := len(events(t, dir)); n != 4 {
		t.Errorf("%d events after what failed, want 4", n)
	}
}

func TestCreate(t *testing.T) {
	dir := t.TempDir()
	for range 3 { // within one second
		w, err := Create(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
	}
	if files, _ := os.ReadDir(dir); len(files) != 3 {
		t.Errorf("files %v, want three", files)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(file); err == nil {
		t.Error("created in a file")
	}
}

// The file is byte for byte the one that TensorBoard's own writer makes of the
// same record (testdata/events.py).
func TestWriteAsTensorBoard(t *testing.T) {
	rec, err := record.ReadFile("testdata/record.json")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/events.golden")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "events")
	for range 2 { // the second call replaces the first
		if err := Write(dir, rec); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, FileName))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("events\n%+v, TensorBoard's\n%+v", decode(t, got), decode(t, want))
		}
	}
	if n := len(events(t, dir)); n != 4 {
		t.Errorf("%d events, want 4", n)
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 1 {
		t.Errorf("found %v, want the file alone", entries)
	}
}

// Every number of a row is exported, under a tag of its own.
func TestWriteAllFields(t *testing.T) {
	row := record.Epoch{Epoch: 7}
	v := reflect.ValueOf(&row).Elem()
	var want []float32
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Float64 {
			f.SetFloat(float64(i) + 0.5)
			want = append(want, float32(i)+0.5)
		}
	}
	dir := t.TempDir()
	if err := Write(dir, &record.Record{Epochs: []record.Epoch{row}}); err != nil {
		t.Fatal(err)
	}
	got := events(t, dir)
	if len(got) != 2 || got[1].step != 7 || len(slices.Compact(got[1].names)) != len(want) {
		t.Fatalf("events %+v, want %d values of step 7", got, len(want))
	}
	slices.Sort(got[1].values)
	if !slices.Equal(got[1].values, want) {
		t.Errorf("values %v, want %v", got[1].values, want)
	}
}

func TestWriteEdges(t *testing.T) {
	dir := t.TempDir()
	if err := Write(dir, nil); err == nil {
		t.Error("no error without a record")
	}
	if err := Write(dir, &record.Record{}); err != nil {
		t.Fatal(err)
	}
	if got := events(t, dir); len(got) != 1 || got[0].time != 0 {
		t.Errorf("a record without rows gives %+v, want the version", got)
	}
	old, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(dir, &record.Record{Epochs: []record.Epoch{{Epoch: 3, Rate: math.NaN()}}}); err == nil ||
		!strings.Contains(err.Error(), "epoch 3") {
		t.Errorf("%v, want an error of epoch 3", err)
	}
	if now, err := os.ReadFile(filepath.Join(dir, FileName)); err != nil || !bytes.Equal(now, old) {
		t.Errorf("the older file has changed (%v)", err)
	}
	if err := Write(filepath.Join(dir, FileName), &record.Record{}); err == nil {
		t.Error("written into a file")
	}
}

// A file that holds the beginning of a record is appended to, so that a reader that has
// it open sees the rest, also where it was cut off within an event; another is replaced.
func TestWriteAppends(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, FileName)
	record3 := &record.Record{Started: time.Unix(1000, 0)}
	for i := range 3 {
		record3.Epochs = append(record3.Epochs, record.Epoch{Epoch: i + 1, NC1: record.Number(i), Seconds: 1})
	}
	whole, err := marshal(record3)
	if err != nil {
		t.Fatal(err)
	}
	first := *record3
	first.Epochs = record3.Epochs[:1]
	if err := Write(dir, &first); err != nil {
		t.Fatal(err)
	}
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for _, cut := range []int{0, 3} {
		if cut > 0 {
			if err := os.Truncate(path, int64(len(whole)-cut)); err != nil {
				t.Fatal(err)
			}
		}
		if err := Write(dir, record3); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(whole)+1)
		n, err := reader.ReadAt(got, 0)
		if err != io.EOF || !bytes.Equal(got[:n], whole) {
			t.Errorf("%d bytes cut off: a reader that had the file open sees %d bytes, want the %d of the record (%v)",
				cut, n, len(whole), err)
		}
	}
	if err := Write(dir, &first); err != nil { // fewer rows are another record
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || len(got) >= len(whole) || !bytes.HasPrefix(whole, got) {
		t.Errorf("%d bytes of the first row, %v", len(got), err)
	}
}

// Every metric of a row has a tag of its own, and an infinite one is left out.
func TestScalars(t *testing.T) {
	row := record.Epoch{Rate: 0.5, Seconds: 2, MeasureSeconds: 3, Train: &record.Calibration{},
		Test: &record.Calibration{Logits: &record.Logits{}, Scaled: &record.Scaled{}}}
	row.Train.Logits = &record.Logits{}
	for i, m := range record.Metrics() {
		m.Set(&row, float64(i))
	}
	values := scalars(row)
	for i, m := range record.Metrics() {
		if got, ok := values[m.Tag]; !ok || got != float64(i) {
			t.Errorf("tag %s of %s holds %v, want %d: two metrics share it", m.Tag, m.Key, got, i)
		}
	}
	row.NC1 = record.Number(math.Inf(1))
	if v, ok := scalars(row)["collapse/nc1"]; ok {
		t.Errorf("an infinite NC1 is shown as %v", v)
	}
	if values["rate"] != 0.5 || values["seconds/steps"] != 2 || values["seconds/measure"] != 3 {
		t.Errorf("rate and times are %v", values)
	}
}
