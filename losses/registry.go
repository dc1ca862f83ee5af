package losses

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/gocollapse/collapse/record"
)

// Function is a loss as a graph function: from logits B×K and labels B in 0…K−1 it returns the B
// samples' losses. l has the loss's parameters.
type Function func(logits, labels *graph.Node, l record.Loss) *graph.Node

// functions has the function of every loss of record.Losses.
var functions = map[string]Function{
	"ce":    func(z, y *graph.Node, _ record.Loss) *graph.Node { return CrossEntropy(z, y) },
	"ls":    func(z, y *graph.Node, l record.Loss) *graph.Node { return LabelSmoothing(z, y, l.Delta) },
	"focal": func(z, y *graph.Node, l record.Loss) *graph.Node { return Focal(z, y, l.FocalGamma) },
	"mse":   func(z, y *graph.Node, _ record.Loss) *graph.Node { return MSE(z, y) },
	"mse-resc": func(z, y *graph.Node, l record.Loss) *graph.Node {
		return RescaledMSE(z, y, l.MSEWeight, l.MSETarget)
	},
	"maxsup": func(z, y *graph.Node, l record.Loss) *graph.Node { return MaxSup(z, y, l.Delta) },
}

// own has the functions that Register was given, by name.
var own struct {
	sync.RWMutex
	functions map[string]Function
}

// Register makes f the loss own:NAME, which a specification may then name. Its parameters are
// Loss.Parameters, which the specification has as loss_parameters; f panics where one does not
// fit, as graph functions do. Register is for a program's start: it panics if f is nil, name is
// empty or is registered already.
func Register(name string, f Function) {
	own.Lock()
	defer own.Unlock()
	if name == "" || f == nil {
		panic(fmt.Errorf("losses: registering %q: want a name and a function", name))
	}
	if _, ok := own.functions[name]; ok {
		panic(fmt.Errorf("losses: %q is registered already", name))
	}
	if own.functions == nil {
		own.functions = map[string]Function{}
	}
	own.functions[name] = f
}

// Check reports what Validate does, and a loss of the user's own that this program did not
// register.
func Check(l record.Loss) error {
	_, err := function(l)
	return err
}

// function returns the function of a valid loss.
func function(l record.Loss) (Function, error) {
	if err := l.Validate(); err != nil {
		return nil, fmt.Errorf("losses: %w", err)
	}
	name, isOwn := strings.CutPrefix(l.Name, record.OwnLoss)
	if !isOwn {
		return functions[name], nil
	}
	own.RLock()
	defer own.RUnlock()
	if f, ok := own.functions[name]; ok {
		return f, nil
	}
	return nil, fmt.Errorf("losses: this program has no loss %s; call losses.Register(%q, …) in it before training",
		l.Name, name)
}

// Each returns the losses of B samples from logits B×K and labels B. It panics where Check reports
// an error and where a user's function does not return B values, as graph functions do.
func Each(l record.Loss, logits, labels *graph.Node) *graph.Node {
	f, err := function(l)
	if err != nil {
		panic(err)
	}
	each := f(logits, labels, l)
	if want := []int{logits.Shape().Dim(0)}; !slices.Equal(each.Shape().Dimensions, want) {
		panic(fmt.Errorf("losses: loss %s has shape %v, want %v, one value for each sample",
			l.Name, each.Shape().Dimensions, want))
	}
	return each
}

// must panics if a parameter of the loss is outside its range, as graph functions do.
func must(l record.Loss) {
	if err := l.Validate(); err != nil {
		panic(fmt.Errorf("losses: %w", err))
	}
}
