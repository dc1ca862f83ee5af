package train_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/models"
	"github.com/gocollapse/collapse/train"
	"github.com/gocollapse/collapse/train/safetensors"
)

// A file that does not fit is one error that names all that is wrong, and where
// the shapes show why.
func TestReadWeightsErrors(t *testing.T) {
	small := models.Options{Width: 2, Channels: 3, Classes: 4}
	with := func(edit func(*models.Options)) models.Options {
		o := small
		edit(&o)
		return o
	}
	cnn, resnet := build(t, "cnn", small), build(t, "resnet18", small)
	wider := build(t, "resnet18", models.Options{Width: 3, Channels: 3, Classes: 5, Stem: models.StemOriginal})
	gray := build(t, "cnn", with(func(o *models.Options) { o.Channels = 1 }))
	etf := build(t, "cnn", with(func(o *models.Options) { o.Head = models.HeadETF }))
	normed := build(t, "cnn", with(func(o *models.Options) { o.FeatureNorm = true }))
	mlp := build(t, "mlp", with(func(o *models.Options) { o.Size = 2 }))
	shallow := build(t, "mlp", with(func(o *models.Options) { o.Size, o.Depth = 3, 1 }))
	for name, c := range map[string]struct {
		file, net *models.Network
		edit      func(map[string]safetensors.Array)
		want      []string
	}{
		"several": {cnn, cnn, func(a map[string]safetensors.Array) {
			delete(a, "fc.bias")
			a["fc.more\n"] = safetensors.Array{Shape: []int{1}, F32: []float32{1}}
			a["bn1.bias"] = safetensors.Array{Shape: []int{1, 2}, F32: []float32{1, 2}}
		}, []string{"1 missing: fc.bias", `1 unexpected: "fc.more\n"`,
			"1 of another shape: bn1.bias is [1 2], want [2]"}},
		"twice": {cnn, cnn, func(a map[string]safetensors.Array) { a["module.fc.bias"] = a["fc.bias"] },
			[]string{`both "fc.bias" and "module.fc.bias"`}},
		"integer": {cnn, cnn, func(a map[string]safetensors.Array) {
			a["fc.bias"] = safetensors.Array{Shape: []int{4}, I64: make([]int64, 4)}
		}, []string{"fc.bias: want floating-point numbers, found int64"}},
		"NaN": {cnn, cnn, func(a map[string]safetensors.Array) {
			a["fc.bias"].F32[2] = float32(math.NaN())
			a["bn2.weight"].F32[0] = float32(math.Inf(-1))
		}, []string{"fc.bias: 1 of 4 values are NaN or infinite, the first is NaN",
			"bn2.weight: 1 of 4 values are NaN or infinite, the first is -Inf"}},
		"variance": {cnn, cnn, func(a map[string]safetensors.Array) { a["bn2.running_var"].F32[0] = -1 },
			[]string{"bn2.running_var: want variances, found -1"}},
		"inner": {cnn, cnn, rename("net."), []string{`all are under "net."`}},
		"width, classes, stem": {resnet, wider, nil,
			[]string{"width 2 (want 3), stem 3×3 (want 7×7), classes 4 (want 5)",
				"of another shape: conv1.weight is [2 3 3 3], want [3 3 7 7]", "more"}},
		"model":     {build(t, "resnet50", small), resnet, nil, []string{"model resnet50 (want resnet18);"}},
		"depth":     {build(t, "resnet34", small), resnet, nil, []string{"model resnet34 (want resnet18);"}},
		"other":     {cnn, resnet, nil, []string{"model cnn (want resnet18);"}},
		"channels":  {cnn, gray, nil, []string{"channels 3 (want 1);"}},
		"head":      {etf, cnn, nil, []string{"without fc.bias (head etf) (want with fc.bias);"}},
		"norm":      {normed, cnn, nil, []string{"feature norm true (want false);"}},
		"mlp":       {mlp, shallow, nil, []string{"depth 2 (want 1), inputs 12 (want 27);"}},
		"no layers": {cnn, cnn, func(a map[string]safetensors.Array) { clear(a) }, []string{"missing: conv1.weight"}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.edit == nil {
				c.edit = func(map[string]safetensors.Array) {}
			}
			path := torchFile(t, c.file, c.edit)
			_, err := train.ReadWeights(path, c.net)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range append(c.want, path) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error does not say %q:\n%v", want, err)
				}
			}
		})
	}
}
