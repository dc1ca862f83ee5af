package experiments

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/record"
)

// sides are the heights, which are the widths, of the paper's images in pixels.
var sides = map[string]int{"cifar10": 32, "cifar100": 32, "stl10": 96, "tiny-imagenet": 64}

// blocks are how many residual blocks the four stages of a network have, and expansions how many
// channels a block gives for one of its 3×3 convolution.
var (
	blocks     = map[string][4]int{"resnet18": {2, 2, 2, 2}, "resnet34": {3, 4, 6, 3}, "resnet50": {3, 4, 6, 3}}
	expansions = map[string]int{"resnet18": 1, "resnet34": 1, "resnet50": 4}
)

// forward is what the convolutions of a ResNet with a 3×3 stem take for one image: their multiply-adds, which
// are nearly all of the network's, and the elements of their outputs.
func forward(s record.Spec) (multiplyAdds, elements float64) {
	side := sides[s.Dataset]
	conv := func(kernel, in, out, side int) {
		n := float64(out * side * side)
		multiplyAdds, elements = multiplyAdds+n*float64(kernel*kernel*in), elements+n
	}
	conv(3, 3, s.Width, side)
	in := s.Width
	expansion := expansions[s.Model]
	for stage, n := range blocks[s.Model] {
		channels := s.Width << stage
		for block := range n {
			before := side
			if stage > 0 && block == 0 {
				side /= 2
			}
			if expansion == 1 {
				conv(3, in, channels, side)
				conv(3, channels, channels, side)
			} else {
				conv(1, in, channels, before)
				conv(3, channels, channels, side)
				conv(1, channels, channels*expansion, side)
			}
			if in != channels*expansion {
				conv(1, in, channels*expansion, side)
			}
			in = channels * expansion
		}
	}
	return multiplyAdds, elements
}

// perElement is how many multiply-adds take as long as what is done with one element of a convolution's output:
// batch normalisation, ReLU and moving it. It is fitted to bench/train on two busy cores
// with XLA: ResNet-18 of widths 16 and 64, ResNet-50 of widths 12 and 16 at 32 pixels and of width 4 at 64 pixels
// come out within 40 %. ResNet-50 of width 8 at 64 pixels took 5.2 and, under more load, 10.9 times ResNet-18 of
// width 16, where 6.6 is expected.
const perElement = 230

// Work is the multiply-adds of a run from an epoch to its last, with perElement for each element: three forward
// passes for the step of each image, and one for each image that is measured. It is 0 for a network or data set
// that is not the paper's, of which nothing is known here.
func Work(s record.Spec, images, from int) float64 {
	s = s.Resolve()
	multiplyAdds, elements := forward(s)
	steps := 3 * float64(images) * float64(s.Epochs-from)
	return (multiplyAdds + perElement*elements) *
		(steps + float64(rows(s, from))*float64(images+TestImages[s.Dataset]))
}

// rows is how many epochs are measured after one.
func rows(s record.Spec, from int) (n int) {
	for epoch := from + 1; epoch <= s.Epochs; epoch++ {
		if s.Measured(epoch) {
			n++
		}
	}
	return n
}

// Rate is how fast a kind of machine trains.
type Rate struct {
	PerSecond float64 // multiply-adds; 0 where no record tells
	Machine   string  // AMD EPYC (2 cores), xla:cpu
	Records   int     // that it was measured on
	Here      bool    // the machine is of this kind
}

// String says where a rate comes from.
func (r Rate) String() string {
	if r.PerSecond == 0 {
		return "no record says how fast a machine trains"
	}
	text := fmt.Sprintf("if nothing else runs, at the speed of the fastest epoch of %d records of %s", r.Records,
		r.Machine)
	if !r.Here {
		text += ", another kind of machine than this one"
	}
	return text + "; other networks are estimated from their operations"
}

// Hours is what a run takes from an epoch on, NaN where no record tells.
func (r Rate) Hours(run Run, from int) float64 {
	if r.PerSecond == 0 {
		return math.NaN()
	}
	return Work(run.Spec, run.Images(), from) / r.PerSecond / 3600
}

// RateOf returns the rate of a kind of machine, given as its processor, cores and backend, as the
// records of such machines measured it; where there are none, that of the kind with most records.
// The fastest epoch and the fastest row of a record count, since others shared the machine with other work.
func RateOf(records []*record.Record, here record.Environment) Rate {
	byKind := map[string]*Rate{}
	for _, r := range records {
		e := r.Environment
		last := r.Last()
		seconds := idle(r)
		if last == nil || r.Status != record.Finished || seconds <= 0 {
			continue
		}
		work := Work(r.Spec, r.Data.Train, 0)
		if work == 0 {
			continue
		}
		kind := kindOf(e)
		k := byKind[kind]
		if k == nil {
			k = &Rate{Machine: kind, Here: kind == kindOf(here)}
			byKind[kind] = k
		}
		k.Records++
		k.PerSecond = max(k.PerSecond, work/seconds)
	}
	kinds := slices.SortedFunc(maps.Values(byKind), func(a, b *Rate) int {
		switch {
		case a.Here != b.Here && a.Here:
			return -1
		case a.Here != b.Here:
			return 1
		}
		return cmp.Or(cmp.Compare(b.Records, a.Records), strings.Compare(a.Machine, b.Machine))
	})
	if len(kinds) == 0 {
		return Rate{}
	}
	return *kinds[0]
}

// idle is the seconds that a run takes at the speed of its fastest epoch and of its fastest row; those of the
// whole run where its rows do not tell.
func idle(r *record.Record) float64 {
	step, measure := math.Inf(1), math.Inf(1)
	for _, e := range r.Epochs {
		step, measure = min(step, e.Seconds), min(measure, e.MeasureSeconds)
	}
	if len(r.Epochs) == 0 || step <= 0 || measure <= 0 {
		return r.Seconds
	}
	return float64(r.Spec.Epochs)*step + float64(rows(r.Spec.Resolve(), 0))*measure
}

// kindOf names a kind of machine as captions do, with the backend.
func kindOf(e record.Environment) string {
	return (&record.Record{Environment: e}).Describe().Machine + ", " + e.Backend
}
