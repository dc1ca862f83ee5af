package train

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/internal/atomic"
	"github.com/gocollapse/collapse/models"
	"github.com/gocollapse/collapse/npz"
	"github.com/gocollapse/collapse/train/safetensors"
)

// ReadWeights reads the values of a network's tensors from a file under
// torchvision's names, as PyTorch's state_dict() gives them. They come in the
// order of net.Tensors and in the graph's layouts, ready for net.Forward. The end
// of the path says which format it is:
//
//   - .safetensors, written by safetensors.torch.save_file(model.state_dict(), path),
//     of float32, float16, bfloat16 or float64;
//   - .npz, written by numpy.savez(path, **{k: v.numpy() for k, v in
//     model.state_dict().items()}), of floating-point numbers of any width.
//
// Other types than float32 are converted to it. The prefixes "module."
// (DataParallel) and "_orig_mod." (torch.compile) are taken off, and arrays called
// num_batches_tracked or beginning with "optimizer." left out, so that a
// [Checkpoint]'s file is one of weights too.
//
// The first layer of mlp multiplies pixels in the order H, W, C: a network of
// PyTorch whose images are C×H×W must flatten x.permute(0, 2, 3, 1).
//
// Arrays that are missing, unexpected or of another shape are one error, with a
// hint where they show another model, width, stem or number of classes. So are
// values that are NaN, infinite or beyond float32, and negative running variances.
func ReadWeights(path string, net *models.Network) ([][]float32, error) {
	values, err := readWeights(path, net)
	if err != nil {
		return nil, fmt.Errorf("train: weights %s: %w", path, err)
	}
	return values, nil
}

func readWeights(path string, net *models.Network) ([][]float32, error) {
	kind, err := weightsFormat(path)
	if err != nil {
		return nil, err
	}
	if kind == ".npz" {
		f, err := npz.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return npzState(f).values(net)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	d, err := safetensorsState(b)
	if err != nil {
		return nil, err
	}
	return d.values(net)
}

// WriteWeights writes the values of a network's tensors, in the order of
// net.Tensors and in the graph's layouts, as [ReadWeights] reads them: in the format
// that the path's end names (.safetensors or .npz), under torchvision's names, in
// PyTorch's layouts, whole or not at all. Each batch normalisation has
// PyTorch's count num_batches_tracked, which is 0: it has no effect at a momentum that is
// a number, and load_state_dict(strict=True) wants it. In Python:
//
//	model.load_state_dict(safetensors.torch.load_file(path))
//	model.load_state_dict({k: torch.from_numpy(v) for k, v in numpy.load(path).items()})
//
// Values that ReadWeights would refuse are an error, and nothing is written.
func WriteWeights(path string, net *models.Network, values [][]float32) error {
	if err := writeWeights(path, net, values); err != nil {
		return fmt.Errorf("train: weights not written to %s: %w", path, err)
	}
	return nil
}

func writeWeights(path string, net *models.Network, values [][]float32) error {
	kind, err := weightsFormat(path)
	if err != nil {
		return err
	}
	if len(values) != len(net.Tensors) {
		return fmt.Errorf("%s has %d tensors, found values of %d", net.Name, len(net.Tensors), len(values))
	}
	var errs []error
	for i, t := range net.Tensors {
		if len(values[i]) != t.Size() {
			errs = append(errs,
				fmt.Errorf("%s of shape %v has %d elements, found %d", t.Name, t.Shape, t.Size(), len(values[i])))
		} else if err := checkTensor(t, values[i]); err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if kind == ".npz" {
		return writeNPZ(path, net, values)
	}
	f := &safetensors.File{
		Metadata: map[string]string{"format": "pt"}, // what PyTorch's tools expect to find
		Arrays:   make(map[string]safetensors.Array),
	}
	for i, t := range net.Tensors {
		f.Arrays[t.Name] = safetensors.Array{Shape: t.TorchShape(), F32: t.Torch(values[i])}
		if count, ok := batchCount(t); ok {
			f.Arrays[count] = safetensors.Array{I64: []int64{0}}
		}
	}
	b, err := f.Marshal()
	if err != nil {
		return err
	}
	return atomic.WriteFile(path, b)
}

func writeNPZ(path string, net *models.Network, values [][]float32) error {
	w, err := npz.Create(path)
	if err != nil {
		return err
	}
	for i, t := range net.Tensors {
		err := npz.Write(w, t.Name, t.TorchShape(), t.Torch(values[i]))
		if count, ok := batchCount(t); ok && err == nil {
			err = npz.Write(w, count, nil, []int64{0})
		}
		if err != nil {
			return errors.Join(err, w.Abort())
		}
	}
	return w.Close()
}

// tracked ends the name of PyTorch's count of the batches behind a running average.
const tracked = ".num_batches_tracked"

// batchCount returns the name of the count that PyTorch keeps after t, if it does.
func batchCount(t models.Tensor) (string, bool) {
	norm, ok := strings.CutSuffix(t.Name, ".running_var")
	return norm + tracked, ok
}

// weightsFormat returns the end of a path that ReadWeights and WriteWeights know.
func weightsFormat(path string) (string, error) {
	switch kind := strings.ToLower(filepath.Ext(path)); kind {
	case ".safetensors", ".npz":
		return kind, nil
	case ".pt", ".pth", ".bin", ".ckpt", ".pkl":
		return "", fmt.Errorf("want .safetensors or .npz, found %q, which runs code when it is read; "+
			"in Python write safetensors.torch.save_file(model.state_dict(), \"weights.safetensors\")", kind)
	default:
		return "", fmt.Errorf("want a path that ends in .safetensors or .npz, found %q", kind)
	}
}

// checkTensor says which value of a tensor no network can have.
func checkTensor(t models.Tensor, v []float32) error {
	bad, first := 0, 0
	for i, x := range v {
		if x-x != 0 { // NaN or infinite
			if bad == 0 {
				first = i
			}
			bad++
		}
	}
	if bad > 0 {
		return fmt.Errorf("%s: %d of %d values are NaN or infinite, the first is %v; the network has diverged or the"+
			" file is damaged", t.Name, bad, len(v), v[first])
	}
	if t.Kind == models.Variance && len(v) > 0 && slices.Min(v) < 0 {
		return fmt.Errorf("%s: want variances, found %v", t.Name, slices.Min(v))
	}
	return nil
}

// state is what a file of weights holds, in PyTorch's layouts.
type state struct {
	names  []string
	shape  func(name string) ([]int, error)
	floats func(name string) ([]float32, error)
}

func safetensorsState(b []byte) (*state, error) {
	f, err := safetensors.Unmarshal(b)
	if err != nil {
		return nil, err
	}
	return &state{
		names: slices.Sorted(maps.Keys(f.Arrays)),
		shape: func(name string) ([]int, error) { return f.Arrays[name].Shape, nil },
		floats: func(name string) ([]float32, error) {
			if f.Arrays[name].I64 != nil {
				return nil, fmt.Errorf("%s: want floating-point numbers, found int64", name)
			}
			return f.Arrays[name].F32, nil
		},
	}, nil
}

// npzState reads an array when it is asked for, and never one that the network
// does not have: a small file may hold a large array, compressed.
func npzState(f *npz.File) *state {
	return &state{
		names: f.Names(),
		shape: func(name string) ([]int, error) {
			a, err := f.Array(name)
			if err != nil {
				return nil, err
			}
			return a.Shape, nil
		},
		floats: func(name string) ([]float32, error) {
			a, err := f.Array(name)
			switch {
			case err != nil:
				return nil, err
			case !a.IsFloat():
				return nil, fmt.Errorf("%s: want floating-point numbers, found type %q", name, a.DType)
			case a.FitsFloat32():
				return a.Float32s()
			}
			wide, err := a.Float64s()
			if err != nil {
				return nil, err
			}
			v := make([]float32, len(wide))
			for i, x := range wide {
				v[i] = float32(x)
				if math.IsInf(float64(v[i]), 0) && !math.IsInf(x, 0) {
					return nil, fmt.Errorf("%s: element %d is %v, beyond the range of float32", name, i, x)
				}
			}
			return v, nil
		},
	}
}

// values matches the file's arrays with the network's tensors and reads them.
func (s *state) values(net *models.Network) ([][]float32, error) {
	stored := make(map[string]string) // the network's name → the file's
	var errs []error
	for _, name := range s.names {
		own := ownName(name)
		switch {
		case strings.HasPrefix(name, "optimizer.") || strings.HasSuffix(own, tracked):
		case stored[own] != "":
			errs = append(errs, fmt.Errorf("both %q and %q are %s; keep one", stored[own], name, own))
		default:
			stored[own] = name
		}
	}
	var missing, shaped, unexpected []string
	wanted := make(map[string]bool, len(net.Tensors))
	for _, t := range net.Tensors {
		wanted[t.Name] = true
		name, ok := stored[t.Name]
		if !ok {
			missing = append(missing, t.Name)
			continue
		}
		shape, err := s.shape(name)
		if err != nil {
			errs = append(errs, err)
		} else if !slices.Equal(shape, t.TorchShape()) {
			shaped = append(shaped, fmt.Sprintf("%s is %v, want %v", name, shape, t.TorchShape()))
		}
	}
	for _, own := range slices.Sorted(maps.Keys(stored)) {
		if !wanted[own] {
			unexpected = append(unexpected, fmt.Sprintf("%q", stored[own]))
		}
	}
	if len(missing)+len(shaped)+len(unexpected) > 0 {
		errs = append(errs, fmt.Errorf("the arrays are not those of this %s%s", net.Name, s.hint(stored, net)))
		for _, list := range []struct {
			what  string
			names []string
		}{{"missing", missing}, {"of another shape", shaped}, {"unexpected", unexpected}} {
			if n := len(list.names); n > 0 {
				errs = append(errs, fmt.Errorf("%d %s: %s", n, list.what, some(list.names)))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	values := make([][]float32, len(net.Tensors))
	for i, t := range net.Tensors {
		v, err := s.floats(stored[t.Name])
		if err == nil {
			err = checkTensor(t, v)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		values[i] = t.FromTorch(v)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return values, nil
}

// ownName takes off what PyTorch's wrappers put before a name.
func ownName(name string) string {
	for {
		own := strings.TrimPrefix(strings.TrimPrefix(name, "module."), "_orig_mod.")
		if own == name {
			return own
		}
		name = own
	}
}

// some joins names, of many the first: a network of another width has them all
// of another shape.
func some(names []string) string {
	const most = 12
	if len(names) <= most {
		return strings.Join(names, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(names[:most], "; "), len(names)-most)
}

// hint says what network the file holds, where that is another one.
func (s *state) hint(stored map[string]string, net *models.Network) string {
	found := facts(
		func(name string) bool { _, ok := stored[name]; return ok },
		func(name string) []int {
			if _, ok := stored[name]; !ok {
				return nil
			}
			shape, _ := s.shape(stored[name]) // a fault is reported with the array
			return shape
		})
	if found == nil {
		for _, own := range slices.Sorted(maps.Keys(stored)) {
			if prefix, ok := strings.CutSuffix(own, "fc.weight"); ok && prefix != "" {
				return fmt.Sprintf(": all are under %q; write the state_dict() of that inner network", prefix)
			}
		}
		return ""
	}
	shapes := make(map[string][]int, len(net.Tensors))
	for _, t := range net.Tensors {
		shapes[t.Name] = t.TorchShape()
	}
	want := facts(
		func(name string) bool { return shapes[name] != nil },
		func(name string) []int { return shapes[name] })
	var differ []string
	for _, f := range found {
		for _, w := range want {
			if f.what == w.what && f.value != w.value {
				differ = append(differ, fmt.Sprintf("%s %s (want %s)", f.what, f.value, w.value))
			}
		}
	}
	if len(differ) == 0 {
		return ""
	}
	return fmt.Sprintf(": the file's network has %s; build the network as the file's is, or take another file",
		strings.Join(differ, ", "))
}

// fact is a property of a network that its tensors show.
type fact struct{ what, value string }

// facts returns what the names and shapes of a state dictionary say about its
// network; nil where it is none like those in models.
func facts(has func(name string) bool, shape func(name string) []int) []fact {
	var out []fact
	say := func(what, format string, args ...any) { out = append(out, fact{what, fmt.Sprintf(format, args...)}) }
	count := func(format string, args ...any) int {
		n := 0
		for has(fmt.Sprintf(format, append(args, n)...)) {
			n++
		}
		return n
	}
	if first := shape("layers.0.weight"); len(first) == 2 {
		say("model", "mlp")
		say("depth", "%d", count("layers.%d.weight"))
		say("width", "%d", first[0])
		say("inputs", "%d", first[1])
	} else if first := shape("conv1.weight"); len(first) == 4 {
		stem := ""
		switch {
		case has("layer1.0.conv1.weight"):
			say("model", "%s", resnetName(count, has("layer1.0.conv3.weight")))
			stem = fmt.Sprintf("%d×%d", first[2], first[3])
		case has("conv4.weight") && has("bn4.weight"):
			say("model", "cnn")
		default:
			return nil
		}
		say("width", "%d", first[0])
		say("channels", "%d", first[1])
		if stem != "" {
			say("stem", "%s", stem)
		}
	} else {
		return nil
	}
	if last := shape("fc.weight"); len(last) == 2 {
		say("classes", "%d", last[0])
	}
	say("classifier", "%s", map[bool]string{true: "with fc.bias", false: "without fc.bias (head etf)"}[has("fc.bias")])
	say("feature norm", "%t", has("feature_norm.weight"))
	return out
}

// resnetName names a ResNet of torchvision by the blocks of its four stages.
func resnetName(count func(string, ...any) int, bottleneck bool) string {
	var blocks [4]int
	for i := range blocks {
		blocks[i] = count("layer%d.%d.conv1.weight", i+1)
	}
	known := map[[4]int]string{{2, 2, 2, 2}: "resnet18", {3, 4, 6, 3}: "resnet34"}
	if bottleneck {
		known = map[[4]int]string{{3, 4, 6, 3}: "resnet50", {3, 4, 23, 3}: "resnet101", {3, 8, 36, 3}: "resnet152"}
	}
	if name, ok := known[blocks]; ok {
		return name
	}
	return fmt.Sprintf("ResNet of %v blocks", blocks)
}
