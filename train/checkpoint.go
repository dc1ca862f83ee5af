package train

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/gocollapse/collapse/models"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/train/safetensors"
)

// File names in a run's folder.
const (
	RecordFile     = "record.json"
	CheckpointFile = "checkpoint.safetensors"
)

// slotPrefix stands before the name of an optimiser's slot and its parameter.
const slotPrefix = "optimizer."

// Checkpoint is a training run between two steps: all that continues it to the
// numbers of a run that was never stopped.
//
// Its file is in the safetensors format and holds the network under
// torchvision's names and in PyTorch's layouts (so load_state_dict takes it,
// once the keys that begin with "optimizer." are left out), the optimiser's
// slots as optimizer.SLOT.NAME, and in the metadata the specification
// ("spec", JSON), the complete "epoch"s, the complete "step"s of the epoch after
// them, what that epoch has summed up ("partial", JSON) and the record up to
// here ("record", JSON).
type Checkpoint struct {
	Epoch   int // complete epochs
	Step    int // complete steps of the epoch after them
	Partial Partial
	Record  record.Record

	State
}

// Partial is what the steps of an incomplete epoch have summed up.
type Partial struct {
	Loss    float64 `json:"loss"`    // sum of the steps' losses
	Seconds float64 `json:"seconds"` // wall time of the steps
}

// marshal returns the checkpoint's file. steps is the number of steps an epoch.
func (c *Checkpoint) marshal(net *models.Network, steps int) ([]byte, error) {
	spec, err := json.Marshal(c.Record.Spec)
	if err != nil {
		return nil, err
	}
	rec, err := json.Marshal(c.Record)
	if err != nil {
		return nil, err
	}
	partial, err := json.Marshal(c.Partial)
	if err != nil {
		return nil, err
	}
	f := &safetensors.File{
		Metadata: map[string]string{
			"format":  "pt", // what PyTorch's tools expect to find
			"spec":    string(spec),
			"epoch":   strconv.Itoa(c.Epoch),
			"step":    strconv.Itoa(c.Step),
			"steps":   strconv.FormatInt(c.Steps, 10),
			"partial": string(partial),
			"record":  string(rec),
		},
		Arrays: make(map[string]safetensors.Array),
	}
	trained := 0
	for i, t := range net.Tensors {
		f.Arrays[t.Name] = safetensors.Array{Shape: t.TorchShape(), F32: t.Torch(c.Values[i])}
		if t.Trained() {
			for _, slot := range c.Slots {
				f.Arrays[slotPrefix+slot.Name+"."+t.Name] = safetensors.Array{Shape: t.TorchShape(), F32: t.Torch(slot.Values[trained])}
			}
			trained++
		}
		if norm, ok := strings.CutSuffix(t.Name, ".running_var"); ok {
			// PyTorch counts the batches; its loader misses the number otherwise.
			f.Arrays[norm+".num_batches_tracked"] = safetensors.Array{I64: []int64{int64(c.Epoch*steps + c.Step)}}
		}
	}
	return f.Marshal()
}

// ReadCheckpoint reads a checkpoint of the given network from a file. It also
// returns the SHA-256 of the file in hexadecimal.
func ReadCheckpoint(path string, net *models.Network) (*Checkpoint, string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, "", fmt.Errorf("train: checkpoint: %w", err)
	}
	c, err := parseCheckpoint(b, net)
	if err != nil {
		return nil, "", fmt.Errorf("train: checkpoint %s: %w", path, err)
	}
	return c, hash(b), nil
}

func parseCheckpoint(b []byte, net *models.Network) (*Checkpoint, error) {
	f, err := safetensors.Unmarshal(b)
	if err != nil {
		return nil, err
	}
	c := new(Checkpoint)
	rec, err := record.Read(strings.NewReader(f.Metadata["record"]))
	if err != nil {
		return nil, err
	}
	c.Record = *rec
	if err := json.Unmarshal([]byte(f.Metadata["partial"]), &c.Partial); err != nil {
		return nil, fmt.Errorf("metadata partial: %w", err)
	}
	for name, dst := range map[string]*int{"epoch": &c.Epoch, "step": &c.Step} {
		if *dst, err = strconv.Atoi(f.Metadata[name]); err != nil || *dst < 0 {
			return nil, fmt.Errorf("metadata %s: want a count, found %q", name, f.Metadata[name])
		}
	}
	if text, ok := f.Metadata["steps"]; ok { // older checkpoints do without: sgd counts no steps
		if c.Steps, err = strconv.ParseInt(text, 10, 64); err != nil || c.Steps < 0 {
			return nil, fmt.Errorf("metadata steps: want a count, found %q", text)
		}
	}
	read := func(t models.Tensor, prefix string) []float32 {
		a, ok := f.Arrays[prefix+t.Name]
		switch {
		case !ok:
			err = errors.Join(err, fmt.Errorf("no array %s", prefix+t.Name))
		case a.I64 != nil || !slices.Equal(a.Shape, t.TorchShape()):
			err = errors.Join(err, fmt.Errorf("array %s has shape %v, want %v of float32", prefix+t.Name, a.Shape, t.TorchShape()))
		default:
			return t.FromTorch(a.F32)
		}
		return nil
	}
	for _, name := range slotNames(c.Record.Spec) {
		c.Slots = append(c.Slots, Slot{Name: name})
	}
	for _, t := range net.Tensors {
		c.Values = append(c.Values, read(t, ""))
		for i := range c.Slots {
			if t.Trained() {
				c.Slots[i].Values = append(c.Slots[i].Values, read(t, slotPrefix+c.Slots[i].Name+"."))
			}
		}
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

func hash(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
