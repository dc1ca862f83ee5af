package data

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"

	"github.com/gocollapse/collapse/internal/splitmix"
)

// Streams of random numbers. Draws for one purpose are independent of draws for another from the
// same seed. A run is repeatable only with the same values: never change one, add new ones at the
// end.
const (
	streamPermutation uint64 = 1 + iota
	streamPerClass
	streamLongTail
	streamCorrupt
	streamAugment
	streamHoldOut
)

// newSource returns the random numbers of (seed, stream, index). It mixes seeds, since neighbouring
// states of a congruential generator give related numbers.
func newSource(seed int64, stream, index uint64) *rand.PCG {
	hi := splitmix.Mix(uint64(seed) + splitmix.Mix(stream))
	return rand.NewPCG(hi, splitmix.Mix(hi+index))
}

// below returns a number from 0 to n−1, each equally likely, for n ≥ 1 (Lemire's method). It is
// written out here since PCG's definition fixes its output, but not how a library turns that into a
// range.
func below(src *rand.PCG, n uint64) uint64 {
	hi, lo := bits.Mul64(src.Uint64(), n)
	if lo < n {
		for reject := -n % n; lo < reject; {
			hi, lo = bits.Mul64(src.Uint64(), n)
		}
	}
	return hi
}

// shuffle draws the first k elements of v at random from all of v: each selection and order of k is
// equally likely.
func shuffle(src *rand.PCG, v []int32, k int) {
	for i := range k {
		j := i + int(below(src, uint64(len(v)-i)))
		v[i], v[j] = v[j], v[i]
	}
}

// Permutation returns the numbers 0 to n−1 in the order of an epoch (1, 2, …). It depends on n, seed
// and epoch only, and is the same on every platform and backend. It is empty for n ≤ 0.
func Permutation(n int, seed int64, epoch int) []int32 {
	p := make([]int32, max(n, 0))
	for i := range p {
		p[i] = int32(i)
	}
	shuffle(newSource(seed, streamPermutation, uint64(epoch)), p, len(p))
	return p
}

// PerClass returns a set with n training images of each class, chosen at random from seed and kept
// in the order of s. Test split, mean and standard deviation stay those of s. n = 0 returns s
// itself. It is an error to ask for more images than a class has.
func (s *Set) PerClass(n int, seed int64) (*Set, error) {
	if n == 0 {
		return s, nil
	}
	if n < 0 {
		return nil, fmt.Errorf("data: %s: %d training images per class asked for; want 0 (all) or more", s.Info.Name, n)
	}
	members := s.members()
	counts := make([]int, len(members))
	for k, m := range members {
		if len(m) < n {
			return nil, fmt.Errorf("data: %s: class %d (%s) has %d training images, %d asked for; "+
				"ask for at most %d, or 0 for all", s.Info.Name, k, s.Info.Classes[k], len(m), n, fewest(members))
		}
		counts[k] = n
	}
	t := s.choose(members, counts, seed, streamPerClass)
	t.Info.Preparation += fmt.Sprintf("; %d training images of each class, chosen at random with seed %d", n, seed)
	return t, nil
}

// HoldOut returns a set whose test images are a share of the training images of s, the same share of
// each class, rounded, but at least one image and not all. They are chosen at random from seed; both
// splits keep the order of s. Mean and standard deviation become those of the training images that
// are left. share must be above 0 and below 1, s must have no test images, and each class at least
// two training images.
func (s *Set) HoldOut(share float64, seed int64) (*Set, error) {
	if !(share > 0 && share < 1) {
		return nil, fmt.Errorf("data: %s: share %v of the training images to hold out; want above 0 and below 1",
			s.Info.Name, share)
	}
	if n := s.Test.Len(); n > 0 {
		return nil, fmt.Errorf("data: %s has %d test images of its own; a share of the training images is held out "+
			"only from a set without", s.Info.Name, n)
	}
	out := make([]bool, s.Train.Len())
	total := 0
	for k, m := range s.members() {
		if len(m) < 2 {
			return nil, fmt.Errorf("data: %s: class %d (%s) has %d training image; want at least 2, one to train on "+
				"and one to hold out", s.Info.Name, k, s.Info.Classes[k], len(m))
		}
		n := min(max(int(math.Round(share*float64(len(m)))), 1), len(m)-1)
		shuffle(newSource(seed, streamHoldOut, uint64(k)), m, n)
		for _, i := range m[:n] {
			out[i] = true
		}
		total += n
	}
	t := *s
	t.Train, t.Test = s.part(out, false, len(out)-total), s.part(out, true, total)
	t.Info.Train, t.Info.Test = t.Train.Len(), t.Test.Len()
	t.Info.Mean, t.Info.Std = channelStats(t.Train.Images, t.Channels)
	t.Info.Preparation += fmt.Sprintf("; %d of %d training images held out for testing, a share of %v of each class, "+
		"chosen at random with seed %d", total, len(out), share, seed)
	return &t, nil
}

// part returns the training images whose mark is want, n in number, in the order of s.
func (s *Set) part(mark []bool, want bool, n int) Split {
	p := Split{make([]byte, 0, n*s.Height*s.Width*s.Channels), make([]int32, 0, n)}
	for i, m := range mark {
		if m == want {
			p.Images = append(p.Images, s.Image(s.Train, i)...)
			p.Labels = append(p.Labels, s.Train.Labels[i])
		}
	}
	return p
}

// LongTail returns a set whose class k of K keeps
//
//	n_k = ⌊n · ratio^(−k/(K−1))⌋
//
// training images, where n is the size of the smallest class of s: from n for class 0 down to
// n/ratio for class K−1 (Cao et al., Learning Imbalanced Datasets with Label-Distribution-Aware
// Margin Loss, NeurIPS 2019). They are chosen at random from seed and kept in the order of s. Test
// split, mean and standard deviation stay those of s. ratio must be at least 1, which keeps n of
// each class, and at most n, which leaves each class an image.
func (s *Set) LongTail(ratio float64, seed int64) (*Set, error) {
	members := s.members()
	k, n := len(members), fewest(members)
	if k < 2 {
		return nil, fmt.Errorf("data: %s: a long tail of %d class; want at least 2", s.Info.Name, k)
	}
	if !(ratio >= 1) || math.IsInf(ratio, 1) || n < 1 || ratio > float64(n) {
		return nil, fmt.Errorf("data: %s: imbalance ratio %v; want 1 to %d, the images of the smallest class",
			s.Info.Name, ratio, n)
	}
	counts := make([]int, k)
	for i := range counts {
		// The small addend keeps powers that are whole numbers whole on every platform.
		counts[i] = int(math.Floor(float64(n)*math.Pow(ratio, -float64(i)/float64(k-1)) + 1e-6))
	}
	t := s.choose(members, counts, seed, streamLongTail)
	t.Info.Preparation += fmt.Sprintf("; a long tail of training images, %d of class 0 down to %d of class %d "+
		"(ratio %v), chosen at random with seed %d", counts[0], counts[k-1], k-1, ratio, seed)
	return t, nil
}

// CorruptLabels returns a set in which a share of the training images, rounded to a whole number,
// have a wrong label. The images are chosen at random from seed, and each gets one of the other K−1
// classes, all equally likely (symmetric noise; Zhang et al., Understanding Deep Learning Requires
// Rethinking Generalization, ICLR 2017, draw from all K). changed lists the images in ascending
// order. Images, test split, mean and standard deviation are those of s. share must be from 0 to 1.
func (s *Set) CorruptLabels(share float64, seed int64) (t *Set, changed []int32, err error) {
	k := len(s.Info.Classes)
	if !(share >= 0 && share <= 1) {
		return nil, nil, fmt.Errorf("data: %s: share %v of labels to corrupt; want 0 to 1", s.Info.Name, share)
	}
	if k < 2 {
		return nil, nil, fmt.Errorf("data: %s: %d class has no other to be taken for; want at least 2", s.Info.Name, k)
	}
	n := s.Train.Len()
	count := int(math.Round(share * float64(n)))
	src := newSource(seed, streamCorrupt, 0)
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	shuffle(src, order, count)
	changed = order[:count:count]
	slices.Sort(changed)
	c := *s
	c.Train.Labels = slices.Clone(s.Train.Labels)
	for _, i := range changed {
		l := int32(below(src, uint64(k-1)))
		if l >= c.Train.Labels[i] {
			l++
		}
		c.Train.Labels[i] = l
	}
	c.Info.Preparation += fmt.Sprintf("; %d of %d training labels replaced by another class, "+
		"chosen at random with seed %d", count, n, seed)
	return &c, changed, nil
}

// members returns the training images of each class.
func (s *Set) members() [][]int32 {
	members := make([][]int32, len(s.Info.Classes))
	for i, l := range s.Train.Labels {
		members[l] = append(members[l], int32(i))
	}
	return members
}

// choose returns a set with counts[k] training images of class k, chosen at random and kept in the
// order of s.
func (s *Set) choose(members [][]int32, counts []int, seed int64, stream uint64) *Set {
	kept := make([]bool, s.Train.Len())
	total := 0
	for k, m := range members {
		shuffle(newSource(seed, stream, uint64(k)), m, counts[k])
		for _, i := range m[:counts[k]] {
			kept[i] = true
		}
		total += counts[k]
	}
	t := *s
	t.Train = s.part(kept, true, total)
	t.Info.Train = t.Train.Len()
	return &t
}

// fewest returns the size of the smallest class.
func fewest(members [][]int32) int {
	if len(members) == 0 {
		return 0
	}
	n := len(members[0])
	for _, m := range members {
		n = min(n, len(m))
	}
	return n
}
