package files

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/nc"
)

// TestLayers: other arrays of the file and files of a folder give each what it gives
// alone.
func TestLayers(t *testing.T) {
	a, b := random(22, 90, 7, 3), random(23, 90, 4, 3)
	dir := t.TempDir()
	layer := func(r arrays) map[string]any { return map[string]any{"features": table(r.x, r.d), "labels": r.y} }
	wantA := files(t, Options{}, save(t, filepath.Join(dir, "layer2.npz"), layer(a)))
	wantB := files(t, Options{}, save(t, filepath.Join(dir, "layer10.npz"), layer(b)))
	same := func(what string, got nc.Layer, name string, want *nc.Summary) {
		t.Helper()
		if got.Name != name || got.NC1 != want.NC1 || got.NCCError != want.NCCError || got.D != want.D {
			t.Errorf("%s: %s with NC1 %v, want %s with %v", what, got.Name, got.NC1, name, want.NC1)
		}
	}
	sum, err := Folder(context.Background(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(sum.Layers) != 2 {
		t.Fatalf("%d layers in the folder", len(sum.Layers))
	}
	same("folder", sum.Layers[0], "layer2", wantA)
	same("folder", sum.Layers[1], "layer10", wantB)
	if sum.NC1 != wantB.NC1 {
		t.Errorf("at the top NC1 is %v, want the last layer's %v", sum.NC1, wantB.NC1)
	}

	sum = files(t, Options{}, save(t, filepath.Join(t.TempDir(), "f.npz"), map[string]any{
		"features": table(b.x, b.d), "features_conv1": table(a.x, a.d), "labels": a.y,
	}))
	if len(sum.Layers) != 1 || sum.NC1 != wantB.NC1 {
		t.Fatalf("%d layers, NC1 %v", len(sum.Layers), sum.NC1)
	}
	same("array", sum.Layers[0], "conv1", wantA)

	// NumPy files of features next to one of labels.
	npy := t.TempDir()
	for name, raw := range map[string][]byte{"stem.npy": npyBytes("<f8", fmt.Sprintf("(%d, %d)", 90, a.d), a.x),
		"labels.npy": npyBytes("<i4", "(90,)", a.y)} {
		if err := os.WriteFile(filepath.Join(npy, name), raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if sum, err = Folder(context.Background(), npy, Options{}); err != nil {
		t.Fatal(err)
	}
	same("npy", sum.Layers[0], "stem", wantA)

	b2, err := json.Marshal(sum)
	if err != nil || !strings.Contains(string(b2), `"layers":[{"name":"stem","n":90,`) {
		t.Errorf("JSON %s, %v", b2, err)
	}
	if _, err := Folder(context.Background(), t.TempDir(), Options{}); err == nil {
		t.Error("no error for an empty folder")
	}
}

// npyBytes is a .npy file of format version 1.
func npyBytes(dtype, shape string, data any) []byte {
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", dtype, shape)
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	out := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), byte(len(header)>>8))
	out = append(out, header...)
	switch v := data.(type) {
	case []float64:
		for _, x := range v {
			u := math.Float64bits(x)
			for i := range 8 {
				out = append(out, byte(u>>(8*i)))
			}
		}
	case []int32:
		for _, x := range v {
			out = append(out, byte(x), byte(x>>8), byte(x>>16), byte(x>>24))
		}
	}
	return out
}

// TestSeries: each file is a data set of its own, in the order of its epoch.
func TestSeries(t *testing.T) {
	dir := t.TempDir()
	var paths []string
	for _, epoch := range []int{10, 2} {
		r := random(uint64(epoch), 60, 4, 3)
		paths = append(paths, save(t, filepath.Join(dir, fmt.Sprintf("features-epoch%d.npz", epoch)),
			map[string]any{"features": table(r.x, 4), "labels": r.y}))
	}
	points, err := Series(context.Background(), paths, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(points) != 2 || points[0].Name != "features-epoch2" || points[0].NC1 != files(t, Options{}, paths[1]).NC1 {
		t.Errorf("series %v", points)
	}
}
