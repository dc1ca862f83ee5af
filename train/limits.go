package train

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/record"
)

// Bytes of a record and of one of its rows, more than they take.
const recordBytes, rowBytes = 64 << 10, 4 << 10

// diskBytes estimates the most that a run's folder holds: the pair of checkpoints and
// the one that is being written, those that are kept, record and test logits. Each
// checkpoint holds the record as well.
func (r *run) diskBytes() int64 {
	net := r.engine.Network
	var values int64
	slots := int64(len(slotNames(r.spec)))
	for _, t := range net.Tensors {
		values += int64(t.Size())
		if t.Trained() {
			values += slots * int64(t.Size())
		}
	}
	rec := int64(recordBytes)
	for epoch := 1; epoch <= r.spec.Epochs; epoch++ {
		if r.spec.Measured(epoch) {
			rec += rowBytes
		}
	}
	checkpoint := 4*values + rec + int64(len(net.Tensors))*1000
	return int64(3+len(r.options.KeepEpochs))*checkpoint + 2*rec + int64(len(r.set.Test.Labels))*int64(4*net.Classes+4)
}

// checkDisk reports a disk on which the run's files would not find room, before the
// first step. What the folder holds of them already counts.
func (r *run) checkDisk() error {
	dir := r.options.Out
	for {
		if _, err := os.Stat(dir); err == nil || filepath.Dir(dir) == dir {
			break
		}
		dir = filepath.Dir(dir)
	}
	free, err := freeBytes(dir)
	if err != nil {
		return nil // not known: the writes will tell
	}
	need := r.diskBytes()
	if entries, err := os.ReadDir(r.options.Out); err == nil {
		for _, e := range entries {
			if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
				need -= info.Size()
			}
		}
	}
	if need <= free {
		return nil
	}
	keep := ""
	if len(r.options.KeepEpochs) > 0 {
		keep = fmt.Sprintf(", keep fewer than %d checkpoints", len(r.options.KeepEpochs))
	}
	return fmt.Errorf("train: checkpoints, record and test logits need about %s more in %s, whose disk has %s free;"+
		" free some, take a folder on another disk%s, or force the run", size(need), r.options.Out, size(free), keep)
}

// checkMemory reports a run that this machine has too little memory for.
func checkMemory(spec record.Spec, set *data.Set) error {
	need, err := estimate(spec, set)
	if err != nil {
		return err
	}
	return enoughMemory(spec, need)
}

func enoughMemory(spec record.Spec, need int64) error {
	free, err := freeMemory("/")
	if err != nil || need <= free {
		return nil // or not known
	}
	return fmt.Errorf("train: the run needs about %s of memory, %s are available; take a smaller batch than %d,"+
		" accumulate it in more parts than %d, a narrower network than width %d, or force the run", size(need),
		size(free), spec.Batch, spec.Accumulate, spec.Width)
}

// size writes a number of bytes for people.
func size(n int64) string {
	switch v := float64(n); {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", v/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", v/(1<<20))
	default:
		return fmt.Sprintf("%d bytes", n)
	}
}
