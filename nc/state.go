package nc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

// The state of Sums (pass 1) or of a Scatter (pass 2), version 1, is little-endian throughout:
//
//	"collapse nc state\x01"
//	int64    K, d, global mean, pass (1 or 2), classifier (0 none, 1 without, 2 with bias), n
//	int64    count[K]
//	float64  high[K·d], low[K·d]
//	in the second pass:
//	float64  weight[K·d] and bias[K] where there are
//	int64    n2, count2[K], wrong[K], misled[K], apart[K]
//	float64  scatter[2K], within[2K], drift[K·d]
//	uint32   CRC-32 (IEEE) of all before
//
// The means and the decomposition are computed anew from the sums.
const stateMagic = "collapse nc state\x01"

// MarshalBinary returns the state of the sums, so that another process or machine can go on with
// them or merge them. Every later version of the package reads it.
func (a *Sums) MarshalBinary() ([]byte, error) {
	if a.k == 0 {
		return nil, errors.New("nc: the sums were not made by NewSums")
	}
	w := stateWriter(stateMagic)
	w.sums(&a.classSums, a.Global, 1, 0)
	return w.seal(), nil
}

// MarshalBinary returns the state of the second pass, with the first and the classifier, so that
// another process or machine can go on with it or merge it. Every later version of the package
// reads it.
func (a *Scatter) MarshalBinary() ([]byte, error) {
	if a.means == nil {
		return nil, errors.New("nc: the Scatter was not made by Sums.Centre")
	}
	if a.classes != nil {
		return nil, errors.New("nc: a state is of all K classes; measure without Options.Present")
	}
	classifier := int64(0)
	if a.clf != nil {
		classifier = 1
		if a.clf.B != nil {
			classifier = 2
		}
	}
	w := stateWriter(stateMagic)
	w.sums(&a.classSums, a.over, 2, classifier)
	if a.clf != nil {
		w.floats(a.clf.W...)
		w.floats(a.clf.B...)
	}
	w.ints(a.n2)
	for _, v := range [][]int64{a.count2, a.wrong, a.misled, a.apart} {
		w.ints(v...)
	}
	for _, v := range [][]exact{a.scatter, a.within} {
		for _, e := range v {
			w.floats(e.high, e.low)
		}
	}
	w.floats(a.drift...)
	return w.seal(), nil
}

// stateWriter is a state being written.
type stateWriter []byte

func (w *stateWriter) ints(v ...int64) {
	for _, x := range v {
		*w = binary.LittleEndian.AppendUint64(*w, uint64(x))
	}
}

func (w *stateWriter) floats(v ...float64) {
	for _, x := range v {
		*w = binary.LittleEndian.AppendUint64(*w, math.Float64bits(x))
	}
}

func (w *stateWriter) sums(a *classSums, global GlobalMean, pass, classifier int64) {
	w.ints(int64(a.k), int64(a.d), int64(global), pass, classifier, a.n)
	w.ints(a.count...)
	w.floats(a.high...)
	w.floats(a.low...)
}

// seal returns the state with its checksum.
func (w *stateWriter) seal() []byte {
	return binary.LittleEndian.AppendUint32(*w, crc32.ChecksumIEEE(*w))
}

// UnmarshalBinary sets a to a state of MarshalBinary; of a state of the second pass, to its first.
// A state that is cut off, altered or inconsistent is an error, and a stays as it was.
func (a *Sums) UnmarshalBinary(b []byte) error {
	r, sums, err := readState(b)
	if err != nil {
		return err
	}
	if r.pass == 2 {
		if _, err := r.scatter(sums); err != nil {
			return err
		}
	}
	*a = *sums
	return nil
}

// UnmarshalBinary sets a to a state of MarshalBinary. A state that is cut off, altered,
// inconsistent or of the first pass alone is an error, and a stays as it was.
func (a *Scatter) UnmarshalBinary(b []byte) error {
	r, sums, err := readState(b)
	if err != nil {
		return err
	}
	if r.pass == 1 {
		return stateFault("it is of the first pass alone, want one of the second")
	}
	s, err := r.scatter(sums)
	if err != nil {
		return err
	}
	*a = *s
	return nil
}

func stateFault(format string, args ...any) error { return fmt.Errorf("nc: state: "+format, args...) }

// stateReader is a state being read.
type stateReader struct {
	rest       []byte
	pass       uint64
	classifier uint64
	damaged    bool // a count is negative or too large
}

// readState reads the head of a state and its first pass.
func readState(b []byte) (*stateReader, *Sums, error) {
	body, err := stateBody(b)
	if err != nil {
		return nil, nil, err
	}
	r := &stateReader{rest: body}
	k, d, global := int64(r.next()), int64(r.next()), GlobalMean(r.next())
	r.pass, r.classifier = r.next(), r.next()
	n := int64(r.next())
	if k > math.MaxInt32 || d > math.MaxInt32 || global < OverSamples || global > OverClasses ||
		r.pass < 1 || r.pass > 2 || r.classifier > 2 || (r.pass == 1 && r.classifier > 0) {
		return nil, nil, stateFault("its head holds numbers out of range")
	}
	if err := checkSize(int(k), int(d)); err != nil {
		return nil, nil, stateFault("%w", err)
	}
	// Before anything is made of K and d, they must be what the length says.
	if words := r.words(k, d); int64(len(r.rest)) != 8*words {
		return nil, nil, stateFault("K = %d and d = %d need %d bytes, found %d", k, d, 8*words, len(r.rest))
	}
	sums := &Sums{Global: global, classSums: classSums{k: int(k), d: int(d), n: n}}
	sums.count, sums.high, sums.low = r.ints(k), r.floats(k*d), r.floats(k*d)
	if total := r.total(sums.count); r.damaged || total != n || n < 0 {
		return nil, nil, stateFault("its counts do not add up to its %d samples", n)
	}
	return r, sums, nil
}

// stateBody checks what a state begins and ends with, and returns what is between.
func stateBody(b []byte) ([]byte, error) {
	known := stateMagic[:len(stateMagic)-1]
	if !bytes.HasPrefix(b, []byte(known)) {
		return nil, stateFault("want one that begins with %q, found %q", known, b[:min(len(b), len(known))])
	}
	if len(b) < len(stateMagic)+6*8+4 {
		return nil, stateFault("cut off after %d bytes", len(b))
	}
	if v := b[len(known)]; v != 1 {
		return nil, stateFault("version %d; this Collapse reads version 1, a newer one may read it", v)
	}
	body, sum := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	if crc32.ChecksumIEEE(body) != sum {
		return nil, stateFault("cut off or altered: its checksum does not hold")
	}
	return body[len(stateMagic):], nil
}

// words is how many numbers come after the head.
func (r *stateReader) words(k, d int64) int64 {
	words := k + 2*k*d
	if r.pass == 2 {
		words += 1 + 4*k + 4*k + k*d
		if r.classifier > 0 {
			words += k * d
		}
		if r.classifier == 2 {
			words += k
		}
	}
	return words
}

// scatter reads the second pass around the means of the first.
func (r *stateReader) scatter(sums *Sums) (*Scatter, error) {
	k, d := int64(sums.k), int64(sums.d)
	var clf *Classifier
	if r.classifier > 0 {
		clf = &Classifier{K: sums.k, D: sums.d, W: r.floats(k * d)}
	}
	if r.classifier == 2 {
		clf.B = r.floats(k)
	}
	s, err := sums.Centre(clf)
	if err != nil {
		return nil, stateFault("%w", err)
	}
	s.n2 = r.ints(1)[0]
	s.count2, s.wrong, s.misled, s.apart = r.ints(k), r.ints(k), r.ints(k), r.ints(k)
	s.scatter, s.within, s.drift = r.exacts(k), r.exacts(k), r.floats(k*d)
	if total := r.total(s.count2); r.damaged || total != s.n2 {
		return nil, stateFault("its counts do not add up to its %d samples of the second pass", s.n2)
	}
	for y := range s.count2 {
		if max(s.wrong[y], s.misled[y], s.apart[y]) > s.count2[y] {
			return nil, stateFault("it has more errors in class %d than samples", y)
		}
	}
	return s, nil
}

func (r *stateReader) next() uint64 {
	v := binary.LittleEndian.Uint64(r.rest)
	r.rest = r.rest[8:]
	return v
}

func (r *stateReader) ints(n int64) []int64 {
	v := make([]int64, n)
	for i := range v {
		v[i] = int64(r.next())
		r.damaged = r.damaged || v[i] < 0
	}
	return v
}

func (r *stateReader) floats(n int64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = math.Float64frombits(r.next())
	}
	return v
}

func (r *stateReader) exacts(n int64) []exact {
	v := make([]exact, n)
	for i := range v {
		v[i].high = math.Float64frombits(r.next())
		v[i].low = math.Float64frombits(r.next())
	}
	return v
}

// total adds counts; a sum that is too large is damage.
func (r *stateReader) total(v []int64) (sum int64) {
	for _, x := range v {
		if sum += x; sum < 0 {
			r.damaged = true
		}
	}
	return sum
}
