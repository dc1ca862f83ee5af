package data

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"github.com/gocollapse/collapse/record"
)

// numbered is a set of n training images of one pixel each, whose value is the
// image's index, with labels 0 … k−1 in turn.
func numbered(n, k int) *Set {
	s := &Set{Height: 1, Width: 1, Channels: 1,
		Info: record.Data{Name: "x", Classes: make([]string, k), Preparation: "p"}}
	for i := range n {
		s.Train.Images = append(s.Train.Images, byte(i))
		s.Train.Labels = append(s.Train.Labels, int32(i%k))
	}
	s.Info.Train = n
	return s
}

// The parts that HoldOut makes are the whole, each class in its share, drawn by the seed.
func TestHoldOut(t *testing.T) {
	s := numbered(103, 4) // 26, 26, 26 and 25 of a class
	for _, c := range []struct {
		share float64
		want  []int // held out of each class: the share rounded, at least 1, not all
	}{
		{0.25, []int{7, 7, 7, 6}}, {0.5, []int{13, 13, 13, 13}}, {0.001, []int{1, 1, 1, 1}},
		{0.999, []int{25, 25, 25, 24}},
	} {
		h, err := s.HoldOut(c.share, 5)
		if err != nil {
			t.Fatal(err)
		}
		whole := slices.Concat(h.Train.Images, h.Test.Images)
		slices.Sort(whole)
		if !bytes.Equal(whole, s.Train.Images) {
			t.Errorf("share %v: %d and %d images are not the %d of the set", c.share, h.Train.Len(), h.Test.Len(), 103)
		}
		counts := make([]int, 4)
		for i, k := range h.Test.Labels {
			counts[k]++
			if int(h.Test.Images[i])%4 != int(k) {
				t.Errorf("share %v: image %d has label %d", c.share, h.Test.Images[i], k)
			}
		}
		if !slices.Equal(counts, c.want) || !slices.IsSorted(h.Test.Images) || !slices.IsSorted(h.Train.Images) {
			t.Errorf("share %v: held out %v of the classes, want %v", c.share, counts, c.want)
		}
		var sum float64
		for _, v := range h.Train.Images {
			sum += float64(v) / 255
		}
		if mean := sum / float64(h.Train.Len()); math.Abs(h.Info.Mean[0]-mean) > 1e-12 ||
			h.Info.Train != h.Train.Len() || h.Info.Test != h.Test.Len() || h.Info.Preparation == "p" {
			t.Errorf("share %v: %+v, want the mean %v", c.share, h.Info, mean)
		}
		again, _ := s.HoldOut(c.share, 5)
		other, _ := s.HoldOut(c.share, 6)
		if !bytes.Equal(again.Test.Images, h.Test.Images) || bytes.Equal(other.Test.Images, h.Test.Images) {
			t.Errorf("share %v: the seed does not decide", c.share)
		}
	}
	for _, share := range []float64{0, 1, -1, math.NaN()} {
		if _, err := s.HoldOut(share, 1); err == nil {
			t.Errorf("share %v is accepted", share)
		}
	}
	_, err := numbered(5, 4).HoldOut(0.5, 1)
	wantError(t, err, "1 training image")
	held, _ := s.HoldOut(0.5, 1)
	_, err = held.HoldOut(0.5, 1)
	wantError(t, err, "test images of its own")
}

func TestLongTail(t *testing.T) {
	s := numbered(200, 5) // 40 a class
	for _, c := range []struct {
		ratio float64
		want  []int
	}{
		{1, []int{40, 40, 40, 40, 40}},
		{16, []int{40, 20, 10, 5, 2}}, // powers of 2: 40/16 = 2.5
		{40, []int{40, 15, 6, 2, 1}},
		{2, []int{40, 33, 28, 23, 20}},
	} {
		l, err := s.LongTail(c.ratio, 3)
		if err != nil {
			t.Fatal(err)
		}
		counts := make([]int, 5)
		last := -1
		for i, k := range l.Train.Labels {
			counts[k]++
			at := int(l.Train.Images[i])
			if at <= last || s.Train.Labels[at] != k {
				t.Fatalf("image %d of the tail is image %d of the set, after %d, with label %d", i, at, last, k)
			}
			last = at
		}
		if !slices.Equal(counts, c.want) || l.Info.Train != l.Train.Len() || l.Info.Preparation == "p" {
			t.Errorf("ratio %v: %v images, want %v; %q", c.ratio, counts, c.want, l.Info.Preparation)
		}
		again, _ := s.LongTail(c.ratio, 3)
		other, _ := s.LongTail(c.ratio, 4)
		if !bytes.Equal(again.Train.Images, l.Train.Images) ||
			c.ratio > 1 && bytes.Equal(other.Train.Images, l.Train.Images) {
			t.Errorf("ratio %v: the seed does not decide", c.ratio)
		}
	}
	// CIFAR-100's customary tail of ratio 100.
	big := numbered(100*500, 100)
	l, err := big.LongTail(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	if l.Train.Len() != 10847 { // as the authors' code gives
		t.Errorf("%d images, want 10847", l.Train.Len())
	}
	for _, ratio := range []float64{0, .5, -1, 41, math.NaN(), math.Inf(1)} {
		_, err := s.LongTail(ratio, 1)
		wantError(t, err, "ratio", "want 1 to 40")
	}
	_, err = numbered(4, 1).LongTail(2, 1)
	wantError(t, err, "at least 2")
}

func TestCorruptLabels(t *testing.T) {
	s := numbered(20000, 10)
	before := slices.Clone(s.Train.Labels)
	c, changed, err := s.CorruptLabels(.3, 5)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Train.Labels, before) {
		t.Fatal("the set itself was changed")
	}
	var moves [10][10]int
	var differ []int32
	for i, l := range c.Train.Labels {
		moves[before[i]][l]++
		if l != before[i] {
			differ = append(differ, int32(i))
		}
	}
	if len(differ) != 6000 || !slices.Equal(differ, changed) {
		t.Errorf("%d labels differ, %d are named; want 6000, the same", len(differ), len(changed))
	}
	// From each class to each other about 6000/90 times, and never further than
	// chance goes.
	for from := range moves {
		for to, n := range moves[from] {
			if from != to && math.Abs(float64(n)-6000./90) > 6*math.Sqrt(6000./90) {
				t.Errorf("%d labels went from %d to %d, want about %d", n, from, to, 6000/90)
			}
		}
	}
	again, _, _ := s.CorruptLabels(.3, 5)
	other, _, _ := s.CorruptLabels(.3, 6)
	if !slices.Equal(again.Train.Labels, c.Train.Labels) || slices.Equal(other.Train.Labels, c.Train.Labels) {
		t.Error("the seed does not decide")
	}
	for _, share := range []float64{0, 1} {
		c, changed, err := s.CorruptLabels(share, 1)
		if err != nil || len(changed) != int(share*20000) {
			t.Errorf("share %v: %d changed, %v", share, len(changed), err)
		}
		for i, l := range c.Train.Labels {
			if (l != before[i]) != (share == 1) {
				t.Fatalf("share %v: label %d went from %d to %d", share, i, before[i], l)
			}
		}
	}
	for _, share := range []float64{-.1, 1.1, math.NaN()} {
		_, _, err := s.CorruptLabels(share, 1)
		wantError(t, err, "want 0 to 1")
	}
	_, _, err = numbered(4, 1).CorruptLabels(.5, 1)
	wantError(t, err, "at least 2")
}

// What a move does, by way of a padded picture as the definition has it.
func TestMoveApply(t *testing.T) {
	const h, w, c, pad = 4, 5, 2, 3
	src := make([]byte, h*w*c)
	for i := range src {
		src[i] = byte(i + 1)
	}
	var padded [h + 2*pad][w + 2*pad][c]byte
	for y := range h {
		for x := range w {
			copy(padded[y+pad][x+pad][:], src[(y*w+x)*c:])
		}
	}
	dst := make([]byte, len(src))
	for dy := -pad; dy <= pad; dy++ {
		for dx := -pad; dx <= pad; dx++ {
			for _, flip := range []bool{false, true} {
				for i := range dst {
					dst[i] = 0xEE
				}
				Move{dy, dx, flip}.Apply(dst, src, h, w, c)
				for y := range h {
					for x := range w {
						at := x
						if flip {
							at = w - 1 - x
						}
						want, got := padded[y+pad+dy][at+pad+dx], dst[(y*w+x)*c:][:c]
						if !bytes.Equal(got, want[:]) {
							t.Fatalf("move %d, %d, %v: pixel %d, %d is %v, want %v", dy, dx, flip, y, x, got, want)
						}
					}
				}
			}
		}
	}
	Move{}.Apply(dst, src, h, w, c)
	if !bytes.Equal(dst, src) {
		t.Error("no move changes the image")
	}
}

func TestAugmentationDraw(t *testing.T) {
	a := Augmentation{Pad: 2, Flip: true}
	counts := map[Move]int{}
	const draws = 25000
	for i := range draws {
		counts[a.Draw(7, 1+i%5, i/5)]++
	}
	// 5·5·2 moves, each equally likely.
	if len(counts) != 50 {
		t.Errorf("%d moves, want 50", len(counts))
	}
	for m, n := range counts {
		if m.DY < -2 || m.DY > 2 || m.DX < -2 || m.DX > 2 || math.Abs(float64(n)-draws/50) > 6*math.Sqrt(draws/50) {
			t.Errorf("%+v comes %d times, want about %d", m, n, draws/50)
		}
	}
	if a.Draw(7, 1, 3) != a.Draw(7, 1, 3) {
		t.Error("a draw is not repeatable")
	}
	same := 0
	for i := range 1000 {
		if a.Draw(7, 1, i) == a.Draw(7, 2, i) {
			same++
		}
	}
	if same > 60 {
		t.Errorf("%d of 1000 images move alike in two epochs, want about 20", same)
	}
	if (Augmentation{}).Draw(7, 1, 1) != (Move{}) || (Augmentation{Pad: -3}).Draw(7, 1, 1) != (Move{}) {
		t.Error("no augmentation moves an image")
	}
	// The values that runs are repeated by.
	for i, want := range goldenMoves {
		if got := (Augmentation{Pad: 4, Flip: true}).Draw(2021, 1, i); got != want {
			t.Errorf("image %d: %+v, want %+v", i, got, want)
		}
	}
	for _, c := range []struct {
		a  Augmentation
		ok bool
	}{
		{Augmentation{Pad: 4, Flip: true}, true}, {Augmentation{}, true}, {Augmentation{Pad: 32}, true},
		{Augmentation{Pad: 33}, false}, {Augmentation{Pad: -1}, false},
	} {
		if err := c.a.Validate(32, 40); (err == nil) != c.ok {
			t.Errorf("%+v: error %v", c.a, err)
		}
	}
}

// goldenMoves are of an independent program in Python, from the definitions of
// SplitMix64, PCG-DXSM and Lemire's method.
var goldenMoves = []Move{
	{-2, 2, false},
	{-3, -1, false},
	{3, -3, true},
	{1, -3, true},
	{3, 2, true},
	{2, -3, true},
}
