package files

import (
	"context"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gocollapse/collapse/internal/npztest"
)

// column returns an array of one dimension, matrix one of two.
func column(v ...float64) npztest.Array {
	return npztest.Array{Type: "<f8", Shape: []int{len(v)}, Values: v}
}

func matrixOf(rows, cols int, at func(i, j int) float64) npztest.Array {
	a := npztest.Array{Type: "<f8", Shape: []int{rows, cols}}
	for i := range rows {
		for j := range cols {
			a.Values = append(a.Values, at(i, j))
		}
	}
	return a
}

// turned is NumPy's x.T.
func turned(a npztest.Array) npztest.Array {
	rows, cols := a.Shape[0], a.Shape[1]
	return matrixOf(cols, rows, func(i, j int) float64 { return a.Values[j*cols+i] })
}

func (c named) with(name string, a npztest.Array) named {
	out := maps.Clone(c)
	out[name] = a
	return out
}

// plus is NumPy's x + v for an array of one dimension.
func plus(a npztest.Array, v float64) npztest.Array {
	a.Values = slices.Clone(a.Values)
	for i := range a.Values {
		a.Values[i] += v
	}
	return a
}

type named map[string]npztest.Array

// good is a file without a fault: four classes, six dimensions.
func good() named {
	const n, d, k = 40, 6, 4
	labels := npztest.Array{Type: "<i8", Shape: []int{n}}
	for i := range n {
		labels.Values = append(labels.Values, float64(i%k))
	}
	at := func(i, j int) float64 { return float64((i*i+3*i*j+j)%17) - 8 }
	return named{"features": matrixOf(n, d, at), "labels": labels, "weight": matrixOf(k, d, at),
		"bias": column(1, 2, 3, 4)}
}

// fault is a file that is refused: with o the error says words. better is what the remedy makes of it,
// nil where that is another data set, and say what to choose with it.
type fault struct {
	name   string
	bad    named
	o      Options
	words  []string
	better named
	say    Options
}

// without returns the file without some of its arrays.
func (c named) without(names ...string) named {
	out := maps.Clone(c)
	for _, n := range names {
		delete(out, n)
	}
	return out
}

// shaped is NumPy's x.reshape(shape).
func shaped(a npztest.Array, shape ...int) npztest.Array {
	a.Shape = shape
	return a
}

// labelFaults are the faults of labels.
func labelFaults() []fault {
	g := good()
	noWeight := g.without("weight", "bias")
	later := plus(g["labels"], 1)
	var labels, features []float64 // without class 2
	for i, y := range g["labels"].Values {
		if y != 2 {
			labels, features = append(labels, y), append(features, g["features"].Values[i*6:(i+1)*6]...)
		}
	}
	subset := g.with("labels", column(labels...)).with("features", shaped(column(features...), len(labels), 6))
	tens := plus(g["labels"], 0)
	for i, y := range tens.Values {
		tens.Values[i] = 10 * y
	}
	sparse := noWeight.with("labels", tens)
	oneHot := matrixOf(40, 4, func(i, j int) float64 { return float64(i % 4 / (j + 1)) })
	test := g.with("test_features", g["features"])
	return []fault{
		{name: "from 1", bad: noWeight.with("labels", later), better: noWeight,
			words: []string{"labels", "class 0 of 5", "1 to 4", "save labels - 1", "--classes present"}},
		{name: "from 1 since class 0 is absent", bad: noWeight.with("labels", later),
			better: noWeight.with("labels", later), say: Options{Present: true}, words: []string{"--classes present"}},
		{name: "from 1 with a weight", bad: g.with("labels", later), better: g,
			words: []string{"sample 3 has label 4", "rows of weight", "1 to 4, start at 1", "save labels - 1"}},
		{name: "from 1 with K", bad: noWeight.with("labels", later), o: Options{K: 4},
			better: noWeight, say: Options{K: 4},
			words: []string{"--k", "save labels - 1"}},
		{name: "of a part of the classes", bad: subset, better: subset, say: Options{Present: true},
			words: []string{"class 2 of 4", "0, 1, 3", "rows of weight", "--classes present"}},
		{name: "with gaps", bad: sparse, better: noWeight,
			words: []string{"of 31", "0, 10, 20, 30", "numpy.unique", "--classes present"}},
		{name: "with gaps as they are", bad: sparse, better: sparse, say: Options{Present: true},
			words: []string{"--classes present"}},
		{name: "negative", bad: g.with("labels", plus(g["labels"], -1)),
			words: []string{"sample 0 has label -1", "labels >= 0"}},
		{name: "column", bad: g.with("labels", shaped(g["labels"], 40, 1)), better: g,
			words: []string{"[40 1]", "labels.ravel()"}},
		{name: "one-hot", bad: g.with("labels", oneHot), better: g, words: []string{"[40 4]", "argmax(1)"}},
		{name: "of test samples from 1", bad: test.with("test_labels", later),
			better: test.with("test_labels", g["labels"]),
			words:  []string{"test_labels", "save test_labels - 1"}},
	}
}

// shapeFaults are the faults of features and of the classifier.
func shapeFaults() []fault {
	g := good()
	noBias := g.without("bias")
	weight := g["weight"]
	broken := plus(weight, 0)
	broken.Values[23] = math.NaN()
	two := plus(g["labels"], 0)
	for i := range two.Values {
		two.Values[i] = float64(i % 2)
	}
	binary := noBias.with("labels", two)
	row := matrixOf(1, 6, func(_, j int) float64 { return float64(j + 1) })
	pair := matrixOf(2, 6, func(i, j int) float64 { return (float64(i) - 0.5) * float64(j+1) })
	wide := matrixOf(4, 7, func(i, j int) float64 { return float64(i - j) })
	return []fault{
		{name: "transposed weight with bias", bad: g.with("weight", turned(weight)), better: g,
			words: []string{"bias has shape [4]", "6×4", "weight.T"}},
		{name: "transposed weight", bad: noBias.with("weight", turned(weight)), better: noBias,
			words: []string{"6×4", "d = 6", "weight.T"}},
		{name: "transposed weight with K", bad: noBias.with("weight", turned(weight)), o: Options{K: 4}, better: noBias,
			say: Options{K: 4}, words: []string{"weight.T"}},
		{name: "another K", bad: g, o: Options{K: 5}, better: g, words: []string{"4 rows", "K = 5", "leave it out"}},
		{name: "convolution", bad: g.with("weight", shaped(weight, 4, 6, 1, 1)), better: g,
			words: []string{"[4 6 1 1]", "reshape(len(weight), -1)"}},
		{name: "column bias", bad: g.with("bias", shaped(g["bias"], 4, 1)), better: g,
			words: []string{"[4 1]", "bias.ravel()"}},
		{name: "transposed features", bad: g.with("features", turned(g["features"])), better: g,
			words: []string{"d×N", "features.T"}},
		{name: "bias in the weight", bad: noBias.with("weight", wide), better: noBias,
			words: []string{"4×7", "weight[:, :-1]"}},
		{name: "NaN in the weight", bad: g.with("weight", broken), better: g,
			words: []string{"weight of class 3, dimension 5 is NaN"}},
		{name: "binary weight", bad: binary.with("weight", row), better: binary.with("weight", pair),
			words: []string{"sample 1 has label 1", "numpy.concatenate([-weight, weight]) / 2"}},
		{name: "binary weight as a vector", bad: binary.with("weight", shaped(row, 6)),
			better: binary.with("weight", pair), words: []string{"[6]", "numpy.stack([-weight, weight]) / 2"}},
		{name: "features in planes", bad: g.with("features", shaped(g["features"], 40, 3, 2, 1)), better: g,
			words: []string{"[40 3 2 1]", "x.reshape(len(x), -1)"}},
		{name: "bias alone", bad: g.without("weight"), better: g.without("weight", "bias"),
			words: []string{"no weight", "leave the bias out"}},
		{name: "no weight for outcomes", bad: g.without("weight", "bias"), o: Options{Outcomes: true}, better: g,
			say: Options{Outcomes: true}, words: []string{"no file has a weight", "save the last layer's weight"}},
	}
}

// TestAdvice: each error names the file, what was found and a remedy; the file that the remedy makes
// is measured.
func TestAdvice(t *testing.T) {
	for _, c := range append(labelFaults(), shapeFaults()...) {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bad.npz")
			npztest.Write(t, path, c.bad)
			_, err := Measure(context.Background(), []string{path}, c.o)
			if err == nil {
				t.Fatal("no error")
			}
			mentions(t, err, append(c.words, path)...)
			if c.better == nil {
				return
			}
			npztest.Write(t, path, c.better)
			if _, err := Measure(context.Background(), []string{path}, c.say); err != nil {
				t.Errorf("the remedy does not work: %v", err)
			}
		})
	}
}
