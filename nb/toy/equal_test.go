package toy

import (
	"math"
	"testing"
)

func TestWithNC1KeepsTheMeans(t *testing.T) {
	f := Triangle(30, 0.1).TurnedClass(1, 60)
	was := measure(t, f)
	for _, v := range []float64{0.01, 0.1, 0.5} {
		g, err := f.WithNC1(v)
		if err != nil {
			t.Fatal(err)
		}
		s := measure(t, g)
		if math.Abs(s.NC1/v-1) > 1e-9 || math.Abs(s.NC2-was.NC2) > 1e-9 || math.Abs(s.NC3-was.NC3) > 1e-9 {
			t.Errorf("NC1 %g, NC2 %g, NC3 %g; want %g, %g, %g", s.NC1, s.NC2, s.NC3, v, was.NC2, was.NC3)
		}
	}
}

// With all samples at a class mean the probabilities are those of the margin, for wrong ones too.
func TestTestedAtCollapse(t *testing.T) {
	const k, margin = 10, 5.0
	s, err := Test(k, 20, 0.4, 0, margin).Calibration()
	if err != nil {
		t.Fatal(err)
	}
	e := math.Exp(margin)
	own, other := e/(e+k-1), 1/(e+k-1)
	entropy := -own*math.Log(own) - (k-1)*other*math.Log(other)
	near := func(name string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-12 {
			t.Errorf("%s is %g, want %g", name, got, want)
		}
	}
	near("accuracy", s.Accuracy, 0.6)
	near("ECE", s.ECE, own-0.6)
	near("entropy of the wrong samples", s.Wrong.Entropy, entropy)
	near("entropy of the correct samples", s.Correct.Entropy, entropy)
	near("loss of the wrong samples", s.Wrong.Loss, -math.Log(other))
	// At this margin confidence is the accuracy.
	if s, err = Test(k, 20, 0.4, 0, math.Log((k-1)*0.6/0.4)).Calibration(); err != nil {
		t.Fatal(err)
	}
	near("ECE at the margin log(9·0.6/0.4)", s.ECE, 0)
}

// What the lesson says: tighter samples make wrong predictions surer at one margin, and the margin does
// not move NC1.
func TestTestedSpreadAndMargin(t *testing.T) {
	var before float64
	for i, spread := range []float64{0.3, 0.2, 0.1, 0.05} {
		tested := Test(10, 100, 0.4, spread, 5)
		s, err := tested.Calibration()
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 && !(s.Wrong.Entropy < before) {
			t.Errorf("spread %g: the entropy of wrong samples is %g, after %g", spread, s.Wrong.Entropy, before)
		}
		before = s.Wrong.Entropy
		right, wrong, err := tested.NC1()
		if err != nil {
			t.Fatal(err)
		}
		again, wrongAgain, err := Test(10, 100, 0.4, spread, 2).NC1()
		if err != nil || math.Abs(right-again) > 1e-12 || math.Abs(wrong-wrongAgain) > 1e-12 {
			t.Errorf("spread %g: NC1 is %g and %g, at another margin %g and %g", spread, right, wrong, again,
				wrongAgain)
		}
		f, err := tested.Picture()
		if err != nil || len(f.PNG) == 0 {
			t.Errorf("spread %g: no picture: %v", spread, err)
		}
	}
}
