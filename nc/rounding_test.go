package nc

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// identical returns samples that are equal within each class, as float64 has them after scale and
// offset. Where ulp is true, some are one unit in the last place larger.
func identical(rng *rand.Rand, d int, counts []int, scale, offset float64, ulp bool) sample {
	s := random(rng, d, counts, 0, 0)
	for i, v := range s.x {
		s.x[i] = v*scale + offset
		if ulp && rng.IntN(2) == 0 {
			s.x[i] = math.Nextafter(s.x[i], math.Inf(1))
		}
	}
	return s
}

// full measures everything, with Σ_W.
func (s sample) full(t testing.TB) *Summary {
	t.Helper()
	var clf Classifier
	if s.clf != nil {
		clf = *s.clf
	}
	sum, err := Measure(Slices(s.x, s.y), clf, Options{K: s.k, Covariance: true})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// TestIdentical: features that are equal within each class have no variability, whatever their
// offset, scale, order and number: what is 0 is 0 and what is undefined has a note, as for float32.
func TestIdentical(t *testing.T) {
	rng := rand.New(rand.NewPCG(61, 62))
	for trial := range 400 {
		k, d := 2+rng.IntN(5), 1+rng.IntN(30)
		counts := make([]int, k)
		for i := range counts {
			counts[i] = 2 + rng.IntN(40)
		}
		scale := math.Exp(20 * rng.NormFloat64())
		offset := scale * rng.NormFloat64() * math.Pow(10, 14*rng.Float64())
		if trial%4 == 0 {
			offset = 0
		}
		s := identical(rng, d, counts, scale, offset, trial%2 == 1)
		what := fmt.Sprintf("trial %d: K = %d, d = %d, scale %.3g, offset %.3g", trial, k, d, scale, offset)
		got := s.full(t)
		if got.Rank == 0 {
			if !math.IsNaN(got.NC1) || got.Note("nc1") == "" {
				t.Errorf("%s: NC1 %v of equal class means, note %q", what, got.NC1, got.Note("nc1"))
			}
			continue
		}
		for name, v := range map[string]float64{"nc1": got.NC1, "nc1_quotient": got.NC1Quotient,
			"vci": got.Covariance.VCI, "ncc_error": got.NCCError, "nc1_per_class": floats.Norm(got.NC1PerClass, 2),
			"spectrum_w": floats.Norm(got.Covariance.SpectrumW, 2)} {
			if v != 0 {
				t.Errorf("%s: %s = %v, want 0", what, name, v)
			}
		}
		if got.CDNV != 0 && got.Note("cdnv") == "" {
			t.Errorf("%s: CDNV = %v, want 0", what, got.CDNV)
		}
		for name, v := range map[string]float64{"stable_rank_w": got.Covariance.StableRankW,
			"effective_rank_w": got.Covariance.EffectiveRankW} {
			if !math.IsNaN(v) || got.Covariance.Notes[name] == "" {
				t.Errorf("%s: %s = %v, note %q; want NaN and a note", what, name, v, got.Covariance.Notes[name])
			}
		}
	}
}

// TestEqualMeans: equal class means have no direction, also where the sums of each class cancel or
// the classes have different numbers of samples.
func TestEqualMeans(t *testing.T) {
	rng := rand.New(rand.NewPCG(63, 64))
	for trial := range 100 {
		const k, d = 3, 7
		s := sample{k: k, d: d}
		row := make([]float64, d)
		common := make([]float64, d)
		for j := range common {
			common[j] = rng.NormFloat64() * math.Exp(30*rng.NormFloat64())
		}
		for c := range int32(k) {
			for range 1 + rng.IntN(20) {
				for j := range row {
					row[j] = common[j] * rng.NormFloat64()
				}
				for _, sign := range []float64{1, -1} { // each class sums to 0
					for _, v := range row {
						if trial%2 == 0 {
							s.x = append(s.x, sign*v)
						} else {
							s.x = append(s.x, common[len(s.x)%d])
						}
					}
					s.y = append(s.y, c)
				}
			}
		}
		rng.Shuffle(len(s.y), func(i, j int) {
			s.y[i], s.y[j] = s.y[j], s.y[i]
			for l := range d {
				s.x[i*d+l], s.x[j*d+l] = s.x[j*d+l], s.x[i*d+l]
			}
		})
		got := s.full(t)
		for _, name := range []string{"nc1", "nc2_h", "cdnv", "stable_rank", "ncc_error", "equiangle_h"} {
			if v, _ := got.Value(name); !math.IsNaN(v) || got.Note(name) == "" {
				t.Errorf("trial %d: %s = %v, note %q; want NaN and a note", trial, name, v, got.Note(name))
			}
		}
		if got.HNorm != 0 || !math.IsNaN(got.Covariance.VCI) || got.Rank != 0 {
			t.Errorf("trial %d: ‖h‖ %v, VCI %v, rank %d", trial, got.HNorm, got.Covariance.VCI, got.Rank)
		}
		for _, v := range got.Scatter.Geometry().CosineH {
			if !math.IsNaN(v) {
				t.Fatalf("trial %d: a cosine of no direction is %v", trial, v)
			}
		}
	}
}

// TestOffsetDimension: a large constant in one dimension hides nothing in the others.
func TestOffsetDimension(t *testing.T) {
	rng := rand.New(rand.NewPCG(65, 66))
	s := random(rng, 6, repeat(30, 4), 0.5, 0)
	s.clf = nil
	want := s.full(t)
	wider := s
	wider.d, wider.x = 7, nil
	for i := range s.y {
		wider.x = append(append(wider.x, 1e15), s.x[i*6:(i+1)*6]...)
	}
	got := wider.full(t)
	same(t, "with a constant dimension", got, want, 1e-12)
	for _, m := range CovarianceMetrics() {
		have, _ := got.Covariance.Value(m.Key)
		if v, _ := want.Covariance.Value(m.Key); math.Abs(have-v) > 1e-9*v {
			t.Errorf("%s = %v with a constant dimension, want %v", m.Key, have, v)
		}
	}
}

// TestExactZeros: metrics whose exact value is 0, after a rotation and a scale that leave rounding
// in every number.
func TestExactZeros(t *testing.T) {
	rng := rand.New(rand.NewPCG(67, 68))
	for trial := range 50 {
		const k, d = 5, 40
		s := etf(rng, k, d, 6, 0)
		turned := s.mapped(rotation(rng, d), 0)
		for i := range turned.clf.W {
			turned.clf.W[i] *= 3
		}
		got := turned.full(t)
		zeros := map[string]float64{"nc1": got.NC1, "nc2": got.NC2, "nc3": got.NC3, "gnc3": got.GNC3, "unc3": got.UNC3,
			"nc0": got.NC0, "nc0_relative": got.NC0Relative, "nc2_w": got.FrameW.ETF, "nc2_h": got.FrameH.ETF}
		for side, f := range map[string]Frame{"w": got.FrameW, "h": got.FrameH} {
			zeros["equinorm_"+side], zeros["equiangle_"+side] = f.Equinorm, f.Equiangle
			zeros["max_angle_"+side] = f.MaxAngle
			zeros["distance_std_"+side], zeros["uniformity_std_"+side] = f.DistanceStd, f.UniformityStd
		}
		for name, v := range zeros {
			if v != 0 {
				t.Errorf("trial %d: %s = %v of a rotated simplex ETF, want 0", trial, name, v)
			}
		}
		if got.NC3Cosine > 1 {
			t.Errorf("a cosine is %v", got.NC3Cosine)
		}
	}
}

// TestZeroLogits: ‖W h_G + b‖ and NC5 are 0 where they are exactly, for any rotation.
func TestZeroLogits(t *testing.T) {
	rng := rand.New(rand.NewPCG(69, 70))
	for trial := range 50 {
		s := random(rng, 12, repeat(9, 3), 0.3, 5)
		plain := s.full(t)
		s.clf.B = make([]float64, s.k)
		for c := range s.k {
			s.clf.B[c] = -floats.Dot(s.clf.W[c*s.d:(c+1)*s.d], plain.Scatter.global)
		}
		if got := s.full(t); got.BiasAlignment != 0 {
			t.Errorf("trial %d: ‖W h_G + b‖ = %v, want 0", trial, got.BiasAlignment)
		}
		// Class means along the first three directions of a rotation, the others along the fourth.
		q := rotation(rng, 12)
		for i, y := range s.y {
			copy(s.x[i*s.d:(i+1)*s.d], mat.Row(nil, int(y), q))
		}
		five, err := s.full(t).Scatter.NC5(mat.Row(nil, 3, q))
		if err != nil || five != 0 {
			t.Errorf("trial %d: NC5 = %v, %v of orthogonal means, want 0", trial, five, err)
		}
	}
}

// TestEqualVectors: vectors of W that are multiples of each other have one direction.
func TestEqualVectors(t *testing.T) {
	rng := rand.New(rand.NewPCG(71, 72))
	s := random(rng, 17, repeat(9, 4), 0.3, 0)
	for c := range s.k {
		for j := range s.d {
			s.clf.W[c*s.d+j] = s.clf.W[j] * (1 + float64(c)/3)
		}
	}
	got := s.full(t)
	if got.FrameW.Equiangle != 0 || got.FrameW.Distance != 0 || got.FrameW.DistanceStd != 0 ||
		!math.IsNaN(got.FrameW.Uniformity) || got.Note("uniformity_w") == "" {
		t.Errorf("equal directions: %+v, note %q", got.FrameW, got.Note("uniformity_w"))
	}
	if got.FrameW.Equinorm == 0 {
		t.Error("different lengths have equinorm 0")
	}
}

// TestOrthogonalSpread: NC1 is of the directions of the class means. Spread in others alone gives 0.
func TestOrthogonalSpread(t *testing.T) {
	rng := rand.New(rand.NewPCG(73, 74))
	s := random(rng, 3, repeat(10, 4), 0, 0)
	wide := sample{k: 4, d: 9}
	for i, y := range s.y {
		wide.y = append(wide.y, y)
		wide.x = append(wide.x, s.x[i*3:(i+1)*3]...)
		sign := float64(i%2*2 - 1) // cancels in no class, but has mean and spread in dimension 3 alone
		wide.x = append(wide.x, sign, 0, 0, 0, 0, 0)
	}
	// The mean of dimension 3 must be equal in every class: give each class both signs.
	seen := map[int32]int{}
	for i, y := range wide.y {
		wide.x[i*9+3] = float64(seen[y]%2*2 - 1)
		seen[y]++
	}
	got := wide.mapped(rotation(rng, 9), 0).full(t)
	if got.NC1 != 0 || floats.Norm(got.NC1PerClass, 2) != 0 || !(got.NC1Quotient > 0) || got.CDNV == 0 {
		t.Errorf("NC1 %v (%v), quotient %v; want 0 and more", got.NC1, got.NC1PerClass, got.NC1Quotient)
	}
	if got.Covariance.StableRankW != 1 || got.Covariance.EffectiveRankW != 1 {
		t.Errorf("ranks of one direction: %v, %v", got.Covariance.StableRankW, got.Covariance.EffectiveRankW)
	}
}
