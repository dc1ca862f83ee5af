package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/gocollapse/collapse/npz"
)

var (
	inlineCommand = regexp.MustCompile("`(collapse [^`]+)`")
	shellComment  = regexp.MustCompile(`\s+#.*`)
)

// documented returns the command lines in the documentation and in the examples of the help, each
// with the first place where it is.
func documented(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	add := func(line, place string) {
		line = strings.Join(strings.Fields(shellComment.ReplaceAllString(line, "")), " ")
		if _, ok := found[line]; !ok && strings.HasPrefix(line, "collapse ") {
			found[line] = place
		}
	}
	paths, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no docs: %v", err)
	}
	for _, path := range append(paths, "../../README.md", "../../CONTRIBUTING.md") {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		fenced := false
		text := strings.ReplaceAll(string(b), "\\\n", " ")
		for line := range strings.Lines(text) {
			switch code := strings.TrimPrefix(line, "    "); {
			case strings.HasPrefix(line, "```"):
				fenced = !fenced
			case fenced || code != line:
				add(strings.TrimPrefix(strings.TrimSpace(code), "$ "), filepath.Base(path))
			default:
				for _, m := range inlineCommand.FindAllStringSubmatch(line, -1) {
					add(m[1], filepath.Base(path))
				}
			}
		}
	}
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		for line := range strings.Lines(strings.ReplaceAll(c.Example, "\\\n", " ")) {
			add(line, "the help of "+c.CommandPath())
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(newRoot())
	return found
}

// before are the documented commands that others need, in the order in which they run.
var before = []string{
	"collapse train --dataset fashion-mnist-small --width 4 --train-per-class 20 --epochs 12 --out runs/x",
	"collapse train --resume --out runs/x",
	"collapse train --resume --epochs 14 --out runs/x",
	"collapse train --spec fashion-resnet18-ce --out runs/ce",
	"collapse train --spec fashion-resnet18-ls --seeds 2021,2022,2023 --out runs/ls",
	"collapse measure --features a.npz --state a.state",
	"collapse measure --features a.npz --merge a.state --merge b.state --state a2.state",
	"collapse features --run runs/x --out x.npz",
}

// shorter are flags that a test adds to a documented command, to train less or elsewhere.
var shorter = map[string]string{
	before[0]: lessTraining + " --keep 1",
	before[2]: "--epochs 2",
	before[3]: lessTraining,
	before[4]: lessTraining,
	"collapse train --spec fashion-resnet18-ce --loss ls --seeds 2021,2022,2023 --out runs/ls": lessTraining +
		" --out runs/ls2",
	"collapse train --dataset folder:pictures --model resnet34 --epochs 50 --pad 4 --flip": lessTraining +
		" --train-per-class 0",
	"collapse train --dataset folder:pictures --test-share 0.2 --resize 32 --model cnn --width 8 --epochs 2 " +
		"--batch 8 --out runs/pictures": lessTraining + " --train-per-class 0",
	"collapse weights --run runs/x --checkpoint checkpoint-epoch-100.safetensors --out x-100.npz": "--checkpoint " +
		"checkpoint-epoch-1.safetensors",
}

const lessTraining = "--model mlp --width 4 --train-per-class 4 --epochs 1 --batch 8"

// notRun are the documented commands whose flags and arguments are checked alone, with the reason.
var notRun = map[string]string{
	"collapse doctor":                                                                "looks at the machine",
	"collapse fetch cifar10 --verify":                                                "needs CIFAR-10",
	"collapse fetch cifar10 cifar100":                                                "needs a network",
	"collapse fetch cifar10 --from cifar-10-batches-py":                              "needs CIFAR-10",
	"collapse fetch cifar10 --from cifar-10-binary.tar.gz":                           "needs CIFAR-10",
	"collapse fetch cifar100 --from cifar-100-python.tar.gz":                         "needs CIFAR-100",
	"collapse images cifar10 --out cifar10.png":                                      "needs CIFAR-10",
	"collapse images fashion-mnist --per-class 10 --out docs/data-fashion-mnist.png": "needs Fashion-MNIST",
	"collapse train --dataset cifar10 --train-per-class 500":                         "needs CIFAR-10",
	"collapse train --dataset cifar10 --model resnet18 --width 16 --train-per-class 500 --loss ls --delta 0.05 " +
		"--epochs 20 --seed 2021 --out runs/x": "needs CIFAR-10",
	"collapse train --init resnet18.safetensors --dataset cifar10 --out runs/tuned": "needs CIFAR-10",
	"collapse train --spec cifar10-resnet18-ce --out runs/ce":                       "needs CIFAR-10",
	"collapse features --weights resnet18.safetensors --model resnet18 --dataset cifar10 --out torch.npz": "needs " +
		"CIFAR-10",
	"collapse report": "needs executed notebooks",
	"collapse reproduce c3.1-ls-faster-nc2 --run --budget 30m": "trains for half an hour",
	"collapse reproduce --queue":                               "trains for days",
	"collapse reproduce all --out build/reproduce":             "draws everything, which the tests of its parts do",
}

// named are commands and flags that a sentence only names.
var named = []string{
	"collapse calibrate", "collapse features", "collapse measure", "collapse ood",
	"collapse records summary", "collapse reproduce", "collapse train", "collapse train --spec",
	"collapse train --spec NAME", "collapse train --tensorboard logs/x",
}

// TestDocumentedCommands runs every command of the documentation and of the help's examples on
// small files. Of those that cannot run here it checks flags and arguments.
func TestDocumentedCommands(t *testing.T) {
	all := documented(t)
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("COLLAPSE_ROOT", root)
	t.Setenv("COLLAPSE_DATA", t.TempDir())
	documentedFiles(t, root)
	var rest []string
	for line := range all {
		if !slices.Contains(before, line) {
			rest = append(rest, line)
		}
	}
	slices.Sort(rest)
	for _, line := range slices.Concat(before, rest) {
		where, ok := all[line]
		switch _, checked := notRun[line]; {
		case !ok:
			t.Errorf("%s: no longer documented", line)
		case slices.Contains(named, line):
			if c, _, err := newRoot().Find(words(line)); err != nil || c.Name() == "collapse" {
				t.Errorf("%s: %s: no such command", where, line)
			}
		case checked:
			if err := parse(words(line)); err != nil {
				t.Errorf("%s: %s: %v", where, line, err)
			}
		default:
			code, _, stderr := call(t, append(words(line), words("collapse "+shorter[line])...)...)
			if code != 0 {
				t.Errorf("%s: %s: exit code %d: %s", where, line, code, stderr)
			}
		}
	}
	for _, list := range [][]string{slices.Collect(maps.Keys(notRun)), slices.Collect(maps.Keys(shorter)), named} {
		for _, line := range list {
			if _, ok := all[line]; !ok {
				t.Errorf("%s: no longer documented", line)
			}
		}
	}
}

// words splits a command line as a shell does, without the name of the program.
func words(line string) (args []string) {
	for _, w := range strings.Fields(line)[1:] {
		if quoted := strings.Trim(w, "'\""); quoted != w {
			args = append(args, quoted)
		} else if paths, err := filepath.Glob(w); err == nil && strings.Contains(w, "*") {
			args = append(args, paths...)
		} else {
			args = append(args, w)
		}
	}
	return args
}

// parse checks the flags and the number of arguments of a command line.
func parse(args []string) error {
	c, rest, err := newRoot().Find(args)
	if err == nil {
		err = c.ParseFlags(rest)
	}
	if err == nil {
		err = c.ValidateArgs(c.Flags().Args())
	}
	return err
}

// documentedFiles makes a new folder with the files that the documentation names, and goes there.
func documentedFiles(t *testing.T, root string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, dir := range []string{"layers", "docs", "pictures/ant", "pictures/bee"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"records", "experiments"} {
		if err := os.Symlink(filepath.Join(root, dir), dir); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 12 {
		m := image.NewGray(image.Rect(0, 0, 16, 16))
		for j := range m.Pix {
			m.Pix[j] = byte(i * j)
		}
		var b bytes.Buffer
		if err := png.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join("pictures", []string{"ant", "bee"}[i%2], fmt.Sprint(i, ".png"))
		if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range []string{"L", "F", "FILE", "features", "test", "ce", "ls", "a", "b", "epoch1", "epoch2",
		"features-epoch1", "features-epoch2", "shard-1", "shard-2", "layers/1", "layers/2", "svhn", "textures"} {
		documentedArrays(t, name+".npz", uint64(i))
	}
	for _, args := range []string{
		"collapse measure --features b.npz --state b.state",
		"collapse measure --features a.npz --state a.state",
		"collapse measure --features b.npz --merge a.state --merge b.state --state b2.state",
	} {
		if code, _, stderr := call(t, words(args)...); code != 0 {
			t.Fatalf("%s: %s", args, stderr)
		}
	}
	if err := os.Remove("a.state"); err != nil {
		t.Fatal(err)
	}
}

// documentedArrays writes features, labels, classifier and logits of 80 samples in 4 classes, and of
// as many test samples.
func documentedArrays(t *testing.T, path string, seed uint64) {
	t.Helper()
	const n, d, k = 80, 6, 4
	rng := rand.New(rand.NewPCG(seed, 1))
	random := func(count int) []float32 {
		v := make([]float32, count)
		for i := range v {
			v[i] = float32(rng.NormFloat64())
		}
		return v
	}
	weight := make([]float32, k*d) // the same in all files: shards and machines share one classifier
	for i := range weight {
		weight[i] = float32(math.Sin(float64(i * i)))
	}
	labels := make([]int64, n)
	for i := range labels {
		labels[i] = int64(i % k)
	}
	w, err := npz.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	put := func(name string, shape []int, v []float32) { err = errors.Join(err, npz.Write(w, name, shape, v)) }
	for _, prefix := range []string{"", "test_"} {
		put(prefix+"features", []int{n, d}, random(n*d))
		logits := random(n * k)
		for i, y := range labels {
			logits[i*k+int(y)] += 2
		}
		put(prefix+"logits", []int{n, k}, logits)
		err = errors.Join(err, npz.Write(w, prefix+"labels", []int{n}, labels))
	}
	if path != "shard-2.npz" { // one shard has the classifier
		put("weight", []int{k, d}, weight)
		put("bias", []int{k}, make([]float32, k))
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
}
