package nc

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

// state is a pass that can be written and read.
type state interface {
	MarshalBinary() ([]byte, error)
	UnmarshalBinary([]byte) error
}

// through returns to after it has read the state of from.
func through[S state](t testing.TB, from, to S) S {
	t.Helper()
	b, err := from.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if err := to.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	again, err := to.MarshalBinary()
	if err != nil || !bytes.Equal(b, again) {
		t.Errorf("the state changed on the way: %v", err)
	}
	return to
}

// TestState: two parts that are measured by processes of their own, between which only states
// pass, give what the whole gives.
func TestState(t *testing.T) {
	s := random(rand.New(rand.NewPCG(33, 34)), 6, repeat(100, 4), 1, 10)
	want := s.measure(t, 100)
	const cut = 130
	parts := []Batch{s.batch(0, cut), s.batch(cut, len(s.y))}
	sums, err := NewSums(s.k, s.d)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		part := sums.Fork()
		if err := part.Add(p); err != nil {
			t.Fatal(err)
		}
		if err := sums.Merge(through(t, part, new(Sums))); err != nil {
			t.Fatal(err)
		}
	}
	a, err := sums.Centre(s.clf)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range parts {
		part := through(t, a, new(Scatter)) // with what a has seen
		if i == 1 {
			part = part.Fork()
		}
		if err := part.Add(p); err != nil {
			t.Fatal(err)
		}
		if part = through(t, part, new(Scatter)); i == 0 {
			a = part
		} else if err := a.Merge(part); err != nil {
			t.Fatal(err)
		}
	}
	got, err := a.Summary()
	if err != nil {
		t.Fatal(err)
	}
	same(t, "through states", got, want, 1e-12)

	// The sums of a second pass are those of its first; a first pass is no second.
	b, err := a.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var first Sums
	if err := first.UnmarshalBinary(b); err != nil || first.N() != int64(len(s.y)) {
		t.Errorf("first pass of a second: %d samples, %v", first.N(), err)
	}
	if b, err = first.MarshalBinary(); err != nil {
		t.Fatal(err)
	}
	contains(t, new(Scatter).UnmarshalBinary(b), "first pass")
}

// TestStateVersion1 holds the promise that every later version reads version 1.
// To write the sample: COLLAPSE_WRITE_SAMPLES=1 go test -run StateVersion1 ./nc
func TestStateVersion1(t *testing.T) {
	const path = "testdata/state-v1.bin"
	if os.Getenv("COLLAPSE_WRITE_SAMPLES") != "" {
		data := sample{k: 2, d: 1, x: []float64{0, 2, 9, 11}, y: []int32{0, 0, 1, 1},
			clf: &Classifier{K: 2, D: 1, W: []float64{-1, 1}, B: []float64{10, 0}}}
		a := data.centred(t, OverSamples)
		if err := a.Add(BatchOf(data.x, data.y)); err != nil {
			t.Fatal(err)
		}
		b, err := a.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var a Scatter
	if err := a.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	s, err := a.Summary()
	if err != nil {
		t.Fatal(err)
	}
	// Means 1 and 10 with variance 1 each; H̄ = ±4.5, Σ_B = 20.25; the classifier
	// parts the classes at 5.
	if want := 1 / 20.25 / 2; s.N != 4 || math.Abs(s.NC1-want) > 1e-16 || s.HNorm != 4.5 || s.NCCError != 0 ||
		s.NC4 != 0 || s.Error != 0 {
		t.Errorf("N = %d, NC1 = %v (want %v), ‖h‖ = %v, errors %v, %v, %v", s.N, s.NC1, want, s.HNorm, s.NCCError,
			s.NC4, s.Error)
	}
}

// sealed returns a state with the checksum made to hold.
func sealed(body []byte) []byte {
	return binary.LittleEndian.AppendUint32(bytes.Clone(body), crc32.ChecksumIEEE(body))
}

func TestStateFaults(t *testing.T) {
	b, err := os.ReadFile("testdata/state-v1.bin")
	if err != nil {
		t.Fatal(err)
	}
	body := b[:len(b)-4]
	word := func(i int, v int64) []byte {
		c := bytes.Clone(body)
		binary.LittleEndian.PutUint64(c[len(stateMagic)+8*i:], uint64(v))
		return sealed(c)
	}
	version := bytes.Clone(body)
	version[len(stateMagic)-1] = 9
	flipped := bytes.Clone(b)
	flipped[100] ^= 1
	for name, c := range map[string]struct {
		b     []byte
		words []string
	}{
		"empty":        {nil, []string{"begins with"}},
		"another file": {[]byte("PK\x03\x04 something else, longer than the magic"), []string{"begins with", "PK"}},
		"head only":    {b[:30], []string{"cut off"}},
		"cut off":      {b[:len(b)-8], []string{"checksum"}},
		"altered":      {flipped, []string{"checksum"}},
		"version":      {sealed(version), []string{"version 9", "newer"}},
		"K":            {word(0, 3), []string{"K = 3", "bytes"}},
		"K of 0":       {word(0, 0), []string{"at least one"}},
		"K huge":       {word(0, 1<<40), []string{"out of range"}},
		"K large":      {word(0, 1<<30), []string{"GiB"}},
		"d negative":   {word(1, -1), []string{"at least one"}},
		"global mean":  {word(2, 5), []string{"out of range"}},
		"pass":         {word(3, 3), []string{"out of range"}},
		"classifier":   {word(4, 3), []string{"out of range"}},
		"samples":      {word(5, 5), []string{"5 samples"}},
		"empty class": {func() []byte {
			c := word(6, 0)
			c = c[:len(c)-4]
			binary.LittleEndian.PutUint64(c[len(stateMagic)+8*7:], 4)
			return sealed(c)
		}(), []string{"class 0", "no sample"}},
		"negative count": {word(6, -2), []string{"add up"}},
		"NaN sum":        {word(8, int64(math.Float64bits(math.NaN()))), []string{"overflow"}},
		"NaN weight":     {word(12, int64(math.Float64bits(math.NaN()))), []string{"weight", "NaN"}},
		"second count":   {word(16, 3), []string{"3 samples"}},
		"errors":         {word(19, 3), []string{"more errors", "class 0"}},
		"longer":         {sealed(append(bytes.Clone(body), 0)), []string{"bytes"}},
	} {
		var a Scatter
		err := a.UnmarshalBinary(c.b)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		contains(t, err, c.words...)
		var sums Sums
		contains(t, sums.UnmarshalBinary(c.b), c.words...)
		if a.k != 0 {
			t.Errorf("%s: the Scatter was changed", name)
		}
	}
	_, err = new(Sums).MarshalBinary()
	contains(t, err, "NewSums")
	_, err = new(Scatter).MarshalBinary()
	contains(t, err, "Centre")
}

func FuzzState(f *testing.F) {
	b, err := os.ReadFile("testdata/state-v1.bin")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b[:len(b)-4])
	f.Fuzz(func(t *testing.T, body []byte) {
		var a Scatter
		if a.UnmarshalBinary(sealed(body)) != nil {
			return
		}
		s, err := a.Summary()
		if err != nil {
			return
		}
		for _, m := range Metrics() {
			if v, _ := s.Value(m.Key); math.IsInf(v, 0) || math.IsNaN(v) && s.Note(m.Key) == "" {
				t.Errorf("%s = %v with note %q", m.Key, v, s.Note(m.Key))
			}
		}
	})
}
