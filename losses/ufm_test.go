package losses_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gocollapse/collapse/backend/backendtest"
	"github.com/gocollapse/collapse/losses"
)

// The mean over the batches of an epoch is the penalty of Eq 10.
func TestUFMExpectation(t *testing.T) {
	const n, batch, d, k = 12, 4, 3, 2
	rng := rand.New(rand.NewPCG(1, 2))
	normal := func(size int) (v []float32, square float64) {
		v = make([]float32, size)
		for i := range v {
			v[i] = float32(rng.NormFloat64())
			square += float64(v[i]) * float64(v[i])
		}
		return v, square
	}
	h, hh := normal(n * d)
	w, ww := normal(k * d)
	bias, bb := normal(k)
	p := losses.Penalty{W: 1e-1, H: 1e-2, B: 1}
	exec, err := graph.NewExec(backendtest.Go(t), func(h, w, b *graph.Node) *graph.Node {
		var sum *graph.Node
		for i := range n / batch {
			part := losses.UFM(graph.Slice(h, graph.AxisRange(i*batch, (i+1)*batch)), w, b, n, p)
			if sum == nil {
				sum = part
			} else {
				sum = graph.Add(sum, part)
			}
		}
		return graph.DivScalar(sum, n/batch)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	res, err := exec.Call(tensors.FromFlatDataAndDimensions(h, n, d), tensors.FromFlatDataAndDimensions(w, k, d), bias)
	if err != nil {
		t.Fatal(err)
	}
	got, want := float64(tensors.ToScalar[float32](res[0])), (p.W*ww+p.H*hh+p.B*bb)/2
	if math.Abs(got/want-1) > 1e-6 {
		t.Errorf("the epoch's mean penalty is %v, Eq 10's is %v", got, want)
	}
}

// The free features of ufmTraining: K classes with n samples of dimension d each.
const (
	ufmClasses, ufmPerClass, ufmDim = 4, 8, 6
	ufmSamples                      = ufmClasses * ufmPerClass
	ufmBatch                        = 8
)

// Free features trained by plain SGD in shuffled mini-batches, unbalanced ones among them, end at
// the norms of Theorem 4.1.
func TestUFMTrainsToTheorem(t *testing.T) {
	const k, n, d = ufmClasses, ufmPerClass, ufmDim
	p := losses.Penalty{W: 3e-2, H: 6e-3, B: 1e-2}
	b := backendtest.Go(t)
	for _, delta := range []float64{0, 0.1} {
		h, w, bias := ufmTraining(t, b, p, delta)
		s := math.Sqrt(k * ufmSamples * p.W * p.H)
		a := math.Log(k/(s+delta) - k + 1)
		ratio := math.Pow(n*p.H/p.W, 0.25)
		wantW := math.Sqrt((k-1.)/k*a) * ratio
		wantH := math.Sqrt((k-1.)/k*a) / ratio
		for i := range k {
			if got := norm(w[i*d : (i+1)*d]); math.Abs(got/wantW-1) > 0.004 {
				t.Errorf("δ %v: ‖w_%d‖ is %.4f, Theorem 4.1 gives %.4f", delta, i, got, wantW)
			}
			if math.Abs(float64(bias[i])) > 0.01 {
				t.Errorf("δ %v: b_%d is %v, want 0", delta, i, bias[i])
			}
		}
		for i := range ufmSamples {
			if got := norm(h[i*d : (i+1)*d]); math.Abs(got/wantH-1) > 0.004 {
				t.Errorf("δ %v: ‖h_%d‖ is %.4f, Theorem 4.1 gives %.4f", delta, i, got, wantH)
			}
		}
	}
}

// ufmTraining trains free features (N×d), a classifier (K×d) and its bias from a seeded start for
// 1000 epochs.
func ufmTraining(t *testing.T, b compute.Backend, p losses.Penalty, delta float64) (h, w, bias []float32) {
	t.Helper()
	exec, err := graph.NewExec(b, ufmEpoch(p, delta))
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	rng := rand.New(rand.NewPCG(2021, 0))
	normal := func(size int) []float32 {
		v := make([]float32, size)
		for i := range v {
			v[i] = float32(rng.NormFloat64() * 0.3)
		}
		return v
	}
	state := []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(normal(ufmSamples*ufmDim), ufmSamples, ufmDim),
		tensors.FromFlatDataAndDimensions(normal(ufmClasses*ufmDim), ufmClasses, ufmDim),
		tensors.FromFlatDataAndDimensions(normal(ufmClasses), ufmClasses),
	}
	order := make([]int32, ufmSamples)
	for i := range order {
		order[i] = int32(i)
	}
	const epochs = 1000
	for epoch := range epochs {
		rng.Shuffle(ufmSamples, func(i, j int) { order[i], order[j] = order[j], order[i] })
		rate := float32(1)
		if epoch >= epochs/2 { // the noise of unequal batches goes with the rate
			rate = 0.1
		}
		if state, err = exec.Call(state[0], state[1], state[2], order, rate); err != nil {
			t.Fatal(err)
		}
	}
	flat := tensors.MustCopyFlatData[float32]
	return flat(state[0]), flat(state[1]), flat(state[2])
}

// ufmEpoch returns the graph of one epoch of SGD over the samples in the given order. Sample i has
// label i mod K.
func ufmEpoch(p losses.Penalty, delta float64) func(h, w, bias, order, rate *graph.Node) []*graph.Node {
	labels := make([]int32, ufmSamples)
	for i := range labels {
		labels[i] = int32(i % ufmClasses)
	}
	return func(h, w, bias, order, rate *graph.Node) []*graph.Node {
		y := graph.Const(h.Graph(), labels)
		for i := range ufmSamples / ufmBatch {
			index := graph.InsertAxes(graph.Slice(order, graph.AxisRange(i*ufmBatch, (i+1)*ufmBatch)), -1)
			hb := graph.Gather(h, index)
			logits := graph.Add(graph.Dot(hb, graph.Transpose(w, 0, 1)).Product(), graph.ExpandLeftToRank(bias, 2))
			loss := graph.ReduceAllMean(losses.LabelSmoothing(logits, graph.Gather(y, index), delta))
			g := graph.Gradient(graph.Add(loss, losses.UFM(hb, w, bias, ufmSamples, p)), h, w, bias)
			h = graph.Sub(h, graph.Mul(rate, g[0]))
			w = graph.Sub(w, graph.Mul(rate, g[1]))
			bias = graph.Sub(bias, graph.Mul(rate, g[2]))
		}
		return []*graph.Node{h, w, bias}
	}
}

func norm(v []float32) float64 {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum)
}

func TestBadPenalty(t *testing.T) {
	for _, p := range []losses.Penalty{{W: -1}, {H: math.NaN()}, {B: math.Inf(1)}} {
		if p.Validate() == nil {
			t.Errorf("%+v was taken", p)
		}
	}
	if err := (losses.Penalty{W: 1e-3, H: 1e-6, B: 1e-2}).Validate(); err != nil {
		t.Error(err)
	}
}
