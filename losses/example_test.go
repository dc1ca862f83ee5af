package losses_test

import (
	"fmt"
	"strings"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/gocollapse/collapse/losses"
	"github.com/gocollapse/collapse/record"
)

// confidencePenalty is cross entropy less β times the entropy of the softmax (Pereyra et al. 2017,
// https://arxiv.org/abs/1701.06548): logits B×K and labels B to B losses.
func confidencePenalty(logits, labels *graph.Node, l record.Loss) *graph.Node {
	beta, ok := l.Parameters["beta"]
	if !ok || beta < 0 {
		panic(fmt.Errorf("loss %s: beta is %v, want a number from 0", l.Name, beta))
	}
	p := graph.Softmax(logits, -1)
	entropy := graph.Neg(graph.ReduceSum(graph.Mul(p, graph.LogSoftmax(logits, -1)), -1))
	return graph.Sub(losses.CrossEntropy(logits, labels), graph.MulScalar(entropy, beta))
}

// A loss of your own: register its function, then name it in a specification. train.Run trains it
// like any other, and the record, the figures and the report call it by its name.
func ExampleRegister() {
	losses.Register("confidence", confidencePenalty)

	spec, err := record.ReadSpec(strings.NewReader(`{"loss": "own:confidence", "loss_parameters": {"beta": 0.1}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(spec.Loss)

	backend, err := compute.NewWithConfig("go")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer backend.Finalize()
	logits, labels := [][]float32{{1, 1}, {3, 0}}, []int32{0, 1}
	each := graph.MustExecOnce(backend, func(z, y *graph.Node) *graph.Node {
		return losses.Each(spec.Loss, z, y)
	}, logits, labels)
	fmt.Printf("%.3f\n", each.Value())

	// Output:
	// confidence (beta = 0.1)
	// [0.624 3.030]
}
