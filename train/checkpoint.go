package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gocollapse/collapse/internal/atomic"
	"github.com/gocollapse/collapse/models"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/train/safetensors"
)

// File names in a run's folder.
const (
	RecordFile     = "record.json"
	CheckpointFile = "checkpoint.safetensors"          // the newest
	PreviousFile   = "checkpoint.previous.safetensors" // the one before
	DamagedFile    = "checkpoint.damaged.safetensors"  // a newest that could not be read
	LogitsFile     = "test_logits.npz"                 // of a finished run

	nextFile = "checkpoint.next" // on its way to become the newest
)

// KeptFile returns the name of the checkpoint that Options.KeepEpochs keeps of an epoch.
func KeptFile(epoch int) string { return fmt.Sprintf("checkpoint-epoch-%d.safetensors", epoch) }

// checkpointVersion is the version of checkpoints that this package writes: from 2 on
// the file holds its own checksum.
const checkpointVersion = 2

// errDamaged says of a checkpoint that its bytes are not those that were written.
var errDamaged = errors.New("the file is damaged")

// slotPrefix comes before the name of an optimiser's slot and its parameter.
const slotPrefix = "optimizer."

// Checkpoint is a run between two steps: everything that continues it to the
// numbers of a run that was never stopped.
//
// Its file is in the safetensors format and holds the network under
// torchvision's names and in PyTorch's layouts (so load_state_dict takes it,
// once the keys that begin with "optimizer." are left out), the optimiser's
// slots as optimizer.SLOT.NAME, and in the metadata the specification
// ("spec", JSON), the "version" of these fields, the complete "epoch"s, the complete "step"s of
// the epoch after them, the sums over that epoch so far ("partial", JSON), the record up to
// here ("record", JSON) and the "checksum": the SHA-256 of the file with zeros in the
// checksum's place. Seed, epoch and step are the whole random state.
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

// marshal returns the checkpoint's file. steps is the number of steps per epoch.
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
			"format":   "pt", // what PyTorch's tools expect to find
			"version":  strconv.Itoa(checkpointVersion),
			"checksum": strings.Repeat("0", checksumLen),
			"spec":     string(spec),
			"epoch":    strconv.Itoa(c.Epoch),
			"step":     strconv.Itoa(c.Step),
			"steps":    strconv.FormatInt(c.Steps, 10),
			"partial":  string(partial),
			"record":   string(rec),
		},
		Arrays: make(map[string]safetensors.Array),
	}
	trained := 0
	for i, t := range net.Tensors {
		f.Arrays[t.Name] = safetensors.Array{Shape: t.TorchShape(), F32: t.Torch(c.Values[i])}
		if t.Trained() {
			for _, slot := range c.Slots {
				f.Arrays[slotPrefix+slot.Name+"."+t.Name] = safetensors.Array{
					Shape: t.TorchShape(),
					F32:   t.Torch(slot.Values[trained]),
				}
			}
			trained++
		}
		if norm, ok := strings.CutSuffix(t.Name, ".running_var"); ok {
			// PyTorch counts the batches; its loader misses the number otherwise.
			f.Arrays[norm+".num_batches_tracked"] = safetensors.Array{I64: []int64{int64(c.Epoch*steps + c.Step)}}
		}
	}
	b, err := f.Marshal()
	if err != nil {
		return nil, err
	}
	// Everything up to here is written with zeros in the checksum's place.
	at := checksumAt(b)
	copy(b[at:], hash(b))
	return b, nil
}

const checksumLen = 2 * sha256.Size

// checksumAt returns where in a file the checksum is, or −1. Inside the other
// texts of the header the quotes are escaped.
func checksumAt(b []byte) int {
	header := b[8 : 8+binary.LittleEndian.Uint64(b)]
	key := []byte(`"checksum":"`)
	at := bytes.Index(header, key)
	if at < 0 || at+len(key)+checksumLen > len(header) {
		return -1
	}
	return 8 + at + len(key)
}

// verify checks the checksum of a file that safetensors can read. A checkpoint of
// version 1 has none.
func verify(b []byte, metadata map[string]string) error {
	at := checksumAt(b)
	if at < 0 {
		if _, ok := metadata["version"]; ok {
			return fmt.Errorf("%w: it has no checksum", errDamaged)
		}
		return nil
	}
	h := sha256.New()
	h.Write(b[:at])
	h.Write(bytes.Repeat([]byte("0"), checksumLen))
	h.Write(b[at+checksumLen:])
	if sum, want := hex.EncodeToString(h.Sum(nil)), string(b[at:at+checksumLen]); sum != want {
		return fmt.Errorf("%w: its SHA-256 is %s, it says %s", errDamaged, sum, want)
	}
	return nil
}

// ReadCheckpoint reads a checkpoint of the given network from a file. It also
// returns the SHA-256 of the file in hexadecimal. A file whose bytes changed after it
// was written is an error, as is one of another network.
func ReadCheckpoint(path string, net *models.Network) (*Checkpoint, string, error) {
	f, err := openCheckpoint(path)
	if err == nil {
		err = f.load(net)
	}
	if err != nil {
		return nil, "", fmt.Errorf("train: checkpoint %w", err)
	}
	return &f.Checkpoint, f.sha256, nil
}

// checkpointFile is a checkpoint whose bytes were verified. Its State is there after load.
type checkpointFile struct {
	Checkpoint
	path      string
	sha256    string // of the file
	checksum  bool   // the file holds its own
	container *safetensors.File
}

// openCheckpoint reads a file and verifies it. Its errors name the path; those of bytes
// that are not a checkpoint are errDamaged.
func openCheckpoint(path string) (*checkpointFile, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := &checkpointFile{path: path, sha256: hash(b)}
	damaged := func(err error) (*checkpointFile, error) {
		if !errors.Is(err, errDamaged) {
			err = fmt.Errorf("%w: %w", errDamaged, err)
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if c.container, err = safetensors.Unmarshal(b); err != nil {
		return damaged(err)
	}
	meta := c.container.Metadata
	if err := verify(b, meta); err != nil {
		return damaged(err)
	}
	if _, ok := meta["record"]; !ok {
		return nil, fmt.Errorf("%s: a safetensors file, but no checkpoint of Collapse: its metadata has no record",
			path)
	}
	if text, ok := meta["version"]; ok {
		c.checksum = true
		if v, err := strconv.Atoi(text); err != nil || v > checkpointVersion {
			return nil, fmt.Errorf("%s: a checkpoint of version %s; this Collapse reads 1 to %d, a newer one may"+
				" read it", path, text, checkpointVersion)
		}
	}
	rec, err := record.Read(strings.NewReader(meta["record"]))
	if err != nil {
		if c.checksum { // as it was written
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return damaged(err)
	}
	c.Record = *rec
	if err := json.Unmarshal([]byte(meta["partial"]), &c.Partial); err != nil {
		return damaged(fmt.Errorf("metadata partial: %w", err))
	}
	for name, dst := range map[string]*int{"epoch": &c.Epoch, "step": &c.Step} {
		if *dst, err = strconv.Atoi(meta[name]); err != nil || *dst < 0 {
			return damaged(fmt.Errorf("metadata %s: want a count, found %q", name, meta[name]))
		}
	}
	if text, ok := meta["steps"]; ok { // older checkpoints do without: sgd counts no steps
		if c.Steps, err = strconv.ParseInt(text, 10, 64); err != nil || c.Steps < 0 {
			return damaged(fmt.Errorf("metadata steps: want a count, found %q", text))
		}
	}
	return c, nil
}

// load takes the network's state out of the file.
func (c *checkpointFile) load(net *models.Network) error {
	var faults []string
	read := func(t models.Tensor, prefix string) []float32 {
		a, ok := c.container.Arrays[prefix+t.Name]
		switch {
		case !ok:
			faults = append(faults, "it has no array "+prefix+t.Name)
		case a.I64 != nil || !slices.Equal(a.Shape, t.TorchShape()):
			faults = append(faults,
				fmt.Sprintf("array %s has shape %v, want %v of float32", prefix+t.Name, a.Shape, t.TorchShape()))
		default:
			return t.FromTorch(a.F32)
		}
		return nil
	}
	c.Values, c.Slots = nil, nil
	for _, name := range slotNames(c.Record.Spec.Resolve()) {
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
	if n := len(faults); n > 0 {
		more := ""
		if n > 3 {
			faults, more = faults[:3], fmt.Sprintf("; and %d more", n-3)
		}
		return fmt.Errorf("%s: its network is not the specification's %s: %s%s", c.path, net.Name,
			strings.Join(faults, "; "), more)
	}
	c.container = nil
	return nil
}

// infinite returns the name of a tensor or slot that holds a NaN or an infinity, or "".
func (s *State) infinite(net *models.Network) string {
	bad := func(v []float32) bool {
		for _, x := range v {
			if x-x != 0 { // NaN of both
				return true
			}
		}
		return false
	}
	trained := 0
	for i, t := range net.Tensors {
		if bad(s.Values[i]) {
			return t.Name
		}
		if !t.Trained() {
			continue
		}
		for _, slot := range s.Slots {
			if bad(slot.Values[trained]) {
				return slotPrefix + slot.Name + "." + t.Name
			}
		}
		trained++
	}
	return ""
}

// writeCheckpoint puts the checkpoint's bytes in place of the newest, which becomes the previous
// one. A kill at any moment leaves at least one of the two whole.
func writeCheckpoint(dir string, b []byte) error {
	next, newest := filepath.Join(dir, nextFile), filepath.Join(dir, CheckpointFile)
	moment("write checkpoint")
	if err := atomic.WriteFile(next, b); err != nil {
		return err
	}
	moment("checkpoint written")
	if err := os.Rename(newest, filepath.Join(dir, PreviousFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	moment("newest is previous")
	return os.Rename(next, newest)
}

// moment is called where a kill leaves a folder in another state. Tests kill there.
var moment = func(string) {}

func hash(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
