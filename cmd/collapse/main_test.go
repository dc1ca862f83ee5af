package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/gocollapse/collapse/record"
)

// call runs one command line.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(context.Background(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestExitCodesAndMessages(t *testing.T) {
	dir := t.TempDir()
	badSpec := filepath.Join(dir, "bad.json")
	if err := os.WriteFile(badSpec, []byte(`{"dataset":"cifar10","epoch":3}`), 0o600); err != nil {
		t.Fatal(err)
	}
	noRecord := filepath.Join(dir, "absent")
	for _, c := range []struct {
		name string
		args []string
		code int
		want []string // all of them on standard error
	}{
		{"no such command", []string{"trian"}, exitUsage, []string{"trian"}},
		{"no such flag", []string{"train", "--detla", "0.1"}, exitUsage, []string{"detla"}},
		{"flag without a number", []string{"train", "--epochs", "many"}, exitUsage, []string{"epochs", "many"}},
		{"every fault at once", []string{"train", "--model", "vgg", "--loss", "hinge", "--delta", "1", "--epochs", "0"}, exitUsage,
			[]string{`model: unknown "vgg"`, `loss: unknown "hinge"`, "delta: 1 is outside [0, 1)", "epochs: 0"}},
		{"δ with ce", []string{"train", "--delta", "0.05"}, exitUsage, []string{"take loss ls"}},
		{"no such specification", []string{"train", "--spec", noRecord}, exitInput, []string{"absent"}},
		{"specification with an unknown field", []string{"train", "--spec", badSpec}, exitInput, []string{"bad.json", "epoch"}},
		{"resume without a folder", []string{"train", "--resume"}, exitUsage, []string{"--out"}},
		{"resume of nothing", []string{"train", "--resume", "--out", noRecord}, exitInput, []string{"nothing to resume", "absent"}},
		{"table that is not there", []string{"table", "7", "x"}, exitUsage, []string{`"7"`}},
		{"table of no record", []string{"table", "1", noRecord}, exitInput, []string{"absent"}},
		{"figure with an unknown ending", []string{"figures", "1", "../../record/testdata/v1.json", "--out", "x.bmp"}, exitUsage, []string{".svg", ".png"}},
		{"data set that is not there", []string{"fetch", "imagenet"}, exitInput, []string{"imagenet"}},
		{"two sets from one file", []string{"fetch", "cifar10", "fashion-mnist-small", "--from", "x"}, exitUsage, []string{"--from"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, _, stderr := call(t, c.args...)
			if code != c.code {
				t.Errorf("exit code %d, want %d; %s", code, c.code, stderr)
			}
			for _, w := range c.want {
				if !strings.Contains(stderr, w) {
					t.Errorf("standard error lacks %q:\n%s", w, stderr)
				}
			}
		})
	}
}

// resolve parses a train command line as far as its specification.
func resolve(t *testing.T, args ...string) record.Spec {
	t.Helper()
	s := record.DefaultSpec()
	var file string
	c := &cobra.Command{}
	c.Flags().StringVar(&file, "spec", "", "")
	addSpecFlags(c.Flags(), &s)
	if err := c.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	spec, err := resolveSpec(c, s, file, "", false)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func TestSpecificationSources(t *testing.T) {
	paper := resolve(t)
	if paper.Name != "cifar10-resnet18-w64-ce-s2021" || paper.Epochs != 800 || paper.Scale() != record.PaperScale {
		t.Errorf("the default is not the paper's run: %+v", paper)
	}
	if ls := resolve(t, "--loss", "ls"); ls.Delta != 0.05 {
		t.Errorf("loss ls without a δ: δ = %v, want the paper's 0.05", ls.Delta)
	}

	want := record.DefaultSpec()
	want.Name, want.Width, want.Epochs, want.Milestones, want.Seed = "mine", 8, 30, []int{10, 20}, 7
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "spec.json")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	got := resolve(t, "--spec", file)
	if got.Name != "mine" || got.Width != 8 || got.Epochs != 30 || len(got.Milestones) != 2 {
		t.Errorf("the file's fields are lost: %+v", got)
	}
	// A flag that repeats a default still overrides the file.
	got = resolve(t, "--spec", file, "--width", "64", "--milestones", "5,6,7", "--loss", "ls", "--delta", "0.2")
	if got.Width != 64 || got.Delta != 0.2 || got.Epochs != 30 || len(got.Milestones) != 3 || got.Milestones[2] != 7 {
		t.Errorf("flags do not override the file: %+v", got)
	}
}

// TestExperiments holds every committed specification valid, named as its file,
// and written in full, so that a later default cannot change what it means.
func TestExperiments(t *testing.T) {
	files, err := filepath.Glob("../../experiments/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no specification: %v", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		spec, err := record.ReadSpec(bytes.NewReader(b))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if want := strings.TrimSuffix(filepath.Base(file), ".json"); spec.Name != want {
			t.Errorf("%s: name %q, want %q", file, spec.Name, want)
		}
		var fields, all map[string]any
		full, _ := json.Marshal(spec)
		if json.Unmarshal(b, &fields) != nil || json.Unmarshal(full, &all) != nil || len(fields) != len(all) {
			t.Errorf("%s gives %d of %d fields", file, len(fields), len(all))
		}
	}
}
