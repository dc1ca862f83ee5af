package nc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

// The state of an accumulator, version 1, is little-endian throughout:
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

// MarshalBinary returns the state of the accumulator, so that another process or
// machine can go on with it or merge it. Every later version of the package reads
// it.
func (a *Accumulator) MarshalBinary() ([]byte, error) {
	if a.k == 0 {
		return nil, errors.New("nc: the accumulator was not made by NewAccumulator")
	}
	b := []byte(stateMagic)
	ints := func(v ...int64) {
		for _, x := range v {
			b = binary.LittleEndian.AppendUint64(b, uint64(x))
		}
	}
	floats := func(v ...float64) {
		for _, x := range v {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
		}
	}
	sums := func(v []exact) {
		for _, e := range v {
			floats(e.high, e.low)
		}
	}
	pass, classifier, global := int64(1), int64(0), a.globalMean()
	if a.frame != nil {
		pass = 2
		if a.clf != nil {
			classifier = 1
			if a.clf.B != nil {
				classifier = 2
			}
		}
	}
	ints(int64(a.k), int64(a.d), int64(global), pass, classifier, a.n)
	ints(a.count...)
	floats(a.high...)
	floats(a.low...)
	if pass == 2 {
		if a.clf != nil {
			floats(a.clf.W...)
			floats(a.clf.B...)
		}
		ints(a.n2)
		for _, v := range [][]int64{a.count2, a.wrong, a.misled, a.apart} {
			ints(v...)
		}
		sums(a.scatter)
		sums(a.within)
		floats(a.drift...)
	}
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b)), nil
}

// UnmarshalBinary sets a to a state of MarshalBinary. A state that is cut off,
// altered or inconsistent is an error, and a stays as it was.
func (a *Accumulator) UnmarshalBinary(b []byte) error {
	fault := func(format string, args ...any) error { return fmt.Errorf("nc: state: "+format, args...) }
	known := stateMagic[:len(stateMagic)-1]
	if !bytes.HasPrefix(b, []byte(known)) {
		return fault("want one that begins with %q, found %q", known, b[:min(len(b), len(known))])
	}
	if len(b) < len(stateMagic)+6*8+4 {
		return fault("cut off after %d bytes", len(b))
	}
	if v := b[len(known)]; v != 1 {
		return fault("version %d; this Collapse reads version 1, a newer one may read it", v)
	}
	body, sum := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	if crc32.ChecksumIEEE(body) != sum {
		return fault("cut off or altered: its checksum does not hold")
	}
	rest := body[len(stateMagic):]
	next := func() uint64 {
		v := binary.LittleEndian.Uint64(rest)
		rest = rest[8:]
		return v
	}
	k, d, global, pass, classifier, n := int64(next()), int64(next()), GlobalMean(next()), next(), next(), int64(next())
	if k > math.MaxInt32 || d > math.MaxInt32 || global < OverSamples || global > OverClasses || pass < 1 || pass > 2 ||
		classifier > 2 || (pass == 1 && classifier > 0) {
		return fault("its head holds numbers out of range")
	}
	if err := checkSize(int(k), int(d)); err != nil {
		return fault("%w", err)
	}
	// Before anything is made of K and d, they must be what the length says.
	words := k + 2*k*d
	if pass == 2 {
		words += 1 + 4*k + 4*k + k*d
		if classifier > 0 {
			words += k * d
		}
		if classifier == 2 {
			words += k
		}
	}
	if int64(len(rest)) != 8*words {
		return fault("K = %d and d = %d need %d bytes, found %d", k, d, 8*words, len(rest))
	}
	damaged := false
	ints := func(n int64) []int64 {
		v := make([]int64, n)
		for i := range v {
			v[i] = int64(next())
			damaged = damaged || v[i] < 0
		}
		return v
	}
	floats := func(n int64) []float64 {
		v := make([]float64, n)
		for i := range v {
			v[i] = math.Float64frombits(next())
		}
		return v
	}
	sums := func(n int64) []exact {
		v := make([]exact, n)
		for i, x := range floats(2 * n) {
			if i%2 == 0 {
				v[i/2].high = x
			} else {
				v[i/2].low = x
			}
		}
		return v
	}
	total := func(v []int64) (sum int64) {
		for _, x := range v {
			if sum += x; sum < 0 {
				damaged = true
			}
		}
		return sum
	}
	c := &Accumulator{Global: global, k: int(k), d: int(d), n: n}
	c.count, c.high, c.low = ints(k), floats(k*d), floats(k*d)
	if damaged || total(c.count) != n || n < 0 {
		return fault("its counts do not add up to its %d samples", n)
	}
	if pass == 2 {
		var clf *Classifier
		if classifier > 0 {
			clf = &Classifier{K: int(k), D: int(d), W: floats(k * d)}
		}
		if classifier == 2 {
			clf.B = floats(k)
		}
		if err := c.BeginSecond(); err != nil {
			return fault("%w", err)
		}
		if clf != nil {
			if err := c.SetClassifier(clf); err != nil {
				return fault("%w", err)
			}
		}
		c.n2 = ints(1)[0]
		c.count2, c.wrong, c.misled, c.apart = ints(k), ints(k), ints(k), ints(k)
		c.scatter, c.within, c.drift = sums(k), sums(k), floats(k*d)
		if damaged || total(c.count2) != c.n2 {
			return fault("its counts do not add up to its %d samples of the second pass", c.n2)
		}
		for y := range c.count2 {
			if max(c.wrong[y], c.misled[y], c.apart[y]) > c.count2[y] {
				return fault("it has more errors in class %d than samples", y)
			}
		}
	}
	*a = *c
	return nil
}
