package train_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gocollapse/collapse/backend/backendtest"
	"github.com/gocollapse/collapse/models"
	"github.com/gocollapse/collapse/npz"
	"github.com/gocollapse/collapse/train"
	"github.com/gocollapse/collapse/train/safetensors"
)

func build(t testing.TB, name string, o models.Options) *models.Network {
	t.Helper()
	net, err := models.Build(name, o)
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// distinct returns values for a network, no two of them alike, so that one
// out of place shows.
func distinct(net *models.Network) [][]float32 {
	values := net.Initial(3)
	n := float32(0)
	for i := range values {
		for j := range values[i] {
			n++
			values[i][j] = n / 8
		}
	}
	return values
}

// logits returns the network's logits in evaluation mode on the images of
// testdata/torch_networks.py.
func logits(t *testing.T, b compute.Backend, net *models.Network, values [][]float32, size int) []float32 {
	t.Helper()
	pixels := make([]float32, 8*size*size*3)
	for i := range pixels {
		v := uint64(i) * 2654435761 % (1 << 32) >> 12
		v = v * 40503 % (1 << 16) >> 8
		pixels[i] = float32(v)/64 - 2
	}
	exec, err := graph.NewExec(b, func(in []*graph.Node) *graph.Node {
		return net.Forward(in[:len(in)-1], in[len(in)-1], false).Logits
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	var in []any
	for i, v := range values {
		in = append(in, tensors.FromFlatDataAndDimensions(v, net.Tensors[i].Shape...))
	}
	out, err := exec.Call(append(in, tensors.FromFlatDataAndDimensions(pixels, 8, size, size, 3))...)
	if err != nil {
		t.Fatal(err)
	}
	return tensors.MustCopyFlatData[float32](out[0])
}

// Files that PyTorch wrote give PyTorch's logits (testdata/torch_weights.py).
func TestReadWeightsAsPyTorch(t *testing.T) {
	b, err := os.ReadFile("testdata/torch_weights.json")
	if err != nil {
		t.Fatal(err)
	}
	var torch struct{ Logits map[string][]float32 }
	if err := json.Unmarshal(b, &torch); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		file, model string
		options     models.Options
		size        int
	}{
		{"torch_resnet50.safetensors", "resnet50", models.Options{Width: 2, Channels: 3, Classes: 5}, 16},
		{"torch_resnet18.npz", "resnet18",
			models.Options{Width: 2, Channels: 3, Classes: 5, Stem: models.StemOriginal}, 32},
	} {
		net := build(t, c.model, c.options)
		values, err := train.ReadWeights(filepath.Join("testdata", c.file), net)
		if err != nil {
			t.Fatal(err)
		}
		backendtest.Each(t, func(t *testing.T, b compute.Backend) {
			got, want := logits(t, b, net, values, c.size), torch.Logits[c.file]
			if len(got) != len(want) {
				t.Fatalf("%d logits, want %d", len(got), len(want))
			}
			for i := range got {
				if math.Abs(float64(got[i]-want[i])) > 1e-5 {
					t.Errorf("%s: logit %d is %v, PyTorch's %v", c.file, i, got[i], want[i])
				}
			}
		})
	}
}

func TestWeightsRoundTrip(t *testing.T) {
	for name, net := range map[string]*models.Network{
		"resnet18": build(t, "resnet18", models.Options{Width: 2, Channels: 3, Classes: 4, FeatureNorm: true}),
		"resnet50": build(t, "resnet50", models.Options{Width: 1, Channels: 1, Classes: 3, Stem: models.StemOriginal}),
		"cnn":      build(t, "cnn", models.Options{Width: 2, Channels: 3, Classes: 4, Head: models.HeadETF}),
		"mlp":      build(t, "mlp", models.Options{Width: 5, Channels: 3, Classes: 4, Size: 4, Depth: 3}),
	} {
		values := distinct(net)
		for _, kind := range []string{".safetensors", ".npz", ".NPZ"} {
			path := filepath.Join(t.TempDir(), "w"+kind)
			if err := train.WriteWeights(path, net, values); err != nil {
				t.Fatal(err)
			}
			got, err := train.ReadWeights(path, net)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, values) {
				t.Errorf("%s%s: values read are not those written", name, kind)
			}
		}
	}
}

// What is written has PyTorch's layouts and, so that a strict load finds every
// name, its counts of batches.
func TestWriteWeightsForPyTorch(t *testing.T) {
	net := build(t, "cnn", models.Options{Width: 2, Channels: 3, Classes: 4})
	values := distinct(net)
	dir := t.TempDir()
	for _, kind := range []string{".safetensors", ".npz"} {
		if err := train.WriteWeights(filepath.Join(dir, "w"+kind), net, values); err != nil {
			t.Fatal(err)
		}
	}
	s, err := safetensors.ReadFile(filepath.Join(dir, "w.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	n, err := npz.Open(filepath.Join(dir, "w.npz"))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if want := len(net.Tensors) + 4; len(s.Arrays) != want || len(n.Names()) != want {
		t.Errorf("%d and %d arrays, want %d", len(s.Arrays), len(n.Names()), want)
	}
	for i, x := range net.Tensors {
		a, err := n.Array(x.Name)
		if err != nil {
			t.Fatal(err)
		}
		v, err := a.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		want := safetensors.Array{Shape: x.TorchShape(), F32: x.Torch(values[i])}
		if !reflect.DeepEqual(s.Arrays[x.Name], want) || !slices.Equal(a.Shape, want.Shape) ||
			!slices.Equal(v, want.F32) {
			t.Errorf("%s is not in PyTorch's layout", x.Name)
		}
	}
	count := "bn4.num_batches_tracked"
	a, err := n.Array(count)
	if err != nil || a.DType != "<i8" || len(a.Shape) != 0 ||
		!reflect.DeepEqual(s.Arrays[count], safetensors.Array{Shape: []int{}, I64: []int64{0}}) {
		t.Errorf("counts are %v and %v (%v), want one int64 without dimensions", a, s.Arrays[count], err)
	}
}

// A strict load_state_dict takes what is written, and PyTorch's logits are ours
// (testdata/torch_strict.py).
func TestWriteWeightsStrict(t *testing.T) {
	python := os.Getenv("COLLAPSE_TORCH_PYTHON")
	if python == "" {
		python = "python3"
	}
	if err := exec.Command(python, "-c", "import torchvision, safetensors").Run(); err != nil {
		t.Skip("no Python with torchvision and safetensors; set COLLAPSE_TORCH_PYTHON to one to load weights into" +
			" PyTorch")
	}
	dir := t.TempDir()
	for _, c := range []struct {
		model, stem string
		size        int
	}{{"resnet18", "7x7", 32}, {"resnet34", "3x3", 16}, {"resnet50", "3x3", 16}} {
		net := build(t, c.model, models.Options{Width: 3, Channels: 3, Classes: 4, Stem: c.stem})
		values := net.Initial(5)
		for i, x := range net.Tensors { // running averages and shifts that are not 1 and 0
			if x.Kind != models.Kernel && x.Kind != models.Weight {
				for j := range values[i] {
					values[i][j] += float32(j%5) / 8
				}
			}
		}
		path := filepath.Join(dir, c.model)
		b, err := json.Marshal(
			map[string]any{"model": c.model, "stem": c.stem, "width": 3, "classes": 4, "size": c.size,
				"logits": logits(t, backendtest.Go(t), net, values, c.size)},
		)
		err = errors.Join(err, os.WriteFile(path+".json", b, 0o644),
			train.WriteWeights(path+".safetensors", net, values), train.WriteWeights(path+".npz", net, values))
		if err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(python, "-B", "testdata/torch_strict.py", dir).CombinedOutput()
	if err != nil || strings.Count(string(out), "All keys matched") != 6 {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// torchFile returns what WriteWeights writes of distinct values, changed by edit.
func torchFile(t *testing.T, net *models.Network, edit func(arrays map[string]safetensors.Array)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "w.safetensors")
	if err := train.WriteWeights(path, net, distinct(net)); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	edit(f.Arrays)
	b, err := f.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// rename puts a prefix before every name.
func rename(prefix string) func(map[string]safetensors.Array) {
	return func(arrays map[string]safetensors.Array) {
		for name, a := range arrays {
			if !strings.HasPrefix(name, prefix) {
				delete(arrays, name)
				arrays[prefix+name] = a
			}
		}
	}
}

func TestReadWeightsNames(t *testing.T) {
	net := build(t, "cnn", models.Options{Width: 1, Channels: 3, Classes: 2})
	for name, edit := range map[string]func(map[string]safetensors.Array){
		"DataParallel":         rename("module."),
		"torch.compile":        rename("_orig_mod."),
		"compiled DDP":         rename("module._orig_mod."),
		"without batch counts": func(a map[string]safetensors.Array) { delete(a, "bn1.num_batches_tracked") },
		"with an optimizer": func(a map[string]safetensors.Array) {
			a["optimizer.step"] = safetensors.Array{I64: []int64{7}}
		},
		"with one of the prefix": func(a map[string]safetensors.Array) {
			a["module.fc.bias"] = a["fc.bias"]
			delete(a, "fc.bias")
		},
	} {
		got, err := train.ReadWeights(torchFile(t, net, edit), net)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !reflect.DeepEqual(got, distinct(net)) {
			t.Errorf("%s: other values", name)
		}
	}
}

// Arrays of .npz are converted or refused as those of .safetensors.
func TestReadWeightsNPZ(t *testing.T) {
	net := build(t, "mlp", models.Options{Width: 1, Channels: 1, Classes: 1, Size: 1, Depth: 1})
	file := func(bias any) string {
		path := filepath.Join(t.TempDir(), "w.npz")
		w, err := npz.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		err = errors.Join(
			npz.Write(w, "layers.0.weight", []int{1, 1}, []float64{0.1}),
			npz.Write(w, "layers.0.bias", []int{1}, []float32{2}),
			npz.Write(w, "fc.weight", []int{1, 1}, []float64{-3}))
		switch bias := bias.(type) {
		case float64:
			err = errors.Join(err, npz.Write(w, "fc.bias", []int{1}, []float64{bias}))
		case int64:
			err = errors.Join(err, npz.Write(w, "fc.bias", []int{1}, []int64{bias}))
		}
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		return path
	}
	got, err := train.ReadWeights(file(4.0), net)
	if err != nil || !reflect.DeepEqual(got, [][]float32{{0.1}, {2}, {-3}, {4}}) {
		t.Errorf("read %v, %v", got, err)
	}
	for _, c := range []struct {
		bias any
		want string
	}{
		{1e39, "fc.bias: element 0 is 1e+39, beyond the range of float32"},
		{math.NaN(), "fc.bias: 1 of 1 values are NaN"},
		{int64(1), `fc.bias: want floating-point numbers, found type "<i8"`},
		{nil, "1 missing: fc.bias"},
	} {
		if _, err := train.ReadWeights(file(c.bias), net); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.bias, err, c.want)
		}
	}
}

func TestWeightsPaths(t *testing.T) {
	net := build(t, "mlp", models.Options{Width: 1, Channels: 1, Classes: 1, Size: 1, Depth: 1})
	dir := t.TempDir()
	for path, want := range map[string]string{
		"w.pth": "save_file",
		"w":     "want a path that ends in .safetensors or .npz",
	} {
		path = filepath.Join(dir, path)
		_, err := train.ReadWeights(path, net)
		for _, err := range []error{err, train.WriteWeights(path, net, net.Initial(1))} {
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%v, want %q", err, want)
			}
		}
	}
	for _, kind := range []string{".safetensors", ".npz"} {
		if _, err := train.ReadWeights(filepath.Join(dir, "absent"+kind), net); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v, want one of a file that does not exist", err)
		}
	}
}

// What cannot be read back is not written: the older file stays, and nothing
// beside it.
func TestWriteWeightsRefuses(t *testing.T) {
	net := build(t, "cnn", models.Options{Width: 1, Channels: 3, Classes: 2})
	for _, kind := range []string{".safetensors", ".npz"} {
		dir := t.TempDir()
		path := filepath.Join(dir, "w"+kind)
		if err := train.WriteWeights(path, net, net.Initial(1)); err != nil {
			t.Fatal(err)
		}
		old, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		nan, short, negative := net.Initial(2), net.Initial(2), net.Initial(2)
		nan[0][5] = float32(math.NaN())
		short[3] = nil
		negative[4][0] = -1
		for _, c := range []struct {
			values [][]float32
			want   string
		}{
			{nan, "conv1.weight: 1 of 27 values are NaN"},
			{short, "bn1.running_mean of shape [1] has 1 elements, found 0"},
			{negative, "bn1.running_var: want variances, found -1"},
			{nan[1:], fmt.Sprintf("cnn has %d tensors, found values of %d", len(net.Tensors), len(net.Tensors)-1)},
		} {
			if err := train.WriteWeights(path, net, c.values); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		}
		now, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(now, old) {
			t.Errorf("the older file has changed (%v)", err)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 1 {
			t.Errorf("found %v, want the file alone", entries)
		}
		if err := train.WriteWeights(filepath.Join(dir, "absent", "w"+kind), net, net.Initial(1)); err == nil {
			t.Error("written to a folder that does not exist")
		}
	}
}

// FuzzReadWeights: whatever a file holds, reading it gives an error or finite
// values of the network's sizes, and never a panic.
func FuzzReadWeights(f *testing.F) {
	net := build(f, "mlp", models.Options{Width: 1, Channels: 1, Classes: 2, Size: 1, Depth: 1})
	resnet := build(f, "resnet18", models.Options{Width: 1, Channels: 1, Classes: 2})
	for i, kind := range []string{".safetensors", ".npz"} {
		path := filepath.Join(f.TempDir(), "w"+kind)
		if err := train.WriteWeights(path, net, net.Initial(1)); err != nil {
			f.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, i == 1)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte, zipped bool) {
		path := filepath.Join(dir, "w.safetensors")
		if zipped {
			path = filepath.Join(dir, "w.npz")
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, net := range []*models.Network{net, resnet} {
			values, err := train.ReadWeights(path, net)
			if err != nil {
				continue
			}
			for i, x := range net.Tensors {
				if len(values[i]) != x.Size() {
					t.Errorf("%s has %d values, want %d", x.Name, len(values[i]), x.Size())
				}
				for _, v := range values[i] {
					if v-v != 0 {
						t.Errorf("%s holds %v", x.Name, v)
					}
				}
			}
		}
	})
}
