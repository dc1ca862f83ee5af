package models

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
)

// MeanOverDevices returns the means of nodes over the devices of an SPMD graph, the same on each
// device. It reduces all nodes in one exchange. For one device it returns the nodes themselves.
//
// The gradient, which GoMLX's all-reduce lacks, is the one for a loss that is the mean of the
// devices' losses, where each device takes the gradient of its own loss and the results are
// averaged: the adjoint of the mean is averaged over the devices too.
func MeanOverDevices(devices int, nodes ...*graph.Node) []*graph.Node {
	if devices == 1 || len(nodes) == 0 {
		return nodes
	}
	g := nodes[0].Graph()
	means := g.Distributed().AllReduce(nodes, compute.ReduceOpSum)
	out := make([]*graph.Node, len(nodes))
	for i, x := range nodes {
		mean := graph.StopGradient(graph.DivScalar(means[i], float64(devices)))
		slope := graph.IdentityWithCustomGradient(x, func(_, v *graph.Node) *graph.Node {
			return graph.DivScalar(g.Distributed().AllReduceOne(v, compute.ReduceOpSum), float64(devices))
		})
		// The difference is 0, and carries the gradient.
		out[i] = graph.Add(mean, graph.Sub(slope, graph.StopGradient(x)))
	}
	return out
}
