package claims

import (
	"fmt"

	"github.com/gocollapse/collapse/record"
)

// plannedSeeds are the seeds of the planned runs: all of them for the pair of CIFAR-10, else three.
var plannedSeeds = []int64{2021, 2022, 2023, 2024, 2025}

// planned lists the names of the runs that a need asks for, as a base and the loss.
func planned(n Need) (list []string) {
	base, deltas, seeds := "", []float64{0, paperDelta}, plannedSeeds[:3]
	switch n {
	case Pairs:
		base, seeds = "cifar10-twin", plannedSeeds
	case Pairs100:
		base = "cifar100-twin"
	case PairsSTL:
		base = "stl10-resnet50"
	case PairsTiny:
		base = "tiny-imagenet-twin"
	case Sweep, Sweep100:
		base, deltas = "cifar10-twin", []float64{0, 0.02, paperDelta, 0.08, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95}
		if n == Sweep100 {
			base = "cifar100-twin"
		}
	case UFMSweep:
		base, deltas = "cifar10-ufm-twin", []float64{0, paperDelta, 0.1, 0.2, 0.3, 0.4}
	default:
		return nil
	}
	for _, delta := range deltas {
		for _, seed := range seeds {
			list = append(list, fmt.Sprintf("%s-%s-%d", base, lossName(delta), seed))
		}
	}
	return list
}

// lossName is a loss in a run's name: ce, ls for the paper's δ, ls0.1 for another.
func lossName(delta float64) string {
	switch delta {
	case 0:
		return "ce"
	case paperDelta:
		return "ls"
	}
	return record.Loss{Name: "ls", Delta: delta}.Slug()
}

// missing lists the planned runs of needs that are not among the records.
func (e *evidence) missing(needs ...Need) (list []string) {
	for _, n := range needs {
		for _, name := range planned(n) {
			if !e.names[name] {
				list = append(list, name)
			}
		}
	}
	return list
}
