package losses_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gocollapse/collapse/backend/backendtest"
	"github.com/gocollapse/collapse/losses"
	"github.com/gocollapse/collapse/record"
)

// everyLoss returns each loss of the table with the defaults of its parameters, and 2 for a
// parameter that has none.
func everyLoss(t *testing.T) (list []record.Loss) {
	t.Helper()
	for _, kind := range record.Losses {
		text := `{"loss": "` + kind.Name + `"`
		for _, p := range kind.Parameters {
			if p.Default == 0 {
				text += `, "` + p.Key + `": 2`
			}
		}
		s, err := record.ReadSpec(strings.NewReader(text + "}"))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, s.Loss)
	}
	return list
}

// loss64 returns a function that computes the losses of samples in float64, and the gradient of
// their sum.
func loss64(t *testing.T, l record.Loss) func(logits [][]float64, labels []int32) (each, grad []float64) {
	t.Helper()
	exec, err := graph.NewExec(backendtest.Go(t), func(z, y *graph.Node) (*graph.Node, *graph.Node) {
		each := losses.Each(l, z, y)
		return each, graph.Gradient(graph.ReduceAllSum(each), z)[0]
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(exec.Finalize)
	return func(logits [][]float64, labels []int32) (each, grad []float64) {
		res, err := exec.Call(logits, labels)
		if err != nil {
			t.Fatal(err)
		}
		return tensors.MustCopyFlatData[float64](res[0]), tensors.MustCopyFlatData[float64](res[1])
	}
}

// samples draws logits of spread sigma and labels.
func samples(n, classes int, sigma float64) (logits [][]float64, labels []int32) {
	rng := rand.New(rand.NewPCG(2021, uint64(classes)))
	for range n {
		z := make([]float64, classes)
		for k := range z {
			z[k] = sigma * rng.NormFloat64()
		}
		logits, labels = append(logits, z), append(labels, int32(rng.IntN(classes)))
	}
	return logits, labels
}

// The gradient of every loss is its central difference.
func TestGradientByDifferences(t *testing.T) {
	const n, classes, h = 8, 5, 1e-5
	for _, l := range everyLoss(t) {
		f := loss64(t, l)
		logits, labels := samples(n, classes, 2)
		_, grad := f(logits, labels)
		for k := range classes {
			shifted := func(by float64) []float64 {
				for i := range logits {
					logits[i][k] += by
				}
				each, _ := f(logits, labels)
				for i := range logits {
					logits[i][k] -= by
				}
				return each
			}
			up, down := shifted(h), shifted(-h)
			for i := range logits {
				want := (up[i] - down[i]) / (2 * h)
				if got := grad[i*classes+k]; math.Abs(got-want) > 1e-8*max(1, math.Abs(want)) {
					t.Errorf("%v: gradient %d, %d is %v, by differences %v", l, i, k, got, want)
				}
			}
		}
	}
}

// squares says whether a loss is a square of the logits, and so neither the same for shifted
// logits nor within their size.
func squares(l record.Loss) bool { return strings.HasPrefix(l.Name, "mse") }

// A constant that is added to all logits of a sample changes no loss that depends on
// probabilities.
func TestShiftInvariance(t *testing.T) {
	for _, l := range everyLoss(t) {
		if squares(l) {
			continue
		}
		f := loss64(t, l)
		logits, labels := samples(8, 5, 2)
		each, grad := f(logits, labels)
		for i := range logits {
			for k := range logits[i] {
				logits[i][k] += 1e3 * float64(i-3)
			}
		}
		shifted, gradShifted := f(logits, labels)
		for i := range each {
			if math.Abs(shifted[i]-each[i]) > 1e-11 {
				t.Errorf("%v: the loss of sample %d is %v, of its shifted logits %v", l, i, each[i], shifted[i])
			}
		}
		for i := range grad {
			if math.Abs(gradShifted[i]-grad[i]) > 1e-11 {
				t.Errorf("%v: gradient %d is %v, of shifted logits %v", l, i, grad[i], gradShifted[i])
			}
		}
	}
}

// No loss is below its floor, and the floor is reached: by gradient descent from any logits of a
// loss whose minimum is finite, in the limit of large logits of the others.
func TestFloorIsInfimum(t *testing.T) {
	const classes = 5
	for _, l := range everyLoss(t) {
		floor, err := l.Floor(classes)
		if err != nil {
			t.Fatal(err)
		}
		f := loss64(t, l)
		logits, labels := samples(8, classes, 3)
		each, grad := f(logits, labels)
		for range 600 {
			for i, v := range each {
				if v < floor-1e-12 {
					t.Fatalf("%v: the loss of %v is %v, the floor is %v", l, logits[i], v, floor)
				}
			}
			for i := range logits {
				for k := range logits[i] {
					logits[i][k] -= 2 * grad[i*classes+k]
				}
			}
			each, grad = f(logits, labels)
		}
		for i, v := range each {
			if v > floor+2e-3 {
				t.Errorf("%v: the loss of sample %d descends to %v, the floor is %v", l, i, v, floor)
			}
		}
	}
}
