package train

import (
	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/record"
)

// compiling is what XLA takes for a ResNet-18's step without the data, measured with
// the smallest batches.
const compiling = 350 << 20

// EstimateMemory returns roughly how many bytes an Engine takes in addition to the set itself, on
// all its devices together. On a CPU that is memory of the process. It counts the images on each
// device, the network's values, the optimiser's slots and gradients, one and a half times the
// activations that a part of a batch keeps for its backward pass, and what XLA takes to
// compile. Activations in bfloat16 count as float32's: XLA's CPU plugin converts them to compute.
// The error is that of a specification or set that NewEngine refuses.
//
// Measured on the XLA CPU plugin, ResNet-18 on images 32×32, the process grew at its peak by
// 0.98 to 1.14 times this: 1509 MB at width 64 and 665 MB at width 16 for batches of 128.
func EstimateMemory(spec record.Spec, set *data.Set) (int64, error) {
	spec, err := resolve(spec)
	if err != nil {
		return 0, err
	}
	return estimate(spec, set)
}

func estimate(spec record.Spec, set *data.Set) (int64, error) {
	m, err := newStepBuilder(spec, set)
	if err != nil {
		return 0, err
	}
	var values, parameters int64
	for _, t := range m.net.Tensors {
		values += int64(t.Size())
		if t.Trained() {
			parameters += int64(t.Size())
		}
	}
	slots := parameters * int64(len(slotNames(spec)))
	// A step makes new values and slots while it holds the old ones.
	held := 2*(values+slots) + parameters
	if spec.Accumulate > 1 || spec.Devices > 1 {
		held += 2 * parameters // the sum of gradients, old and new
	}
	images := int64(len(set.Train.Images) + len(set.Test.Images))

	kept := int64(m.net.Kept(set.Height, set.Width))
	part := int64(spec.Batch / spec.Accumulate) // of all devices together
	devices := int64(spec.Devices)
	step := 4 * kept * part * 3 / 2
	// An evaluation keeps few layers at once.
	evaluation := kept * 4 * evalBatch * devices / 8
	return compiling + devices*(images+4*held) + max(step, evaluation), nil
}
