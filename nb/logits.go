package nb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gocollapse/collapse/calib"
	"github.com/gocollapse/collapse/calib/files"
	"github.com/gocollapse/collapse/figures"
)

// Logits returns the logits of a run's test images, N×K, and their labels, or stops the cell. The run
// is named as for Run. Its folder has them in test_logits.npz, and of some committed records they are
// committed next to it, as NAME.logits.npz. It is an error if the file is not the one of which the
// record holds the checksum.
func Logits(name string) figures.Predictions { return Must(loadLogits(name)) }

func loadLogits(name string) (p figures.Predictions, err error) {
	rec, path, err := findRun(name)
	if err != nil {
		return p, err
	}
	if strings.HasSuffix(path, "record.json") {
		path = filepath.Dir(path)
	}
	file := filepath.Join(path, "test_logits.npz")
	if base, isFile := strings.CutSuffix(path, ".json"); isFile {
		file = base + ".logits.npz"
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return p, fmt.Errorf("run %q: its record is there, but not the logits of its test images, %s; "+
			"collapse train leaves them in the folder of a finished run", name, file)
	}
	if err != nil {
		return p, err
	}
	if want := rec.TestLogits; want != nil {
		if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != want.SHA256 {
			return p, fmt.Errorf("run %q: %s is not the file of which its record holds the checksum; "+
				"it belongs to another run, or was changed", name, file)
		}
	}
	f, err := files.Open(context.Background(), file, files.Logits)
	if err != nil {
		return p, err
	}
	defer f.Close()
	var logits []float64
	var labels []int32
	if err := f.Each(func(z []float64, y []int32) error {
		logits, labels = append(logits, z...), append(labels, y...)
		return nil
	}); err != nil {
		return p, err
	}
	_, k := f.Shape()
	if p.Source, err = calib.Slice(logits, labels, k); err != nil {
		return p, err
	}
	p.Label = Label(rec)
	p.Origin, err = figures.Origin(figures.Of(rec)...)
	return p, err
}
