package losses

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/gocollapse/collapse/backend/backendtest"
	"github.com/gocollapse/collapse/record"
)

// Every loss of the table has a function, and every function is a loss of the table.
func TestFunctions(t *testing.T) {
	want := slices.Sorted(slices.Values(record.LossNames()))
	if got := slices.Sorted(maps.Keys(functions)); !slices.Equal(got, want) {
		t.Errorf("functions of %v, the table has %v", got, want)
	}
}

func TestRegisterRefuses(t *testing.T) {
	f := func(z, y *graph.Node, _ record.Loss) *graph.Node { return CrossEntropy(z, y) }
	Register("once", f)
	for name, call := range map[string]func(){
		"no name":         func() { Register("", f) },
		"no function":     func() { Register("empty", nil) },
		"a name for both": func() { Register("once", f) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: was registered", name)
				}
			}()
			call()
		}()
	}
}

// A user's function that returns one value for the whole batch is refused by name.
func TestOwnShape(t *testing.T) {
	Register("mean", func(z, y *graph.Node, _ record.Loss) *graph.Node {
		return graph.ReduceAllMean(CrossEntropy(z, y))
	})
	exec, err := graph.NewExec(backendtest.Go(t), func(z, y *graph.Node) *graph.Node {
		return Each(record.Loss{Name: "own:mean"}, z, y)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	_, err = exec.Call([][]float32{{0, 1}, {2, 3}}, []int32{0, 1})
	if err == nil || !strings.Contains(err.Error(), "own:mean") {
		t.Errorf("error %v, want one that names the loss", err)
	}
}
