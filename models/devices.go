package models

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
)

// MeanOverDevices returns the means of nodes over the devices of an SPMD graph, the same on
// each device; for one device the nodes themselves. All are reduced in one
// exchange.
//
// The gradient is right for a loss that is the mean of the devices' losses, each device
// taking the gradient of its own and the results being averaged: what arrives at the mean is
// averaged over the devices too. GoMLX has no gradient of its all-reduce.
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
