package nb

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/calib"
	"github.com/gocollapse/collapse/npz"
	"github.com/gocollapse/collapse/record"
)

// TestLogits holds that a run's logits are those of the file whose checksum its record holds, from its
// folder and next to a committed record.
func TestLogits(t *testing.T) {
	rec, err := record.ReadFile("../records/fashion-cnn-tiny.json")
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	t.Setenv("COLLAPSE_ROOT", root)
	file := filepath.Join(root, "runs", "x", "test_logits.npz")
	write(t, filepath.Join(root, "go.mod"), "module github.com/gocollapse/collapse\n")
	write(t, file, "")
	w, err := npz.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	// Three of four are predicted right.
	if err := npz.Write(w, "logits", []int{4, 2}, []float32{2, 0, 1, 3, 5, 0, 0, 1}); err != nil {
		t.Fatal(err)
	}
	if err := npz.Write(w, "labels", []int{4}, []int32{0, 1, 1, 1}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	npzText, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(npzText)
	rec.TestLogits = &record.File{Name: "test_logits.npz", Size: int64(len(npzText)),
		SHA256: hex.EncodeToString(sum[:])}
	text, err := json.Marshal(rec)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "runs", "x", "record.json"), string(text))
	write(t, filepath.Join(root, "records", "y.json"), string(text))
	write(t, filepath.Join(root, "records", "y.logits.npz"), string(npzText))
	for _, name := range []string{"x", "y"} {
		p, err := loadLogits(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s, err := calib.Summarise(p, 15)
		if err != nil || s.N != 4 || s.Accuracy != 0.75 || p.Label != Label(rec) || p.Origin == "" {
			t.Errorf("%s: accuracy %v, label %q, origin %q (%v)", name, s.Accuracy, p.Label, p.Origin, err)
		}
	}
	write(t, filepath.Join(root, "records", "y.logits.npz"), string(npzText)+" ")
	if _, err := loadLogits("y"); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("another file gives %v", err)
	}
	write(t, filepath.Join(root, "records", "z.json"), string(text))
	if _, err := loadLogits("z"); err == nil || !strings.Contains(err.Error(), "z.logits.npz") {
		t.Errorf("a record without logits gives %v", err)
	}
}
