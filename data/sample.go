package data

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
)

// Streams of random numbers: what is drawn for one purpose is independent of what
// is drawn for another from the same seed. The values are part of what makes a
// run repeatable: never change one, add new ones at the end.
const (
	streamPermutation uint64 = 1 + iota
	streamPerClass
)

// newSource returns the random numbers of (seed, stream, index). Seeds are mixed,
// since neighbouring states of a congruential generator give related numbers.
func newSource(seed int64, stream, index uint64) *rand.PCG {
	hi := mix(uint64(seed) + mix(stream))
	return rand.NewPCG(hi, mix(hi+index))
}

// mix is the output function of SplitMix64 (Steele, Lea, Flood 2014).
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number from 0 to n−1, each equally likely, for n ≥ 1 (Lemire's
// method). It is spelt out because PCG's output is fixed by its definition, while
// how a library turns it into a range is not.
func below(src *rand.PCG, n uint64) uint64 {
	hi, lo := bits.Mul64(src.Uint64(), n)
	if lo < n {
		for reject := -n % n; lo < reject; {
			hi, lo = bits.Mul64(src.Uint64(), n)
		}
	}
	return hi
}

// shuffle puts the first k of v into random order, drawn from all of v: each
// selection of k is equally likely.
func shuffle(src *rand.PCG, v []int32, k int) {
	for i := range k {
		j := i + int(below(src, uint64(len(v)-i)))
		v[i], v[j] = v[j], v[i]
	}
}

// Permutation returns the numbers 0 to n−1 in the order of an epoch (1, 2, …). It
// depends on n, seed and epoch only and is the same on every platform and
// backend. It is empty for n ≤ 0.
func Permutation(n int, seed int64, epoch int) []int32 {
	p := make([]int32, max(n, 0))
	for i := range p {
		p[i] = int32(i)
	}
	shuffle(newSource(seed, streamPermutation, uint64(epoch)), p, len(p))
	return p
}

// PerClass returns a set with n training images of each class, chosen at random
// from seed and kept in the order of s; the test split, mean and standard
// deviation stay those of s. n = 0 returns s itself. It is an error to ask for
// more images than a class has.
func (s *Set) PerClass(n int, seed int64) (*Set, error) {
	if n == 0 {
		return s, nil
	}
	if n < 0 {
		return nil, fmt.Errorf("data: %s: %d training images a class asked for; want 0 (all) or more", s.Info.Name, n)
	}
	members := make([][]int32, len(s.Info.Classes))
	for i, l := range s.Train.Labels {
		members[l] = append(members[l], int32(i))
	}
	kept := make([]bool, s.Train.Len())
	for k, m := range members {
		if len(m) < n {
			return nil, fmt.Errorf("data: %s: class %d (%s) has %d training images, %d asked for; ask for at most %d, or 0 for all",
				s.Info.Name, k, s.Info.Classes[k], len(m), n, fewest(members))
		}
		shuffle(newSource(seed, streamPerClass, uint64(k)), m, n)
		for _, i := range m[:n] {
			kept[i] = true
		}
	}
	size := s.Height * s.Width * s.Channels
	t := *s
	t.Train = Split{
		Images: make([]byte, 0, n*len(members)*size),
		Labels: make([]int32, 0, n*len(members)),
	}
	for i, k := range kept {
		if k {
			t.Train.Images = append(t.Train.Images, s.Image(s.Train, i)...)
			t.Train.Labels = append(t.Train.Labels, s.Train.Labels[i])
		}
	}
	t.Info.Train = t.Train.Len()
	t.Info.Preparation += fmt.Sprintf("; %d training images of each class, chosen at random with seed %d", n, seed)
	return &t, nil
}

// fewest returns the size of the smallest class.
func fewest(members [][]int32) int {
	n := len(members[0])
	for _, m := range members {
		n = min(n, len(m))
	}
	return n
}
